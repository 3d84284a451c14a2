package schedule

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func hourly(o model.Overlap) model.ScheduleConfig {
	return model.ScheduleConfig{Spec: model.ScheduleSpec{Crons: []string{"0 * * * *"}}, Action: model.ScheduleAction{Type: "Report"}, Policy: model.SchedulePolicy{Overlap: o}}
}

func newHourly(t testing.TB, c model.ScheduleConfig) *Schedule {
	t.Helper()
	s, err := New("nightly", "instance-1", c, dawn.UnixNano())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(d time.Duration) int64 { return dawn.Add(d).UnixNano() }

func (f Effects) String() string {
	out := ""
	for _, a := range f.Starts {
		out += fmt.Sprintf("start %d at %s; ", a.Ordinal, time.Unix(a.Nominal, 0).UTC().Format("15:04"))
	}
	for _, a := range f.Ends {
		out += fmt.Sprintf("end %d %d; ", a.Ordinal, a.Ending)
	}
	for _, r := range slices.Sorted(maps.Keys(f.Skipped)) {
		out += fmt.Sprintf("skip %s %d; ", r, f.Skipped[r])
	}
	return out
}

func expect(t testing.TB, f Effects, want string) {
	t.Helper()
	if f.String() != want {
		t.Errorf("got %q; want %q", f, want)
	}
}

// What each overlap policy does at three ticks in a row and when the first run ends. [SCHED-3]
func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		overlap                     model.Overlap
		second, third, afterClosing string
	}{
		{model.OverlapSkip, "skip overlap 1; ", "skip overlap 1; ", ""},
		{model.OverlapBufferOne, "", "skip overlap 1; ", "start 2 at 02:00; "},
		{model.OverlapBufferAll, "", "", "start 2 at 02:00; "},
		{model.OverlapCancelOther, "end 1 1; ", "skip overlap 1; ", "start 2 at 03:00; "},
		{model.OverlapTerminateOther, "end 1 2; ", "skip overlap 1; ", "start 2 at 03:00; "},
		{model.OverlapAllowAll, "start 2 at 02:00; ", "start 3 at 03:00; ", ""},
	} {
		t.Run(c.overlap.String(), func(t *testing.T) {
			s := newHourly(t, hourly(c.overlap))
			expect(t, s.Advance(at(time.Hour)), "start 1 at 01:00; ")
			expect(t, s.Advance(at(2*time.Hour)), c.second)
			expect(t, s.Advance(at(3*time.Hour)), c.third)
			expect(t, s.RunClosed(1, "r", model.StatusCompleted, at(3*time.Hour)), c.afterClosing)
			expect(t, s.RunClosed(1, "r", model.StatusCompleted, at(3*time.Hour)), "")
		})
	}
}

func TestBufferIsBounded(t *testing.T) {
	c := hourly(model.OverlapBufferAll)
	c.Policy.BufferLimit = 2
	s := newHourly(t, c)
	for h := 1; h <= 5; h++ {
		s.Advance(at(time.Duration(h) * time.Hour))
	}
	if s.State.Skipped[SkippedBuffer] != 2 || len(s.State.Waiting) != 2 {
		t.Errorf("skipped %v, %d wait", s.State.Skipped, len(s.State.Waiting))
	}
	c = hourly(model.OverlapAllowAll)
	c.Spec = model.ScheduleSpec{Intervals: []model.ScheduleInterval{{Every: time.Second}}}
	s = newHourly(t, c)
	for s.Due() <= at(1100*time.Second) {
		if f := s.Advance(at(1100 * time.Second)); f.size() > maxEffects {
			t.Fatalf("%d effects", f.size())
		}
	}
	if s.State.Skipped[SkippedOpen] != 100 || len(s.State.Open) != model.MaxScheduleOpen || len(s.State.Recent) != model.MaxScheduleRecent {
		t.Errorf("skipped %v, %d open", s.State.Skipped, len(s.State.Open))
	}
}

// Ticks that were missed are made up for within the window, older ones are counted. [SCHED-4]
func TestCatchUp(t *testing.T) {
	c := hourly(model.OverlapAllowAll)
	c.Policy.CatchUp = 3 * time.Hour
	s := newHourly(t, c)
	expect(t, s.Advance(at(10*time.Hour)), "start 1 at 07:00; start 2 at 08:00; start 3 at 09:00; start 4 at 10:00; skip catch_up 6; ")
	expect(t, s.Advance(at(2*time.Hour)), "") // the clock goes back
	expect(t, s.Advance(at(10*time.Hour+time.Minute)), "")
	expect(t, s.Advance(at(11*time.Hour)), "start 5 at 11:00; ")
}

