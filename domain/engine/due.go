package engine

import (
	"container/heap"
	"fmt"
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
			s.add(&history.TimedOut{Timeout: model.TimeoutRun})
		case dueAttempt:
			later = append(later, d)
		case dueStart:
			a := c.state.Activities[d.ordinal]
			if c.e.dispatch.Withdraw(taskKey(c.run.ID, a)) {
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
