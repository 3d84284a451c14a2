package engine

import (
	"time"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// answer carries a call's result from the chain's goroutine to the caller; it is answered once.
type answer[T any] struct{ ch chan reply[T] }

type reply[T any] struct {
	v   T
	err error
}

func newAnswer[T any]() answer[T] { return answer[T]{make(chan reply[T], 1)} }

func (a answer[T]) give(v T, err error) {
	select {
	case a.ch <- reply[T]{v, err}:
	default:
	}
}

// openRun checks that a reference means the chain's open run.
func (c *chain) openRun(ref ports.WorkflowRef) error {
	if !c.exists || ref.Run != "" && ref.Run != c.run.ID && c.state != nil {
		return notFound(ref)
	}
	if c.state == nil || !c.state.Open() {
		status := c.run.Status
		return fault.New(fault.NotRunning, "workflow %q is not running: its run %s is %v", ref.WorkflowID, c.run.ID, status)
	}
	return nil
}

func notFound(ref ports.WorkflowRef) error {
	if ref.Run != "" {
		return fault.NotFoundf("workflow %q has no run %s in namespace %q", ref.WorkflowID, ref.Run, ref.Namespace)
	}
	return fault.NotFoundf("workflow %q does not exist in namespace %q", ref.WorkflowID, ref.Namespace).Hinted("aion list shows the workflows")
}

// endInput cancels or terminates the open run.
type endInput struct {
	answer[model.RunID]
	req       ports.EndRequest
	terminate bool
}

func (in *endInput) fail(err error) { in.give("", err) }

func (in *endInput) apply(s *step) {
	c := s.c
	if err := c.openRun(in.req.Ref); err != nil {
		in.give("", err)
		return
	}
	if in.terminate {
		s.add(&history.Terminated{Reason: in.req.Reason, Identity: in.req.Identity, RequestID: in.req.RequestID})
	} else if !c.state.CancelRequested {
		s.add(&history.CancelRequested{Reason: in.req.Reason, Identity: in.req.Identity, RequestID: in.req.RequestID})
	}
	run := c.run.ID
	s.after = append(s.after, func() { in.give(run, nil) })
}

// resultInput records what a worker answered.
type resultInput struct {
	e         *Engine
	token     dispatch.Token
	result    ports.TaskResult
	worker    string
	heartbeat model.Payload
	done      func(bool)
}

func (in *resultInput) fail(err error) { in.done(fault.Has(err, fault.NotFound)) }

func (in *resultInput) apply(s *step) {
	c := s.c
	s.after = append(s.after, func() { in.done(true) })
	a := s.current(in.token.Task)
	if a == nil {
		s.settled = append(s.settled, settled{in.token.Task, ""})
		c.e.tel.AttemptEnded(c.key.Namespace, "", "dropped")
		return
	}
	o := in.token.Task.Ordinal
	r := in.result
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
	in.e.opt.Clock.AfterFunc(time.Second, func() { in.e.submit(in.token.Chain, in) })
}

func (in *expiredInput) apply(s *step) {
	a := s.current(in.token.Task)
	if a == nil {
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

// dispatchInput hands a task of the backlog to the dispatcher.
type dispatchInput struct {
	task ports.Task
	done func()
}

func (in *dispatchInput) fail(error) { in.done() }

func (in *dispatchInput) apply(s *step) {
	c := s.c
	a := s.current(dispatch.TaskKey{Run: in.task.Run, Ordinal: in.task.Ordinal, Attempt: in.task.Attempt})
	if a == nil || !c.state.Runnable() {
		if a == nil {
			s.append_.TasksDone = append(s.append_.TasksDone, ports.TaskRef{Run: in.task.Run, Ordinal: in.task.Ordinal, Attempt: in.task.Attempt})
		}
		s.after = append(s.after, in.done)
		return
	}
	t := c.task(a)
	t.Order = in.task.Order
	c.offered(c.acts[in.task.Ordinal], true)
	s.after = append(s.after, func() {
		c.e.dispatch.Offer(t, false)
		in.done()
	})
}

// inspectInput looks at a chain between its steps.
type inspectInput struct {
	answer[struct{}]
	look func(c *chain, s *step) error
}

func (in *inspectInput) fail(err error) { in.give(struct{}{}, err) }

func (in *inspectInput) apply(s *step) {
	// Behind the commit, so that what is seen is durable.
	s.after = append(s.after, func() { in.give(struct{}{}, in.look(s.c, s)) })
}

func tooLarge(what string, size, limit int) *fault.Error {
	return fault.New(fault.PayloadTooLarge, "%s has %d bytes; at most %d are allowed", what, size, limit).
		Hinted("store large values elsewhere and pass a reference, or raise limits.payload_bytes")
}

// sink is what the dispatcher tells the engine.
type sink struct{ e *Engine }

func (k sink) Result(t dispatch.Token, r ports.TaskResult, worker string, heartbeat model.Payload, done func(bool)) {
	k.e.submit(t.Chain, &resultInput{e: k.e, token: t, result: r, worker: worker, heartbeat: heartbeat, done: done})
}

func (k sink) Expired(t dispatch.Token, kind model.TimeoutKind, worker string, heartbeat model.Payload) {
	k.e.submit(t.Chain, &expiredInput{e: k.e, token: t, kind: kind, worker: worker, heartbeat: heartbeat})
}

func (k sink) Heartbeat(h ports.Heartbeat) {
	k.e.background(func() {
		if err := k.e.store.PutHeartbeat(k.e.base, h); err != nil {
			k.e.log.Warn("heartbeat details could not be stored", "run_id", h.Run, "error", err)
		}
	})
}

func (k sink) Left(identity string) { k.e.left(identity) }

// refillPage is how many tasks of the backlog are taken at a time.
const refillPage = 500

func (k sink) Refill(q dispatch.QueueKey, after int64) {
	e := k.e
	e.background(func() {
		tasks, err := e.store.Tasks(e.base, q.Namespace, q.Queue, after, refillPage)
		if err != nil {
			if e.base.Err() == nil {
				e.log.Error("reading the backlog of a task queue failed; it will be tried again", "namespace", q.Namespace, "queue", q.Queue, "error", err)
				e.opt.Clock.AfterFunc(time.Second, func() { e.dispatch.Refilled(q, after, true) })
			}
			return
		}
		last := after
		left := make(chan struct{}, len(tasks))
		for _, t := range tasks {
			last = max(last, t.Order)
			e.submit(t.Key, &dispatchInput{task: t, done: func() { left <- struct{}{} }})
		}
		for range tasks {
			select {
			case <-left:
			case <-e.base.Done():
				return
			}
		}
		e.dispatch.Refilled(q, last, len(tasks) == refillPage)
	})
}
