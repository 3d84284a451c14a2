package inprocess

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	around "github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/workflow"
)

// attempt is a task that runs.
type attempt struct {
	w        *Worker
	task     *ports.ActivityTask
	cancel   context.CancelCauseFunc
	canceled bool // on the engine's request; guarded by the worker's lock
	resting  bool // it waits for something outside, guarded too
}

var _ around.Running = (*attempt)(nil)

// begin runs a task. The worker's lock is held.
func (w *Worker) begin(t *ports.ActivityTask) {
	a := &attempt{w: w, task: t}
	ctx, cancel := context.WithCancelCause(around.NewContext(context.Background(), a))
	a.cancel = cancel
	if w.killed {
		cancel(errKilled)
		return
	}
	w.attempts[string(t.Token)] = a
	w.options.Underway(1)
	go a.run(ctx)
}

// stopped passes the engine's wish on. The worker's lock is held.
func (a *attempt) stopped(reason string) {
	a.canceled = true
	a.end(fmt.Errorf("%w: %s", workflow.ErrCanceled, reason))
}

// end ends the attempt's context. The worker's lock is held.
func (a *attempt) end(cause error) {
	a.wake()
	a.cancel(cause)
}

func (a *attempt) wake() {
	if a.resting {
		a.resting = false
		a.w.options.Underway(1)
	}
}

// Rest lets the attempt of ctx wait for something outside without counting as under way. arrange is given what wakes it, to be called from
// anywhere; Rest returns then, or with the cause of ctx's end. Errors: a ctx that belongs to no attempt of a Worker.
func Rest(ctx context.Context, arrange func(wake func())) error {
	a, ok := around.From(ctx).(*attempt)
	if !ok {
		return errors.New("inprocess: the context is not that of an activity that runs in a Worker")
	}
	w := a.w
	woken := make(chan struct{})
	var once sync.Once
	early := false
	arrange(func() {
		once.Do(func() {
			w.mu.Lock()
			early = !a.resting
			a.wake()
			w.mu.Unlock()
			close(woken)
		})
	})
	w.mu.Lock()
	if !early && ctx.Err() == nil {
		a.resting = true
		w.options.Underway(-1)
	}
	w.mu.Unlock()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run runs the attempt to its end and hands the result in.
func (a *attempt) run(ctx context.Context) {
	var (
		out  workflow.Payload
		err  error
		done bool
	)
	defer func() {
		if p := recover(); p != nil || !done {
			if p == nil {
				p = "the activity's goroutine has ended (runtime.Goexit, as by t.FailNow)"
			}
			err = panicked{fmt.Sprint(p), string(debug.Stack())}
			a.w.options.Log.Error("an activity panicked", "activity", a.task.Type, "workflow_id", a.task.Key.WorkflowID, "panic", p)
		}
		a.w.finish(a, a.outcome(out, err))
		a.cancel(nil)
	}()
	h, ok := a.w.handlers[string(a.task.Type)]
	if ok {
		out, err = h(ctx, workflow.Payload(a.task.Input))
	} else {
		err = unknownType(a.task.Type)
	}
	done = true
}

// outcome is the result of how the attempt ended. One that was canceled by the engine has ended as canceled if it says so.
func (a *attempt) outcome(out workflow.Payload, err error) ports.TaskResult {
	a.w.mu.Lock()
	canceled := a.canceled
	a.w.mu.Unlock()
	r := ports.TaskResult{Token: a.task.Token}
	switch {
	case err == nil:
		p := model.Payload(out)
		r.Completed = &p
	case errors.Is(err, activity.ErrPending):
		r.Pending = true
	case canceled && (errors.Is(err, context.Canceled) || errors.Is(err, workflow.ErrCanceled)):
		p := model.Payload(activity.FailureOf(err).Details)
		r.Canceled = &p
	default:
		r.Failed, r.NextDelay = failure(activity.FailureOf(err)), max(activity.NextDelay(err), 0)
	}
	return r
}

func failure(f *guest.Failure) *model.Failure {
	if f == nil {
		return nil
	}
	return &model.Failure{Type: f.Type, Message: f.Message, Details: model.Payload(f.Details), Stack: f.Stack, Retryable: f.Retryable, Cause: failure(f.Cause)}
}

// Task says which attempt it is.
func (a *attempt) Task() around.Task {
	t := a.task
	return around.Task{
		Namespace: string(t.Key.Namespace), WorkflowID: string(t.Key.WorkflowID), WorkflowType: string(t.WorkflowType), RunID: string(t.Run),
		ActivityID: uint32(t.Ordinal), ActivityType: string(t.Type), Attempt: uint32(t.Attempt), TaskQueue: string(t.Queue),
		ScheduledAt: t.ScheduledAt, Deadline: t.Deadline, Heartbeat: t.Heartbeat, Headers: t.Header,
		Key: fmt.Sprintf("%s/%d", t.Run, t.Ordinal), Token: fmt.Sprintf("%s/%d/%d", t.Run, t.Ordinal, t.Attempt),
		TaskToken: activity.EncodeToken(t.Token),
	}
}

// Beat passes a heartbeat on.
func (a *attempt) Beat(details guest.Payload) { a.w.beat(a.task.Token, model.Payload(details)) }

// Details are the last heartbeat details of the attempts before.
func (a *attempt) Details() guest.Payload { return guest.Payload(a.task.LastDetails) }

// maxStack bounds the stack that a panic records.
const maxStack = 16 << 10

// panicked is the error of an activity that panicked.
type panicked struct{ message, stack string }

func (e panicked) Error() string { return e.message }

// Failure gives the recorded form.
func (e panicked) Failure() *guest.Failure {
	stack := e.stack
	if len(stack) > maxStack {
		stack = stack[:maxStack]
	}
	return &guest.Failure{Type: model.FailurePanic, Message: strings.ToValidUTF8(e.message, "\uFFFD"), Stack: strings.ToValidUTF8(stack, "\uFFFD"), Retryable: true}
}

// unknownType is the error of a task that the worker has no function for.
type unknownType model.ActivityType

func (e unknownType) Error() string { return fmt.Sprintf("this worker has no activity %q", string(e)) }

// Failure gives the recorded form.
func (e unknownType) Failure() *guest.Failure {
	return &guest.Failure{Type: model.FailureUnknownType, Message: strings.ToValidUTF8(e.Error(), "\uFFFD"), Retryable: true}
}
