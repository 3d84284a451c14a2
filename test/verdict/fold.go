package verdict

import (
	"fmt"
	"strings"
	"time"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/test/evidence"
)

// Run is a history, read.
type Run struct {
	Workflow   string
	Type       string
	Started    time.Time
	Closed     time.Time // zero while open
	Status     string    // Running, Completed, Failed, Canceled, Terminated, TimedOut
	Result     []byte    // of a completed run
	Failure    *aionv1.Failure
	Messages   map[string]time.Time // by request ID: signals and the cancel request
	Commits    []time.Time          // of the steps, ascending
	activities map[uint32]*activity
}

// activity is one activity of a run.
type activity struct {
	name     string
	ended    map[uint32]time.Time // by attempt: when its end was recorded
	results  int                  // how often it was settled
	settled  time.Time            // when the first settling event was recorded; zero before
	reported bool                 // it was a worker's answer that settled it
	attempt  uint32               // the attempt that settled it
	digest   string               // of a completed activity
}

// read folds a history. wrong takes what no history may hold.
func read(workflow string, events []*aionv1.HistoryEvent, wrong func(format string, args ...any)) *Run {
	r := &Run{Workflow: workflow, Status: "Running", Messages: map[string]time.Time{}, activities: map[uint32]*activity{}}
	closings := 0
	for i, e := range events {
		at := e.GetTime().AsTime()
		if e.GetSeq() != uint32(i+1) {
			wrong("%s: event %d stands where %d should", workflow, e.GetSeq(), i+1)
		}
		if i > 0 && at.Before(r.Commits[len(r.Commits)-1]) {
			wrong("%s: event %d is older than the one before", workflow, e.GetSeq())
		}
		if i == 0 || at.After(r.Commits[len(r.Commits)-1]) {
			r.Commits = append(r.Commits, at)
		}
		if closings > 0 {
			wrong("%s: event %d follows the end of the run", workflow, e.GetSeq())
		}
		status, closes := r.apply(e, at)
		if closes {
			closings++
			r.Closed, r.Status = at, status
		}
	}
	return r
}

// apply takes in one event; closes says that it ended the run.
func (r *Run) apply(e *aionv1.HistoryEvent, at time.Time) (status string, closes bool) {
	switch {
	case e.GetStarted() != nil:
		r.Started, r.Type = at, e.GetStarted().GetWorkflowType()
	case e.GetCompleted() != nil:
		r.Result = e.GetCompleted().GetResult().GetData()
		return "Completed", true
	case e.GetFailed() != nil:
		r.Failure = e.GetFailed().GetFailure()
		return "Failed", true
	case e.GetCanceled() != nil:
		return "Canceled", true
	case e.GetTerminated() != nil:
		return "Terminated", true
	case e.GetTimedOut() != nil:
		return "TimedOut", true
	case e.GetCancelRequested() != nil:
		r.Messages[e.GetCancelRequested().GetRequestId()] = at
	case e.GetSignalReceived() != nil:
		r.Messages[e.GetSignalReceived().GetRequestId()] = at
	case e.GetBlocked() != nil:
		r.Status = fmt.Sprintf("Blocked by %s: %s", e.GetBlocked().GetWhat(), e.GetBlocked().GetMessage())
	case e.GetUnblocked() != nil:
		r.Status = "Running"
	case e.GetActivityScheduled() != nil:
		r.activity(e.GetActivityScheduled().GetOrdinal()).name = e.GetActivityScheduled().GetActivityType()
	case e.GetActivityAttemptFailed() != nil:
		a := e.GetActivityAttemptFailed()
		r.activity(a.GetOrdinal()).ended[a.GetAttempt()] = at
	case e.GetActivityCompleted() != nil:
		a := e.GetActivityCompleted()
		act := r.activity(a.GetOrdinal())
		if act.settle(a.GetAttempt(), at, true) {
			act.digest = evidence.Digest(a.GetResult().GetData())
		}
	case e.GetActivityFailed() != nil:
		a := e.GetActivityFailed()
		// What the engine itself says of an attempt begins with "aion.".
		r.activity(a.GetOrdinal()).settle(a.GetAttempt(), at, !strings.HasPrefix(a.GetFailure().GetType(), "aion."))
	case e.GetActivityTimedOut() != nil:
		a := e.GetActivityTimedOut()
		r.activity(a.GetOrdinal()).settle(a.GetAttempt(), at, false)
	case e.GetActivityCanceled() != nil:
		a := e.GetActivityCanceled()
		r.activity(a.GetOrdinal()).settle(a.GetAttempt(), at, false)
	}
	return "", false
}

func (r *Run) activity(ordinal uint32) *activity {
	a := r.activities[ordinal]
	if a == nil {
		a = &activity{ended: map[uint32]time.Time{}}
		r.activities[ordinal] = a
	}
	return a
}

// settle records a settling event; it answers whether it is the first.
func (a *activity) settle(attempt uint32, at time.Time, reported bool) bool {
	a.results++
	if a.results > 1 {
		return false
	}
	a.settled, a.reported, a.attempt = at, reported, attempt
	a.ended[attempt] = at
	return true
}

// endOf gives when the end of an attempt was recorded, be it by the end of the attempt, of the activity, or of the run;
// zero where it never was.
func (r *Run) endOf(ordinal, attempt uint32) time.Time {
	var first time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if a := r.activities[ordinal]; a != nil {
		earliest(a.ended[attempt])
		earliest(a.settled)
	}
	earliest(r.Closed)
	return first
}
