package engine

import (
	"container/heap"
	"fmt"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

func queueKey(k model.ChainKey, q model.TaskQueue) dispatch.QueueKey {
	return dispatch.QueueKey{Namespace: k.Namespace, Queue: q}
}

func taskKey(run model.RunID, a *history.Activity) dispatch.TaskKey {
	return dispatch.TaskKey{Run: run, Ordinal: a.Scheduled.Ordinal, Attempt: a.Attempt}
}

type dueKind uint8

const (
	dueTimer dueKind = iota
	dueAttempt
	dueStart
	dueClose
	dueRun
	dueBegin  // the start delay is over
	dueHanded // start-to-close of a pending attempt
	dueBeat   // heartbeat of a pending attempt
)

// dueItem is a time at which something may have to happen to a run. It is checked against the state when its time comes.
type dueItem struct {
	at      int64
	kind    dueKind
	ordinal model.Ordinal
	attempt model.Attempt
}

type dueHeap []dueItem

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	return a.ordinal < b.ordinal
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(dueItem)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// valid says whether an item still means something.
func (c *chain) valid(d dueItem) bool {
	switch d.kind {
	case dueTimer:
		t := c.state.Timers[d.ordinal]
		return t != nil && t.Due == d.at
	case dueBegin:
		return c.state.Delayed()
	case dueRun:
		return true
	case dueClose:
		return c.state.Activities[d.ordinal] != nil
	}
	a, p := c.acts[d.ordinal], c.state.Activities[d.ordinal]
	if p == nil || a == nil || a.n != d.attempt {
		return false
	}
	switch d.kind {
	case dueStart:
		return p.Handed == nil
	case dueHanded, dueBeat:
		return p.Handed != nil
	}
	return !a.offered && !p.Started && !p.Canceling && p.Handed == nil
}

// compact drops due times that mean nothing any more, once most of them do: activities that end long before their limits leave some behind.
func (c *chain) compact() {
	if n := len(c.due); n < 64 || n < 8*(len(c.acts)+len(c.state.Timers)) {
		return
	}
	c.due = slices.DeleteFunc(c.due, func(d dueItem) bool { return !c.valid(d) })
	heap.Init(&c.due)
}

// nextDue is the first time at which something must happen by itself; 0 = never.
func (c *chain) nextDue() int64 {
	for len(c.due) > 0 {
		d := c.due[0]
		switch {
		case !c.valid(d):
		case d.kind == dueAttempt && !c.state.Runnable():
			c.held = append(c.held, d) // nothing is handed out while the run is paused or Blocked
		default:
			return d.at
		}
		heap.Pop(&c.due)
	}
	return 0
}

// unhold brings back what was held while the run was not runnable.
func (c *chain) unhold() {
	for _, d := range c.held {
		heap.Push(&c.due, d)
	}
	c.held = nil
}

// fireDue turns due times that have passed into events (rule T-1). Attempts whose backoff is over are left to collectOffers.
func (s *step) fireDue() {
	c := s.c
	var later []dueItem
	for s.err == nil && c.state.Open() && len(c.due) > 0 && c.due[0].at <= s.now {
		d := heap.Pop(&c.due).(dueItem)
		if !c.valid(d) {
			continue
		}
		switch d.kind {
		case dueTimer:
			late := time.Duration(s.now - d.at)
			s.add(&history.TimerFired{Ordinal: d.ordinal})
			s.after = append(s.after, func() { c.e.tel.TimerFired(late) })
		case dueRun:
			s.timeOut()
		case dueAttempt:
			later = append(later, d)
		case dueHanded, dueBeat:
			if again := s.expireHanded(d); again != 0 {
				later = append(later, dueItem{again, d.kind, d.ordinal, d.attempt})
			}
		case dueStart:
			a := c.state.Activities[d.ordinal]
			if ok, again := c.e.dispatch.Withdraw(taskKey(c.run.ID, a)); !ok && !again.IsZero() {
				later = append(later, dueItem{max(again.UnixNano(), s.now+1), dueStart, d.ordinal, d.attempt})
			} else if ok {
				s.add(&history.ActivityTimedOut{Ordinal: d.ordinal, Attempt: a.Attempt, Timeout: model.TimeoutScheduleToStart, Last: a.LastFailure})
				s.ended(a, "timed_out")
			}
		case dueClose:
			a := c.state.Activities[d.ordinal]
			s.add(&history.ActivityTimedOut{Ordinal: d.ordinal, Attempt: a.Attempt, Timeout: model.TimeoutScheduleToClose, Last: a.LastFailure})
			s.ended(a, "timed_out")
		}
	}
	if c.state.Open() {
		for _, d := range later {
			heap.Push(&c.due, d)
		}
	}
}

func (s *step) ended(a *history.Activity, outcome string) {
	c := s.c
	typ := a.Scheduled.Type
	s.after = append(s.after, func() { c.e.tel.AttemptEnded(c.key.Namespace, typ, outcome) })
}

func timeoutFailure(kind model.TimeoutKind, o model.ActivityOptions) *model.Failure {
	limit := o.StartToClose
	if kind == model.TimeoutHeartbeat {
		limit = o.Heartbeat
	}
	return &model.Failure{Type: model.FailureTimeout, Message: fmt.Sprintf("%s timeout after %v", kind, limit), Retryable: true}
}