func TestPauseAndResume(t *testing.T) {
	s := newHourly(t, hourly(model.OverlapBufferAll))
	s.Advance(at(time.Hour))
	s.Advance(at(2 * time.Hour))
	s.Pause("holiday", at(2*time.Hour))
	if s.Due() != math.MaxInt64 {
		t.Error("a paused schedule is due")
	}
	expect(t, s.RunClosed(1, "r", model.StatusCompleted, at(3*time.Hour)), "") // what waits is held too
	expect(t, s.Trigger(model.OverlapAllowAll, at(3*time.Hour)), "start 2 at 03:00; ")
	s.RunClosed(2, "r", model.StatusFailed, at(4*time.Hour))
	expect(t, s.Resume("", at(5*time.Hour+time.Minute)), "start 3 at 02:00; ")
	expect(t, s.Advance(at(6*time.Hour)), "") // waits for 3
	if got := s.Upcoming(time.Unix(0, at(6*time.Hour)), 2); len(got) != 2 || got[0].Hour() != 7 {
		t.Errorf("next times %v", got)
	}
}

func TestRemaining(t *testing.T) {
	s := newHourly(t, hourly(model.OverlapSkip))
	s.Limit(true, 2, at(0))
	expect(t, s.Advance(at(time.Hour)), "start 1 at 01:00; ")
	expect(t, s.Advance(at(2*time.Hour)), "skip overlap 1; ") // a skipped tick does not count
	s.RunClosed(1, "r", model.StatusCompleted, at(2*time.Hour))
	expect(t, s.Advance(at(3*time.Hour)), "start 2 at 03:00; ")
	s.RunClosed(2, "r", model.StatusCompleted, at(3*time.Hour))
	expect(t, s.Advance(at(9*time.Hour)), "")
	if s.Due() != math.MaxInt64 || s.Upcoming(dawn, 1) != nil {
		t.Error("a schedule without remaining ticks is due")
	}
	expect(t, s.Trigger(0, at(9*time.Hour)), "start 3 at 09:00; ")
	s.Limit(false, 0, at(9*time.Hour))
	expect(t, s.RunClosed(3, "r", model.StatusCompleted, at(9*time.Hour)), "")
	expect(t, s.Advance(at(10*time.Hour)), "start 4 at 10:00; ")
}

