package verdict

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aionrun/aion/test/evidence"
)

// Verdict is what a folder of evidence comes to. Lost, Repeated and Wrong hold a line for each finding; all three empty is what Aion promises.
type Verdict struct {
	Started         int            // starts that were acknowledged
	Statuses        map[string]int // how the runs ended
	Attempts        int            // attempts whose code began, as workers saw them
	ResultsRecorded int            // activities that were settled by a worker's answer
	Messages        int            // signals and cancel requests that were acknowledged

	Lost     []string // acknowledged, and not in a history by then; or a run that did not end
	Repeated []string // recorded twice, or run again after its result was recorded
	Wrong    []string // anything else that cannot be

	Kills []KillPoint
	Runs  map[string]*Run // by workflow ID
}

type attemptKey struct {
	workflow          string
	activity, attempt uint32
}

// Judge compares a folder of evidence.
func Judge(f evidence.Folder) *Verdict {
	v := &Verdict{Statuses: map[string]int{}, Runs: map[string]*Run{}}
	for workflow, events := range f.Histories {
		r := read(workflow, events, v.wrong)
		v.Runs[workflow] = r
		v.Statuses[r.Status]++
		if r.Closed.IsZero() {
			v.lost("%s: did not end, it is %s", workflow, r.Status)
		}
		for ordinal, a := range r.activities {
			if a.results > 1 {
				v.repeated("%s: activity %d (%s) was settled %d times", workflow, ordinal, a.name, a.results)
			}
			if a.reported {
				v.ResultsRecorded++
			}
		}
	}
	v.judgeStarts(f.Starts)
	v.judgeMessages(f.Messages)
	v.judgeLedger(f.Ledger)
	v.Kills = killPoints(f, v.Runs)
	slices.Sort(v.Lost)
	slices.Sort(v.Repeated)
	slices.Sort(v.Wrong)
	return v
}

// judgeStarts: an acknowledged start is in a history, and was so when it was acknowledged.
func (v *Verdict) judgeStarts(starts []evidence.Start) {
	asked := map[string]bool{}
	for _, s := range starts {
		asked[s.Workflow] = true
		if !s.Acked {
			continue
		}
		v.Started++
		r := v.Runs[s.Workflow]
		switch {
		case r == nil || r.Started.IsZero():
			v.lost("%s: its start was acknowledged, it has no history", s.Workflow)
		case r.Started.After(s.Time):
			v.lost("%s: its start was recorded %v after it was acknowledged", s.Workflow, r.Started.Sub(s.Time))
		}
	}
	for workflow := range v.Runs {
		if !asked[workflow] {
			v.wrong("%s: nobody started it", workflow)
		}
	}
}

// judgeMessages: an acknowledged message is in its history, and was so when it was acknowledged.
func (v *Verdict) judgeMessages(messages []evidence.Message) {
	for _, m := range messages {
		if !m.Acked {
			continue
		}
		v.Messages++
		at, ok := time.Time{}, false
		if r := v.Runs[m.Workflow]; r != nil {
			at, ok = r.Messages[m.Request]
		}
		switch {
		case !ok:
			v.lost("%s: message %s was acknowledged, the history does not have it", m.Workflow, m.Request)
		case at.After(m.Time):
			v.lost("%s: message %s was recorded %v after it was acknowledged", m.Workflow, m.Request, at.Sub(m.Time))
		}
	}
}

// judgeLedger: an acknowledged result ended its attempt in the history by then; no attempt begins once the result is recorded; and
// what is recorded is what a worker answered.
func (v *Verdict) judgeLedger(ledger []evidence.Step) {
	begun := map[attemptKey]bool{}
	answers := map[attemptKey]map[string]bool{}
	for _, s := range ledger {
		k := attemptKey{s.Workflow, s.Activity, s.Attempt}
		r := v.Runs[s.Workflow]
		if r == nil {
			// That it is missing is told by its start; that a worker was given it cannot be without one.
			continue
		}
		a := r.activities[s.Activity]
		switch s.Phase {
		case evidence.Begin:
			v.Attempts++
			begun[k] = true
			if a == nil {
				v.lost("%s: activity %d was run, the history does not have it", s.Workflow, s.Activity)
			} else if a.reported && s.Time.After(a.settled) {
				v.repeated("%s: activity %d (%s), attempt %d began %v after its result was recorded", s.Workflow, s.Activity, a.name, s.Attempt, s.Time.Sub(a.settled))
			}
		case evidence.End:
			if answers[k] == nil {
				answers[k] = map[string]bool{}
			}
			answers[k][s.Result] = true
		case evidence.Acked:
			switch end := r.endOf(s.Activity, s.Attempt); {
			case end.IsZero():
				v.lost("%s: the result of activity %d, attempt %d was acknowledged, the history does not have it", s.Workflow, s.Activity, s.Attempt)
			case end.After(s.Time):
				v.lost("%s: the end of activity %d, attempt %d was recorded %v after its result was acknowledged", s.Workflow, s.Activity, s.Attempt, end.Sub(s.Time))
			}
		}
	}
	for workflow, r := range v.Runs {
		for ordinal, a := range r.activities {
			k := attemptKey{workflow, ordinal, a.attempt}
			switch {
			case !a.reported:
			case !begun[k]:
				v.wrong("%s: activity %d (%s) has a result of attempt %d, which no worker ran", workflow, ordinal, a.name, a.attempt)
			case a.digest != "" && !answers[k][a.digest]:
				v.wrong("%s: activity %d (%s) has a result that no worker answered", workflow, ordinal, a.name)
			}
		}
	}
}

// CountedKills counts the kills of a kind of process that meet a demand.
func (v *Verdict) CountedKills(victim evidence.Victim, meets func(KillPoint) bool) int {
	n := 0
	for _, k := range v.Kills {
		if k.Victim == victim && meets(k) {
			n++
		}
	}
	return n
}

// StatusLine gives the statuses in one line, e.g. "164 Completed, 36 Failed".
func (v *Verdict) StatusLine() string {
	out := ""
	for _, s := range slices.Sorted(maps.Keys(v.Statuses)) {
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%d %s", v.Statuses[s], s)
	}
	return out
}

func (v *Verdict) lost(format string, args ...any) {
	v.Lost = append(v.Lost, fmt.Sprintf(format, args...))
}
func (v *Verdict) repeated(format string, args ...any) {
	v.Repeated = append(v.Repeated, fmt.Sprintf(format, args...))
}
func (v *Verdict) wrong(format string, args ...any) {
	v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...))
}
