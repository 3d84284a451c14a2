package engine

import (
	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// resultInput records what a worker answered.
type resultInput struct {
	e         *Engine
	token     dispatch.Token
	result    ports.TaskResult
	worker    string
	heartbeat model.Payload
	done      func(bool)
}

func (in *resultInput) fail(error) { in.done(false) }

func (in *resultInput) apply(s *step) {
	c := s.c
	s.after = append(s.after, func() { in.done(true) })
	a := s.current(in.token.Task)
	if a == nil {
		s.settled = append(s.settled, settled{in.token.Task, ""})
		s.after = append(s.after, func() { c.e.tel.AttemptEnded(c.key.Namespace, "", "dropped") })
		return
	}
	o := in.token.Task.Ordinal
	r := in.result
	if r.Pending {
		s.handOn(in, a)
		return
	}
	outcome := "completed"
	var ev history.Attributes
	switch {
	case r.Completed != nil && r.Completed.Size() > c.e.opt.Limits.PayloadBytes:
		outcome = "failed"
		ev = &history.ActivityFailed{Ordinal: o, Attempt: a.Attempt, Worker: in.worker, Failure: &model.Failure{Type: model.FailureTooLarge,
			Message: tooLarge("the activity's result", r.Completed.Size(), c.e.opt.Limits.PayloadBytes).Error()}}
	case r.Completed != nil:
		ev = &history.ActivityCompleted{Ordinal: o, Attempt: a.Attempt, Result: *r.Completed, Worker: in.worker}
	case r.Canceled != nil && a.Canceling:
		outcome = "canceled"
		ev = &history.ActivityCanceled{Ordinal: o, Attempt: a.Attempt, Details: *r.Canceled}
	default:
		outcome = "failed"
		f := r.Failed
		if f == nil {
			f = &model.Failure{Type: model.FailureCanceled, Message: "the worker stopped the attempt", Retryable: true}
		}
		f = bounded(f, c.e.opt.Limits.PayloadBytes)
		ev = history.Settle(a, s.now, f, model.TimeoutUnspecified, r.NextDelay, in.worker, in.heartbeat)
	}
	s.add(ev)
	s.ended(a, outcome)
}

// current gives the pending activity whose current attempt k is, or nil.
func (s *step) current(k dispatch.TaskKey) *history.Activity {
	c := s.c
	if c.state == nil || !c.state.Open() || c.run.ID != k.Run {
		return nil
	}
	a := c.state.Activities[k.Ordinal]
	if a == nil || a.Attempt != k.Attempt || a.NextAt > s.now {
		return nil
	}
	return a
}

// bounded cuts a failure down to what may be recorded.
func bounded(f *model.Failure, limit int) *model.Failure {
	n, depth := 0, 0
	for x := f; x != nil; x = x.Cause {
		n += x.Details.Size() + len(x.Message) + len(x.Stack) + len(x.Type)
		depth++
	}
	if n <= limit && depth <= model.MaxFailureDepth {
		return f
	}
	return &model.Failure{Type: clipText(f.Type, 255), Message: clipText(f.Message, 4096) + " (the rest of the failure was too large to record)", Retryable: f.Retryable}
}

// expiredInput ends an attempt that ran into a limit in its worker's hands, or lost its worker.
type expiredInput struct {
	e         *Engine
	token     dispatch.Token
	kind      model.TimeoutKind
	worker    string
	heartbeat model.Payload
}

// fail tries again: the attempt stays over.
func (in *expiredInput) fail(error) {
	in.e.later(in.token.Chain, in)
}

func (in *expiredInput) apply(s *step) {
	a := s.current(in.token.Task)
	if a == nil || a.Handed != nil {
		s.settled = append(s.settled, settled{in.token.Task, ""})
		return
	}
	if in.kind == model.TimeoutUnspecified {
		f := &model.Failure{Type: model.FailureWorkerLost, Message: "worker " + in.worker + " was lost", Retryable: true}
		s.add(history.Settle(a, s.now, f, model.TimeoutUnspecified, 0, in.worker, in.heartbeat))
		s.ended(a, "worker_lost")
		return
	}
	s.add(history.Settle(a, s.now, timeoutFailure(in.kind, a.Scheduled.Options), in.kind, 0, in.worker, in.heartbeat))
	s.ended(a, "timed_out")
}

// startedInput records the start of an at-most-once attempt before it is handed out (rule A-2).
type startedInput struct {
	e      *Engine
	token  dispatch.Token
	worker string
}

// fail lets the attempt wait for another try.
func (in *startedInput) fail(error) {
	if in.e.base.Err() == nil {
		in.e.opt.Clock.AfterFunc(retryPause, func() { in.e.dispatch.Started(in.token.Task, false, false) })
	}
}

func (in *startedInput) apply(s *step) {
	c := s.c
	k := in.token.Task
	a := s.current(k)
	ok := a != nil && c.state.Runnable() && !a.Canceling
	switch {
	case ok && !a.Started:
		c.flies(c.acts[k.Ordinal])
		s.add(&history.ActivityAttemptStarted{Ordinal: k.Ordinal, Attempt: k.Attempt, Worker: in.worker})
	case a != nil && !ok && !a.Canceling:
		c.takeBack(k.Ordinal) // nothing is handed out while the run is paused or Blocked
	}
	s.after = append(s.after, func() { c.e.dispatch.Started(k, ok, !ok) })
}

// unheldInput ends a canceled attempt that no worker holds.
type unheldInput struct {
	e    *Engine
	key  model.ChainKey
	task dispatch.TaskKey
}

func (in *unheldInput) fail(error) { in.e.later(in.key, in) }

func (in *unheldInput) apply(s *step) {
	c := s.c
	if c.state == nil || c.run.ID != in.task.Run {
		return
	}
	if a := c.state.Activities[in.task.Ordinal]; a != nil && a.Attempt == in.task.Attempt && a.Canceling {
		s.add(&history.ActivityCanceled{Ordinal: in.task.Ordinal, Attempt: in.task.Attempt})
		s.ended(a, "canceled")
	}
}

// claimedInput finds out what became of an attempt that a worker holds since before the start (rule A-3).
type claimedInput struct {
	e     *Engine
	token dispatch.Token
}

func (in *claimedInput) fail(error) { in.e.later(in.token.Chain, in) }

func (in *claimedInput) apply(s *step) {
	c := s.c
	a := s.current(in.token.Task)
	if a == nil || a.Handed != nil {
		s.settled = append(s.settled, settled{in.token.Task, "the attempt no longer counts"})
		return
	}
	c.offered(c.acts[in.token.Task.Ordinal], false)
	t := c.task(a)
	s.after = append(s.after, func() { c.e.dispatch.Recall(t) })
}

// dispatchInput hands a task of the backlog to the dispatcher.
type dispatchInput struct {
	task ports.Task
	done func(ok bool)
}

func (in *dispatchInput) fail(error) { in.done(false) }

func (in *dispatchInput) apply(s *step) {
	c := s.c
	a := s.current(dispatch.TaskKey{Run: in.task.Run, Ordinal: in.task.Ordinal, Attempt: in.task.Attempt})
	s.after = append(s.after, func() { in.done(true) })
	if a == nil || a.Handed != nil {
		s.append_.TasksDone = append(s.append_.TasksDone, ports.TaskRef{Run: in.task.Run, Ordinal: in.task.Ordinal, Attempt: in.task.Attempt})
		return
	}
	at := c.acts[in.task.Ordinal]
	if !c.state.Runnable() {
		c.takeBack(in.task.Ordinal)
		return
	}
	t := c.task(a)
	t.Order = in.task.Order
	maybe := at.maybe
	c.offered(at, true)
	s.after = append(s.after, func() {
		if now := c.acts[t.Ordinal]; now == nil || now.n != t.Attempt {
			return // it has ended in the same step
		}
		if t.Started || maybe && !t.AtMostOnce {
			c.e.dispatch.Recover(t) // it may be out since before the start
		} else {
			c.e.dispatch.Offer(t, false)
		}
	})
}

// takeBack keeps an attempt of the backlog until the run goes on.
func (c *chain) takeBack(o model.Ordinal) {
	a := c.acts[o]
	if a.offered && !a.row {
		c.flying--
	}
	a.offered, a.row, a.maybe = false, false, a.row || a.maybe
	c.pushDue(dueItem{c.state.Activities[o].NextAt, dueAttempt, o, a.n})
}
