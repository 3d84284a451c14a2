package timers_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/domain/timers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fired notes what fired and when.
type fired[K any] struct {
	mu    sync.Mutex
	began time.Time
	keys  []K
	at    []time.Duration
}

func (f *fired[K]) add(due []K) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range due {
		f.keys, f.at = append(f.keys, k), append(f.at, time.Since(f.began))
	}
	return len(f.keys)
}

func (f *fired[K]) get() ([]K, []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys, f.at
}

// pass lets time go by, and waits for what it brings.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// [T-1] Keys fire in order of their times, never early, and those of one time in the order in which they were set.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := &fired[string]{began: began}
		q := timers.New(system.Clock{}, func(due []string) { f.add(due) })
		defer q.Close()
		q.Add(began.Add(2*time.Second), "b")
		q.Add(began.Add(time.Second), "a")
		q.Add(began.Add(2*time.Second), "c")
		q.Add(began.Add(-time.Second), "past")
		synctest.Wait()
		if got, at := f.get(); !slices.Equal(got, []string{"past"}) || at[0] != 0 {
			t.Fatalf("at once: %v %v", got, at)
		}
		pass(999 * time.Millisecond)
		if got, _ := f.get(); len(got) != 1 {
			t.Fatalf("early: %v", got)
		}
		pass(time.Hour)
		if got, at := f.get(); !slices.Equal(got, []string{"past", "a", "b", "c"}) || !slices.Equal(at, []time.Duration{0, time.Second, 2 * time.Second, 2 * time.Second}) {
			t.Fatalf("got %v at %v", got, at)
		}
	})
}

// An entry is moved and taken back; one that fires may be set again from within.
func TestSetAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := &fired[int]{began: began}
		again := &timers.Entry[int]{Key: 1}
		var q *timers.Queue[int]
		q = timers.New(system.Clock{}, func(due []int) {
			if f.add(due) < 3 {
				q.Set(again, time.Now().Add(time.Second))
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
		if _, at := f.get(); !slices.Equal(at, []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second}) || q.Len() != 0 {
			t.Fatalf("%v, %d wait", at, q.Len())
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
			f := &fired[int]{began: began}
			q := timers.New(system.Clock{}, func(due []int) { f.add(due) })
			defer q.Close()
			now := func() int { return int(time.Since(began) / time.Millisecond) }
			at := map[int]int{} // key → ms
			var want []string
			note := func(until int) {
				for k, ms := range at {
					if ms <= until {
						want = append(want, fmt.Sprint(ms, k))
						delete(at, k)
					}
				}
			}
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
				pass(time.Duration(pause) * time.Millisecond)
				note(now())
			}
			note(1 << 30)
			pass(time.Minute)
			var got []string
			keys, times := f.get()
			for i, k := range keys {
				got = append(got, fmt.Sprint(times[i].Milliseconds(), k))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				rt.Fatalf("fired %v, want %v", got, want)
			}
		})
	})
}