func TestBackfill(t *testing.T) {
	for _, c := range []struct {
		overlap model.Overlap
		want    string
	}{
		{model.OverlapAllowAll, "start 1 at 01:00; start 2 at 02:00; start 3 at 03:00; "},
		{model.OverlapBufferAll, "start 1 at 01:00; "},
		{0, "start 1 at 01:00; skip overlap 2; "},
	} {
		s := newHourly(t, hourly(0))
		s.Pause("", at(0))
		if err := s.Backfill(dawn.Add(time.Hour), dawn.Add(3*time.Hour), c.overlap); err != nil {
			t.Fatal(err)
		}
		if s.Due() > at(0) {
			t.Fatal("a backfill is not due at once")
		}
		var f Effects
		for s.Due() <= at(0) {
			g := s.Advance(at(0))
			f.Starts = append(f.Starts, g.Starts...)
			for r, n := range g.Skipped {
				if f.Skipped == nil {
					f.Skipped = map[Reason]uint64{}
				}
				f.Skipped[r] += n
			}
		}
		expect(t, f, c.want)
		if c.overlap == model.OverlapBufferAll {
			s.RunClosed(1, "r", model.StatusCompleted, at(0))
			expect(t, s.Advance(at(0)), "start 2 at 02:00; ")
			if id := s.State.Open[0].WorkflowID; id != "nightly-2026-01-01T02:00:00Z-2" {
				t.Errorf("workflow ID %q", id)
			}
		}
	}
	s := newHourly(t, hourly(0))
	if err := s.Backfill(dawn, dawn.Add(-1), 0); !fault.Has(err, fault.InvalidInput) {
		t.Error(err)
	}
	for range model.MaxScheduleBackfills {
		if err := s.Backfill(dawn, dawn, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Backfill(dawn, dawn, 0); !fault.Has(err, fault.QuotaExceeded) {
		t.Error(err)
	}
}

func TestUpdate(t *testing.T) {
	s := newHourly(t, hourly(model.OverlapAllowAll))
	s.Advance(at(time.Hour))
	c := hourly(model.OverlapAllowAll)
	c.Spec.Crons = []string{"*/10 * * * *"}
	f, err := s.Update(c, at(90*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, f, "") // nothing is made up for by the new times
	expect(t, s.Advance(at(100*time.Minute)), "start 2 at 01:40; ")
	before := s.Clone()
	c.Spec.Crons = []string{"nonsense"}
	if _, err := s.Update(c, at(2*time.Hour)); !fault.Has(err, fault.InvalidInput) || s.Due() != before.Due() {
		t.Errorf("got %v", err)
	}
}

func TestNotStarted(t *testing.T) {
	s := newHourly(t, hourly(model.OverlapBufferOne))
	s.Advance(at(time.Hour))
	s.Advance(at(2 * time.Hour))
	expect(t, s.NotStarted(1, "no package has workflow type \"Report\"", at(2*time.Hour)), "start 2 at 02:00; ")
	if s.State.Failed != 1 || s.State.LastError == "" || s.State.Recent[0].Failure == "" {
		t.Errorf("%+v", s.State)
	}
}

func TestJitter(t *testing.T) {
	c := hourly(model.OverlapAllowAll)
	c.Spec.Jitter = 24 * time.Hour
	s := newHourly(t, c)
	differs := false
	for n := dawn; n.Before(dawn.Add(100 * time.Hour)); n = n.Add(time.Hour) {
		due := s.times.Due(n, s.Instance)
		if due.Before(n) || !due.Before(n.Add(time.Hour)) {
			t.Fatalf("the tick of %v is due at %v", n, due)
		}
		if !due.Equal(s.times.Due(n, s.Instance)) {
			t.Fatal("not the same twice")
		}
		differs = differs || !due.Equal(s.times.Due(n, "instance-2"))
	}
	if !differs {
		t.Error("two schedules have the same jitter")
	}
}

func TestConfigErrors(t *testing.T) {
	for name, change := range map[string]func(c *model.ScheduleConfig){
		"no times":   func(c *model.ScheduleConfig) { c.Spec.Crons = nil },
		"too many":   func(c *model.ScheduleConfig) { c.Spec.Crons = make([]string, 21) },
		"zone":       func(c *model.ScheduleConfig) { c.Spec.TimeZone = "Mars/Base" },
		"local zone": func(c *model.ScheduleConfig) { c.Spec.TimeZone = "Local" },
		"interval": func(c *model.ScheduleConfig) {
			c.Spec.Intervals = []model.ScheduleInterval{{Every: 1500 * time.Millisecond}}
		},
		"offset": func(c *model.ScheduleConfig) {
			c.Spec.Intervals = []model.ScheduleInterval{{Every: time.Minute, Offset: time.Minute}}
		},
		"bounds":         func(c *model.ScheduleConfig) { c.Spec.StartAt, c.Spec.EndAt = dawn, dawn.Add(-1) },
		"jitter":         func(c *model.ScheduleConfig) { c.Spec.Jitter = -1 },
		"type":           func(c *model.ScheduleConfig) { c.Action.Type = "" },
		"control":        func(c *model.ScheduleConfig) { c.Action.WorkflowID = "a\x01" },
		"overlap":        func(c *model.ScheduleConfig) { c.Policy.Overlap = 99 },
		"catch-up":       func(c *model.ScheduleConfig) { c.Policy.CatchUp = -1 },
		"buffer":         func(c *model.ScheduleConfig) { c.Policy.BufferLimit = 1001 },
		"run timeout":    func(c *model.ScheduleConfig) { c.Action.RunTimeout = -1 },
		"bound too late": func(c *model.ScheduleConfig) { c.Spec.EndAt = dawn.AddDate(300, 0, 0) },
	} {
		c := hourly(0)
		change(&c)
		if _, err := New("x", "i", c, 0); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBounds(t *testing.T) {
	c := hourly(model.OverlapAllowAll)
	c.Spec = model.ScheduleSpec{Intervals: []model.ScheduleInterval{{Every: time.Hour, Offset: 5 * time.Minute}}, StartAt: dawn.Add(2*time.Hour + 5*time.Minute), EndAt: dawn.Add(3*time.Hour + 5*time.Minute)}
	c.Policy.CatchUp = 24 * time.Hour
	s := newHourly(t, c)
	expect(t, s.Advance(at(9*time.Hour)), "start 1 at 02:05; start 2 at 03:05; ")
	if s.Due() != math.MaxInt64 {
		t.Error("due behind its end")
	}
}

// No nominal time is lost or decided twice, whatever the clock, restarts and the ends of runs do; and nothing grows. [SCHED-1]
func TestEveryTickOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		overlap := model.Overlap(rapid.IntRange(1, 6).Draw(r, "overlap"))
		c := hourly(overlap)
		c.Spec.Crons = []string{rapid.SampledFrom([]string{"*/7 * * * *", "0 * * * *", "30 2 * * *"}).Draw(r, "cron")}
		c.Spec.TimeZone = rapid.SampledFrom([]string{"", "Europe/Berlin", "Australia/Lord_Howe"}).Draw(r, "zone")
		c.Spec.Jitter = time.Duration(rapid.IntRange(0, 600).Draw(r, "jitter")) * time.Second
		c.Policy.CatchUp = time.Duration(rapid.IntRange(1, 48).Draw(r, "catch-up")) * time.Hour
		c.Policy.BufferLimit = 5
		s, err := New("nightly", "instance-1", c, dawn.UnixNano())
		if err != nil {
			r.Fatal(err)
		}
		now := dawn.UnixNano()
		latest := now
		started := map[model.RequestID]bool{}
		var open []model.Ordinal
		note := func(f Effects) {
			if f.size() > maxEffects+model.MaxScheduleOpen {
				r.Fatalf("%d effects at once", f.size())
			}
			for _, a := range f.Starts {
				id := s.RequestID(&a)
				if started[id] {
					r.Fatalf("%s is started twice", id)
				}
				started[id] = true
				open = append(open, a.Ordinal)
			}
		}
		for range rapid.IntRange(1, 60).Draw(r, "moves") {
			switch rapid.IntRange(0, 4).Draw(r, "move") {
			case 0:
				now += int64(rapid.IntRange(0, 5*3600).Draw(r, "on")) * 1e9
			case 1:
				now -= int64(rapid.IntRange(0, 48*3600).Draw(r, "back")) * 1e9
			case 2:
				now += int64(rapid.IntRange(0, 100*3600).Draw(r, "jump")) * 1e9
			case 3:
				config, state := s.Encode()
				if s, err = Decode(config, state); err != nil {
					r.Fatal(err)
				}
				if len(state) > 20_000+len(s.State.Open)*200 {
					r.Fatalf("the state has %d bytes", len(state))
				}
			case 4:
				if len(open) > 0 {
					i := rapid.IntRange(0, len(open)-1).Draw(r, "which")
					n := open[i]
					open = slices.Delete(open, i, i+1)
					note(s.RunClosed(n, "run", model.StatusCompleted, now))
				}
			}
			latest = max(latest, now)
			for s.Due() <= now {
				note(s.Advance(now))
			}
		}
		// Every nominal time up to the latest clock is one of: started, waiting, skipped.
		total := 0
		for n := s.times.Next(dawn); !n.IsZero() && s.times.Due(n, s.Instance).UnixNano() <= latest; n = s.times.Next(n) {
			total++
		}
		sum := int(s.State.Started) + len(s.State.Waiting)
		for _, k := range s.State.Skipped {
			sum += int(k)
		}
		if sum != total {
			r.Fatalf("%d ticks were decided, %d have come: %+v", sum, total, s.State)
		}
		if len(started) != int(s.State.Started) || len(s.State.Waiting) > 5 || len(s.State.Recent) > model.MaxScheduleRecent {
			r.Fatalf("%+v", s.State)
		}
	})
}

func TestDecodeDamaged(t *testing.T) {
	config, state := newHourly(t, hourly(0)).Encode()
	for _, x := range [][2][]byte{{config[:5], state}, {config, state[:5]}, {[]byte("{}"), state}} {
		if _, err := Decode(x[0], x[1]); !fault.Has(err, fault.Internal) {
			t.Errorf("got %v", err)
		}
	}
}
