package verdict

import (
	"slices"
	"time"

	"github.com/aionrun/aion/test/evidence"
)

// KillPoint says what was going on when a process was killed.
type KillPoint struct {
	evidence.Kill
	OpenRuns    int           // started and not ended
	SinceCommit time.Duration // since a step was recorded that was committed before the kill; negative where there was none
	Running     int           // attempts whose code ran
	InFlight    int           // attempts that had ended, with a result that was not acknowledged
	Starting    int           // starts that were asked for and not acknowledged
	Messaging   int           // signals and cancel requests, the same
}

// Phase names the most delicate thing that was going on.
func (k KillPoint) Phase() string {
	switch {
	case k.InFlight > 0:
		return "result in flight"
	case k.Messaging > 0:
		return "message in flight"
	case k.Starting > 0:
		return "start in flight"
	case k.Running > 0:
		return "activity running"
	case k.OpenRuns > 0:
		return "only waiting"
	}
	return "idle"
}

// span is a time between two lines; to is zero where the second never came.
type span struct{ from, to time.Time }

func (s span) covers(t time.Time) bool {
	return !s.from.After(t) && (s.to.IsZero() || s.to.After(t))
}

func covering(spans []span, t time.Time) int {
	n := 0
	for _, s := range spans {
		if s.covers(t) {
			n++
		}
	}
	return n
}

// killPoints looks at each kill with what was learned later.
func killPoints(f evidence.Folder, runs map[string]*Run) []KillPoint {
	if len(f.Kills) == 0 {
		return nil
	}
	var open, running, flying []span
	var commits []time.Time
	for _, r := range runs {
		open = append(open, span{r.Started, r.Closed})
		commits = append(commits, r.Commits...)
	}
	slices.SortFunc(commits, time.Time.Compare)

	died := map[int]time.Time{} // killed workers
	for _, k := range f.Kills {
		if k.Victim == evidence.Worker {
			died[k.PID] = k.Time
		}
	}
	type at struct {
		attemptKey
		pid int
	}
	last := map[at]*evidence.Step{}
	for i := range f.Ledger {
		s := &f.Ledger[i]
		k := at{attemptKey{s.Workflow, s.Activity, s.Attempt}, s.PID}
		before := last[k]
		if before != nil && before.Phase == evidence.Begin {
			running = append(running, span{before.Time, s.Time})
		}
		if before != nil && before.Phase == evidence.End {
			flying = append(flying, span{before.Time, s.Time})
		}
		last[k] = s
	}
	for k, s := range last { // what ended with its process
		until, killed := died[k.pid]
		if !killed {
			until = s.Time
		}
		switch s.Phase {
		case evidence.Begin:
			running = append(running, span{s.Time, until})
		case evidence.End:
			flying = append(flying, span{s.Time, until})
		}
	}
	starting := pending(f.Starts, func(s evidence.Start) (string, time.Time, bool) { return s.Workflow, s.Time, s.Acked })
	messaging := pending(f.Messages, func(m evidence.Message) (string, time.Time, bool) { return m.Request, m.Time, m.Acked })

	out := make([]KillPoint, len(f.Kills))
	for i, k := range f.Kills {
		since := time.Duration(-1)
		if n, _ := slices.BinarySearchFunc(commits, k.Time, time.Time.Compare); n > 0 {
			since = k.Time.Sub(commits[n-1])
		}
		// A worker is killed at the end of its own spans, so it is looked at a moment before.
		t := k.Time.Add(-time.Nanosecond)
		out[i] = KillPoint{Kill: k, SinceCommit: since, OpenRuns: covering(open, t), Running: covering(running, t),
			InFlight: covering(flying, t), Starting: covering(starting, t), Messaging: covering(messaging, t)}
	}
	return out
}

// pending gives the spans between asking and acknowledgement.
func pending[T any](lines []T, of func(T) (id string, at time.Time, acked bool)) []span {
	asked := map[string]time.Time{}
	var out []span
	for _, l := range lines {
		id, at, acked := of(l)
		if acked {
			out = append(out, span{asked[id], at})
			delete(asked, id)
		} else {
			asked[id] = at
		}
	}
	return out
}
