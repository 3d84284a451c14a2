package engine

import (
	"fmt"
	"log/slog"
	"strings"
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
		return fmt.Sprintf("it waits for its start, due in %v", time.Unix(0, st.BeginAt()).Sub(now).Round(time.Second))
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
		return fmt.Sprintf("it waits for a child: %s workflow %q%s", child.Requested.Type, child.Requested.WorkflowID, more)
	}
	if o, n := first(st.Sendings); n > 0 {
		return fmt.Sprintf("it waits for an answer of workflow %q", st.Sendings[o].WorkflowID)
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
			return "it waits for a timer that is due now"
		}
		return fmt.Sprintf("it waits for a timer, due in %v, or a signal", left)
	}
	return "it waits for a signal"
}

// activitySentence says what an activity waits for.
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
		return fmt.Sprintf("%s waits for attempt %d%s, next in %v%s", s.Type, a.Attempt, of, next.Sub(now).Round(100*time.Millisecond), why)
	}
	if h := a.Handed; h != nil {
		return fmt.Sprintf("%s has been pending for %v: it is completed by its token", s.Type, now.Sub(time.Unix(0, h.At)).Round(time.Second))
	}
	queue := s.Options.TaskQueue
	w, known := c.e.dispatch.Wait(taskKey(c.run.ID, a))
	switch {
	case known && !w.Waiting && w.Worker != "":
		return fmt.Sprintf("%s is running on %s, attempt %d%s", s.Type, w.Worker, a.Attempt, of)
	case known && !w.Waiting:
		return fmt.Sprintf("%s has lost its worker, which may come back; attempt %d%s", s.Type, a.Attempt, of)
	case !c.e.dispatch.Serves(queueKey(c.key, queue), s.Type):
		return fmt.Sprintf("no worker serves queue %s for %s", queue, s.Type)
	case w.Settling:
		return fmt.Sprintf("%s waits until it is known who holds concurrency key %s since before the server started", s.Type, w.Key)
	case w.Key != "":
		return fmt.Sprintf("%s waits for a free place of concurrency key %s (%d of %d used)", s.Type, w.Key, w.Held, w.Limit)
	case w.Rate > 0:
		return fmt.Sprintf("%s waits for the rate of queue %s (%v tasks per second)", s.Type, queue, w.Rate)
	}
	return fmt.Sprintf("%s waits for a free slot in queue %s", s.Type, queue)
}

// sentence begins with a capital, where it begins with a word of ours.
func sentence(s string) string {
	for _, ours := range []string{"it ", "no "} {
		if strings.HasPrefix(s, ours) {
			return strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return s
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
