package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	around "github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// attemptKey names an attempt, whichever token it was handed out with.
type attemptKey struct {
	run      string
	activity uint32
	attempt  uint32
}

// attempt is a task that runs.
type attempt struct {
	w       *Worker
	key     attemptKey
	info    Task
	input   guest.Payload
	details guest.Payload // of the attempt before
	unread  error         // what a codec could not decode
	ctx     context.Context
	cancel  context.CancelCauseFunc

	// Guarded by the worker's lock.
	token    []byte
	canceled bool // by the server
	beat     *aionv1.TaskHeartbeat
	beatNew  bool // it is not queued yet
	beatAt   time.Time
	beatSoon *time.Timer // nil where no heartbeat waits
}

// accept begins a task. One that runs already, or whose result waits to be recorded, is not begun again: it only has a new token.
func (w *Worker) accept(t *aionv1.Task) {
	key := attemptKey{t.GetRunId(), t.GetActivityId(), t.GetAttempt()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.attempts[key]; a != nil {
		a.token = t.GetToken()
		return
	}
	if w.outbox.again(key, t.GetToken()) {
		w.notice()
		return
	}
	a := &attempt{
		w: w, key: key, info: taskOf(t), input: contract.ReadPayload(t.GetInput()), details: contract.ReadPayload(t.GetHeartbeat()), token: t.GetToken(),
	}
	a.decode()
	ctx, cancel := context.WithCancelCause(around.NewContext(context.Background(), a))
	a.ctx, a.cancel = ctx, cancel
	if d := a.info.Deadline; time.Now().Before(d) { // one that has passed is one of a clock that differs from the server's
		limited, stop := context.WithDeadlineCause(ctx, d, workflow.ErrTimeout{Kind: workflow.StartToClose})
		a.ctx, a.cancel = limited, func(cause error) { cancel(cause); stop() }
	}
	w.attempts[key] = a
	if w.left {
		w.left, w.gone = false, make(chan struct{})
	}
	go a.run()
}

// run runs the attempt to its end and hands the result in.
func (a *attempt) run() {
	var (
		out  guest.Payload
		err  error
		done bool
	)
	defer func() {
		if p := recover(); p != nil || !done {
			if p == nil {
				p = "the activity's goroutine has ended (runtime.Goexit)"
			}
			err = panicked{fmt.Sprint(p), string(debug.Stack())}
			a.w.log.Error("an activity panicked", "activity", a.info.ActivityType, "workflow_id", a.info.WorkflowID, "panic", p)
		}
		a.finish(out, err)
	}()
	h, ok := a.w.handlers[a.info.ActivityType]
	if !ok {
		err = unknownType{a.info.ActivityType, slices.Sorted(maps.Keys(a.w.handlers))}
		done = true
		return
	}
	next := func(ctx context.Context) error {
		var err error
		out, err = h(ctx, a.input)
		return err
	}
	for _, intercept := range slices.Backward(a.w.options.Interceptors) {
		inner := next
		next = func(ctx context.Context) error { return intercept(ctx, inner) }
	}
	if err = a.unread; err == nil {
		err = next(a.ctx)
	}
	done = true
}

func (a *attempt) finish(out guest.Payload, err error) {
	w := a.w
	w.mu.Lock()
	defer w.mu.Unlock()
	defer a.cancel(nil)
	if a.beatSoon != nil {
		a.beatSoon.Stop()
		a.beatSoon = nil
	}
	switch {
	case err == nil:
		delete(w.outbox.beats, string(a.token))
	case a.beatNew: // the next attempt begins where this one says that it was
		a.queueBeat()
	}
	delete(w.attempts, a.key)
	w.outbox.add(a.key, w.encoded(outcome(a.token, out, err, a.canceled)))
	w.notice()
}

// outcome is the message of how an attempt ended. One that was canceled by the server has ended as canceled if it says so.
func outcome(token []byte, out guest.Payload, err error, canceled bool) *aionv1.TaskResult {
	m := &aionv1.TaskResult{Token: token}
	switch {
	case err == nil:
		if n := len(out.Data); n > maxResult {
			return tooLarge(token, n)
		}
		m.Outcome = &aionv1.TaskResult_Completed{Completed: contract.SomePayload(out)}
	case errors.Is(err, activity.ErrPending):
		m.Outcome = &aionv1.TaskResult_Pending{Pending: &aionv1.TaskPending{}}
	case canceled && (errors.Is(err, context.Canceled) || errors.Is(err, workflow.ErrCanceled)):
		m.Outcome = &aionv1.TaskResult_Canceled{Canceled: &aionv1.TaskCanceled{Details: contract.Payload(activity.FailureOf(err).Details)}}
	default:
		f := &aionv1.TaskFailure{Failure: contract.Failure(activity.FailureOf(err))}
		if d := activity.NextDelay(err); d > 0 {
			f.NextRetryDelay = durationpb.New(d)
		}
		m.Outcome = &aionv1.TaskResult_Failed{Failed: f}
	}
	return m
}

// maxResult is the largest result that fits into a frame. What a run may hold is bounded by the server, far lower as a rule.
const maxResult = 7 << 20

func tooLarge(token []byte, size int) *aionv1.TaskResult {
	return &aionv1.TaskResult{Token: token, Outcome: &aionv1.TaskResult_Failed{Failed: &aionv1.TaskFailure{Failure: &aionv1.Failure{
		Type: "aion.payload_too_large", Message: fmt.Sprintf("the result has %d bytes, more than a server takes; keep it elsewhere and give its address", size),
	}}}}
}

// maxStack bounds the stack that a panic records.
const maxStack = 16 << 10

// panicked is the error of an activity that panicked.
type panicked struct{ message, stack string }

func (e panicked) Error() string { return e.message }

func (e panicked) Failure() *guest.Failure {
	stack := e.stack
	if len(stack) > maxStack {
		stack = stack[:maxStack]
	}
	return &guest.Failure{Type: string(activity.Panicked), Message: strings.ToValidUTF8(e.message, "\uFFFD"), Stack: stack, Retryable: true}
}

// unknownType is the error of a task that this worker has no function for. Another worker may have one.
type unknownType struct {
	name  string
	known []string
}

func (e unknownType) Error() string {
	return fmt.Sprintf("this worker has no activity %q; it has %s", e.name, strings.Join(e.known, ", "))
}

func (e unknownType) Failure() *guest.Failure {
	return &guest.Failure{Type: "aion.unknown_type", Message: strings.ToValidUTF8(e.Error(), "\uFFFD"), Retryable: true}
}
