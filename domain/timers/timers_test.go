package timers_test

import (
	"math"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/domain/timers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pass lets time go by, and waits for what it brings.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// [T-1] Keys fire in order of their times, never early, and those of one time in the order in which they were set.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var got []string
		q := timers.New(system.Clock{}, func(due []string) {
			for _, k := range due {
				got = append(got, k+"@"+time.Since(began).String())
			}
		})
		defer q.Close()
		q.Add(began.Add(2*time.Second), "b")
		q.Add(began.Add(time.Second), "a")
		q.Add(began.Add(2*time.Second), "c")
		q.Add(began.Add(-time.Second), "past")
		synctest.Wait()
		if len(got) != 1 || got[0] != "past@0s" {
			t.Fatalf("at once: %v", got)
		}
		pass(999 * time.Millisecond)
		if len(got) != 1 {
			t.Fatalf("early: %v", got)
		}
		pass(time.Hour)
		want := []string{"past@0s", "a@1s", "b@2s", "c@2s"}
		if len(got) != 4 || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// An entry is moved and taken back; one that fires may be set again from within.
func TestSetAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var got []time.Duration
		var q *timers.Queue[int]
		again := &timers.Entry[int]{Key: 1}
		q = timers.New(system.Clock{}, func(due []int) {
			for range due {
				got = append(got, time.Since(began))
				if len(got) < 3 {
					q.Set(again, time.Now().Add(time.Second))
				}
			}
		})
		defer q.Close()
		gone := &timers.Entry[int]{Key: 2}
		q.Set(gone, began.Add(time.Second))
		q.Set(again, began.Add(5*time.Second))
		q.Set(again, began.Add(2*time.Second))
		q.Remove(gone)
		q.Remove(gone)
		pass(time.Hour)
		if len(got) != 3 || got[0] != 2*time.Second || got[2] != 4*time.Second || q.Len() != 0 {
			t.Fatalf("%v, %d wait", got, q.Len())
		}
	})
}

// A time that is too far away for the clock never comes, and does not count as passed.
func TestFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := timers.New(system.Clock{}, func(due []int) { t.Errorf("fired %v", due) })
		defer q.Close()
		q.Add(time.Now().Add(math.MaxInt64), 1)
		pass(24 * time.Hour)
		if q.Len() != 1 {
			t.Error("it is gone")
		}
	})
}

// After Close nothing fires and nothing is kept.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := timers.New(system.Clock{}, func(due []int) { t.Errorf("fired %v", due) })
		e := &timers.Entry[int]{Key: 1}
		q.Set(e, time.Now().Add(time.Second))
		q.Close()
		q.Remove(e)
		q.Add(time.Now(), 2)
		pass(time.Minute)
		if q.Len() != 0 {
			t.Error("keys were kept")
		}
	})
}

// Whatever is set, moved and removed: each key that is left fires exactly at its time.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ops := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [3]int {
			return [3]int{rapid.IntRange(0, 9).Draw(t, "key"), rapid.IntRange(-1, 50).Draw(t, "delay"), rapid.IntRange(0, 5).Draw(t, "pause")}
		}), 1, 60).Draw(rt, "ops")
		synctest.Test(t, func(*testing.T) {
			began := time.Now()
			at := map[int]int{} // key → ms
			var got, want [][2]int
			now := func() int { return int(time.Since(began) / time.Millisecond) }
			q := timers.New(system.Clock{}, func(due []int) {
				for _, k := range due {
					got = append(got, [2]int{now(), k})
				}
			})
			defer q.Close()
			entries := map[int]*timers.Entry[int]{}
			for k := range 10 {
				entries[k] = &timers.Entry[int]{Key: k}
			}
			for _, op := range ops {
				key, delay, pause := op[0], op[1], op[2]
				if delay < 0 {
					q.Remove(entries[key])
					delete(at, key)
				} else {
					at[key] = now() + delay
					q.Set(entries[key], time.Now().Add(time.Duration(delay)*time.Millisecond))
				}
				until := now() + pause
				pass(time.Duration(pause) * time.Millisecond)
				for k, ms := range at {
					if ms <= until {
						want = append(want, [2]int{ms, k})
						delete(at, k)
					}
				}
			}
			for k, ms := range at {
				want = append(want, [2]int{ms, k})
			}
			pass(time.Minute)
			less := func(s [][2]int) func(i, j int) bool {
				return func(i, j int) bool { return s[i][0] < s[j][0] || s[i][0] == s[j][0] && s[i][1] < s[j][1] }
			}
			sort.Slice(got, less(got))
			sort.Slice(want, less(want))
			if len(got) != len(want) {
				rt.Fatalf("fired %v, want %v", got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					rt.Fatalf("fired %v, want %v", got, want)
				}
			}
		})
	})
}
