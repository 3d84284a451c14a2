package workflow

import (
	"errors"
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// ParentClosePolicy says what happens to a child workflow when its parent's run closes: completes, fails, is canceled or terminated, times out,
// or continues as new.
type ParentClosePolicy = guest.ParentClosePolicy

// The parent-close policies. Without one the child is terminated.
const (
	TerminateChild     = guest.ParentCloseTerminate
	RequestChildCancel = guest.ParentCloseRequestCancel
	AbandonChild       = guest.ParentCloseAbandon
)

// ChildOptions say how a child workflow is started. The zero value is a good one.
type ChildOptions struct {
	ID          string // its workflow ID; "" = the parent's run ID, "/" and a number
	TaskQueue   string // of activities that name none; "" = that of the parent
	RunTimeout  time.Duration
	ParentClose ParentClosePolicy
	Header      map[string]string
}

// ChildRun names the first run of a child workflow.
type ChildRun struct{ ID, RunID string }

// A Child is a child workflow that was asked for.
//   - Get(ctx) waits for its result: the end of its chain of runs;
//   - Settled() says whether Get would answer at once;
//   - Cancel() asks it to end, and does not wait. A cancel of the scope that it was started in does the same.
//
// Errors are *ChildError.
type Child[O any] struct{ guest.Child[O] }

// Started waits until the child's first run is there. ErrChildExists is in the error where another workflow has its ID.
func (c Child[O]) Started(ctx Context) (ChildRun, error) {
	return guest.Started(c.Child, readStarted).Get(ctx)
}

// ExecuteChild starts the workflow as a child and waits for its result. The error is a *ChildError.
func (w Workflow[I, O]) ExecuteChild(ctx Context, in I, opts ...ChildOptions) (O, error) {
	return w.StartChild(ctx, in, opts...).Get(ctx)
}

// StartChild asks for the workflow as a child, and does not wait. It is started exactly once, and how it ends is told exactly once, over crashes. Of
// several options the fields that are set in later ones count.
func (w Workflow[I, O]) StartChild(ctx Context, in I, opts ...ChildOptions) Child[O] {
	p, err := guest.Encode(in)
	if err != nil {
		return Child[O]{guest.RefusedChild(ctx, w.Name(), guest.BadPayload(fmt.Errorf("its input: %w", err)), readChild[O])}
	}
	var o guest.ChildOptions
	for _, x := range opts {
		if x.ID != "" {
			o.ID = x.ID
		}
		if x.TaskQueue != "" {
			o.TaskQueue = x.TaskQueue
		}
		if x.RunTimeout != 0 {
			o.RunTimeout = x.RunTimeout
		}
		if x.ParentClose != 0 {
			o.ParentClose = x.ParentClose
		}
		if x.Header != nil {
			o.Header = x.Header
		}
	}
	return Child[O]{guest.StartChild(ctx, w.Name(), p, &o, readChild[O])}
}

// NamedWorkflow is a workflow type known by its name alone, to start it as a child: its input and result are passed as they are.
func NamedWorkflow(name string) Workflow[Payload, Payload] {
	return Workflow[Payload, Payload]{&guest.Workflow{Type: name}}
}

// A Target is a workflow of the namespace that signals are sent to: a child, or any other one.
type Target = guest.Target

// To names a workflow's open run as a Target.
func To(id string) Target { return guest.ToWorkflow(id, "") }

// ToRun names one run as a Target; it must be open.
func ToRun(id, run string) Target { return guest.ToWorkflow(id, run) }

// Send sends the signal to another workflow, and waits until it is recorded there. Several are recorded in the order in which they were sent.
// ErrNotRunning is in the error where there is no open run.
func (s Signal[T]) Send(ctx Context, to Target, v T) error {
	_, err := s.StartSend(ctx, to, v).Get(ctx)
	return err
}

// StartSend sends the signal and does not wait.
func (s Signal[T]) StartSend(ctx Context, to Target, v T) Future[None] {
	p, err := guest.Encode(v)
	if err != nil {
		return guest.Refused(ctx, s.name, guest.BadPayload(fmt.Errorf("signal %s: %w", s.name, err)), readSent)
	}
	return guest.SendSignal(ctx, to, s.name, p, readSent)
}

// RequestCancel asks another workflow to end, and waits until that is recorded there. ErrNotRunning is in the error where there is no open run. A
// child is canceled by its own Cancel.
func RequestCancel(ctx Context, to Target, reason string) error {
	_, err := guest.SendCancel(ctx, to, reason, readSent).Get(ctx)
	return err
}

// What errors.Is finds in the errors of children and of messages to other workflows, beside ErrCanceled and ErrTimeout.
var (
	ErrChildExists     = errors.New("a workflow with this ID is there already")
	ErrChildTerminated = errors.New("the child workflow was terminated")
	ErrNotRunning      = errors.New("the workflow is not running")
)

// A ChildError is a child workflow that has not completed, or was not started. errors.Is and errors.As find in it what the child returned (error
// types), ErrCanceled, ErrTimeout, ErrChildTerminated, ErrChildExists.
type ChildError struct {
	Workflow  string // its type
	ID, RunID string // "" where not known
	Message   string
	Reason    string // of a child that was not started: why, e.g. "already_exists" or "no_route"
	failure   *guest.Failure
	cause     error
}

// Error says what became of which child.
func (e *ChildError) Error() string { return "child workflow " + e.Workflow + ": " + e.Message }

// Unwrap gives what it is known by.
func (e *ChildError) Unwrap() error { return e.cause }

// Failure gives the recorded form.
func (e *ChildError) Failure() *guest.Failure {
	f := &guest.Failure{Message: e.Error(), Retryable: true, Cause: e.failure}
	switch {
	case e.failure != nil:
		f.Type = e.failure.Type
	case e.cause != nil:
		f.Type = guest.FailureOf(e.cause).Type
	}
	return f
}

func readChild[O any](o *guest.Outcome) (O, error) {
	var zero O
	if o.Kind == guest.OutcomeCompleted {
		v, err := guest.Decode[O](o.Payload)
		if err != nil {
			return zero, &ChildError{Workflow: o.Name, ID: o.WorkflowID, RunID: o.RunID, Message: "its result: " + err.Error(), cause: guest.BadPayload(err)}
		}
		return v, nil
	}
	return zero, childError(o)
}

func readStarted(o *guest.Outcome) (ChildRun, error) {
	switch o.Kind {
	case guest.OutcomeNotDone, guest.OutcomeRefused:
		return ChildRun{}, childError(o)
	}
	return ChildRun{o.WorkflowID, o.RunID}, nil
}

func childError(o *guest.Outcome) error {
	e := &ChildError{Workflow: o.Name, ID: o.WorkflowID, RunID: o.RunID, Message: o.Message}
	switch o.Kind {
	case guest.OutcomeFailed:
		e.failure, e.cause, e.Message = o.Failure, guest.ErrorOf(o.Failure), "failed"
		if o.Failure != nil {
			e.Message = o.Failure.Message
		}
	case guest.OutcomeTimedOut:
		e.cause = guest.TimeoutError{Kind: o.Timeout}
		e.Message = e.cause.Error()
	case guest.OutcomeCanceled:
		e.cause, e.Message = ErrCanceled, "canceled"
	case guest.OutcomeTerminated:
		e.cause, e.Message = ErrChildTerminated, "terminated"
		if o.Message != "" {
			e.Message += ": " + o.Message
		}
	case guest.OutcomeNotDone:
		e.Reason, e.Message = o.Reason, "not started: "+o.Message
		if o.Reason == "already_exists" {
			e.cause = ErrChildExists
		}
	default:
		e.cause, e.Message = o.Err, o.Err.Error()
	}
	return e
}

func readSent(o *guest.Outcome) (None, error) {
	switch o.Kind {
	case guest.OutcomeNotDone:
		if o.Reason == "not_running" || o.Reason == "not_found" {
			return None{}, fmt.Errorf("%w: %s", ErrNotRunning, o.Message)
		}
		return None{}, errors.New(o.Message)
	case guest.OutcomeRefused:
		return None{}, o.Err
	}
	return None{}, nil
}
