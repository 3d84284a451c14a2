package engine

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func logLevel(n int) slog.Level { return slog.Level(n) }

// outcomeOf reads how a run ended from its closing event.
func outcomeOf(run model.RunID, closing history.Attributes) ports.Outcome {
	o := ports.Outcome{Run: run}
	switch a := closing.(type) {
	case *history.Completed:
		o.Status, o.Result = model.StatusCompleted, a.Result
	case *history.Failed:
		o.Status, o.Failure, o.Next = model.StatusFailed, a.Failure, a.NewRun
	case *history.Canceled:
		o.Status, o.Result = model.StatusCanceled, a.Details
	case *history.Terminated:
		o.Status, o.Reason = model.StatusTerminated, a.Reason
	case *history.TimedOut:
		o.Status, o.Timeout, o.Next = model.StatusTimedOut, a.Timeout, a.NewRun
	case *history.ContinuedAsNew:
		o.Next = a.NewRun
		o.Status, o.WaitingFor = model.StatusContinuedAsNew, "the end of run "+string(a.NewRun)+", as which it continues"
	}
	return o
}

func blockedInfo(b *history.Blocked, at int64) *ports.BlockedInfo {
	return &ports.BlockedInfo{What: b.What, Message: b.Message, AtSeq: b.AtSeq, Expected: b.Expected, Found: b.Found, Limit: b.Limit, Size: b.Size, Stack: b.Stack,
		Since: time.Unix(0, at).UTC()}
}

func blockedSentence(b *ports.BlockedInfo) string {
	if b.AtSeq > 0 {
		return fmt.Sprintf("Blocked at seq %d: %s", b.AtSeq, b.Message)
	}
	return fmt.Sprintf("Blocked (%s): %s", b.What, b.Message)
}

// waitingFor says in one sentence what an open run waits for.
func (c *chain) waitingFor(now time.Time) string {
	st := c.state
	switch {
	case st.Blocked != nil && st.Paused:
		return blockedSentence(blockedInfo(st.Blocked, st.BlockedAt)) + " (and paused)"
	case st.Blocked != nil:
		return blockedSentence(blockedInfo(st.Blocked, st.BlockedAt))
	case st.Paused:
		return "paused"
	case st.Delayed():
		return fmt.Sprintf("its start, due in %v", time.Unix(0, st.BeginAt()).Sub(now).Round(time.Second))
	}
	var best *history.Activity
	for _, a := range st.Activities {
		if best == nil || a.Scheduled.Ordinal < best.Scheduled.Ordinal {
			best = a
		}
	}
	more := ""
	if n := len(st.Activities); n > 1 {
		more = fmt.Sprintf(" (and %d more activities)", n-1)
	}
	if best != nil {
		return c.activitySentence(best, now) + more
	}
	if o, n := first(st.Children); n > 0 {
		child := st.Children[o]
		if n > 1 {
			more = fmt.Sprintf(" (and %d more children)", n-1)
		}
		return fmt.Sprintf("a child: %s workflow %q%s", child.Requested.Type, child.Requested.WorkflowID, more)
	}
	if o, n := first(st.Sendings); n > 0 {
		return fmt.Sprintf("an answer of workflow %q", st.Sendings[o].WorkflowID)
	}
	var due int64
	for _, t := range st.Timers {
		if due == 0 || t.Due < due {
			due = t.Due
		}
	}
	if due != 0 {
		left := time.Unix(0, due).Sub(now).Round(time.Second)
		if left <= 0 {
			return "a timer that is due now"
		}
		return fmt.Sprintf("a timer, due in %v, or a signal", left)
	}
	return "a signal"
}

func (c *chain) activitySentence(a *history.Activity, now time.Time) string {
	s := a.Scheduled
	of := ""
	if m := s.Options.Retry.MaximumAttempts; m > 0 {
		of = fmt.Sprintf(" of %d", m)
	}
	if next := time.Unix(0, a.NextAt); next.After(now) {
		why := ""
		if a.LastFailure != nil {
			why = ": " + a.LastFailure.Message
		}
		return fmt.Sprintf("attempt %d%s of %s failed, next in %v%s", a.Attempt-1, of, s.Type, next.Sub(now).Round(100*time.Millisecond), why)
	}
	if h := a.Handed; h != nil {
		return fmt.Sprintf("%s is pending: it is completed by its token (for %v so far)", s.Type, now.Sub(time.Unix(0, h.At)).Round(time.Second))
	}
	worker, waiting, _, known := c.e.dispatch.Holder(taskKey(c.run.ID, a))
	switch {
	case known && !waiting && worker != "":
		return fmt.Sprintf("activity %s, attempt %d%s, running on %s", s.Type, a.Attempt, of, worker)
	case known && !waiting:
		return fmt.Sprintf("activity %s, attempt %d%s, whose worker is gone and may come back", s.Type, a.Attempt, of)
	case !c.e.dispatch.Serves(queueKey(c.key, s.Options.TaskQueue), s.Type):
		return fmt.Sprintf("no worker serves queue %s for %s", s.Options.TaskQueue, s.Type)
	}
	return fmt.Sprintf("activity %s waits in queue %s for a free slot", s.Type, s.Options.TaskQueue)
}

// first gives the lowest ordinal of a map, and how many there are.
func first[T any](m map[model.Ordinal]T) (o model.Ordinal, n int) {
	for k := range m {
		if o == 0 || k < o {
			o = k
		}
	}
	return o, len(m)
}
