package aiontest

import (
	"context"
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/workflow"
)

// Run is one run of a workflow with results of type O.
type Run[O any] struct {
	env    *Env
	ref    ports.WorkflowRef
	decode func(workflow.Payload) (O, error)
}

// StartOptions say how a run is started. The zero value is useful.
type StartOptions struct {
	ID         string // the workflow ID; "" = one that nobody has
	TaskQueue  string // of activities that name none; "" = "default"
	RunTimeout time.Duration
	Header     map[string]string
	// SearchAttributes are what the run is found by; Env.Declare declares them.
	SearchAttributes []workflow.AttributeValue
}

// Start starts a workflow. What it does first has happened when the call returns; activities may still run.
func Start[I, O any](env *Env, w workflow.Workflow[I, O], in I) *Run[O] {
	env.t.Helper()
	return StartWith(env, w, in, StartOptions{})
}

// StartWith is Start with options.
func StartWith[I, O any](env *Env, w workflow.Workflow[I, O], in I, o StartOptions) *Run[O] {
	env.t.Helper()
	p, err := w.EncodeInput(in)
	if err != nil {
		env.t.Fatalf("aiontest: start %s: its input: %v", w.Name(), err)
	}
	attributes, err := encodeAttributes(o.SearchAttributes)
	if err != nil {
		env.t.Fatalf("aiontest: start %s: %v", w.Name(), err)
	}
	res, err := env.Engine().Start(context.Background(), ports.StartRequest{
		WorkflowID: model.WorkflowID(o.ID), Type: model.WorkflowType(w.Name()), Input: model.Payload(p), TaskQueue: model.TaskQueue(o.TaskQueue),
		RunTimeout: o.RunTimeout, Header: o.Header, Identity: "aiontest", Attributes: attributes,
	})
	if err != nil {
		env.t.Fatalf("aiontest: start %s: %v", w.Name(), err)
	}
	return &Run[O]{env: env, ref: ports.WorkflowRef{WorkflowID: res.WorkflowID, Run: res.Run}, decode: w.DecodeResult}
}

// ID is the workflow ID.
func (r *Run[O]) ID() string { return string(r.ref.WorkflowID) }

// RunID is the run's ID.
func (r *Run[O]) RunID() string { return string(r.ref.Run) }

// maxSteps bounds how often Result moves the clock: by then the run repeats itself.
const maxSteps = 100_000

// Result waits for the end of the run, and of what it continues as, letting time pass whenever nothing else happens, and gives its result. A run that did not complete is
// a *RunError, one that cannot go on a *BlockedError. A run that waits for what never comes fails the test.
func (r *Run[O]) Result() (O, error) {
	env := r.env
	env.t.Helper()
	env.turn.Lock()
	defer env.turn.Unlock()
	var none O
	ref := r.ref
	for step := 0; ; step++ {
		env.Wait()
		o, err := env.Engine().Result(context.Background(), ports.ResultRequest{Ref: ref})
		switch {
		case err != nil:
			return none, err
		case o.Status == model.StatusContinuedAsNew:
			ref.Run = "" // the rest of the chain
		case o.Status == model.StatusCompleted:
			return r.decode(workflow.Payload(o.Result))
		case !o.Status.Open(), o.Blocked != nil:
			return none, r.failed(o)
		case step == maxSteps:
			env.t.Fatalf("aiontest: workflow %q has not ended by %v, after %d moments at which something came due: %s", r.ID(), env.Now(), step, o.WaitingFor)
		case !env.clock.step(time.Time{}):
			env.t.Fatalf("aiontest: nothing happens any more, and workflow %q does not end: %s", r.ID(), o.WaitingFor)
		}
	}
}

func (r *Run[O]) failed(o ports.Outcome) error {
	if b := o.Blocked; b != nil {
		return &BlockedError{ID: r.ID(), RunID: r.RunID(), BlockedInfo: *b}
	}
	e := &RunError{ID: r.ID(), RunID: r.RunID(), Status: o.Status.String(), Reason: o.Reason}
	switch o.Status {
	case model.StatusFailed:
		e.err = activity.ErrorFrom(failureOf(o.Failure))
	case model.StatusCanceled:
		e.err = workflow.ErrCanceled
	case model.StatusTimedOut:
		e.err = workflow.ErrTimeout{Kind: workflow.TimeoutKind(o.Timeout)}
	}
	return e
}

func failureOf(f *model.Failure) *guest.Failure {
	if f == nil {
		return nil
	}
	return &guest.Failure{Type: f.Type, Message: f.Message, Details: guest.Payload(f.Details), Stack: f.Stack, Retryable: f.Retryable, Cause: failureOf(f.Cause)}
}

// RunError is a run that ended without a result. errors.Is and errors.As find in it what the workflow returned.
type RunError struct {
	ID, RunID string
	Status    string // Failed, Canceled, Terminated or TimedOut
	Reason    string // of a terminated run
	err       error
}

// Error says which run ended how, and why.
func (e *RunError) Error() string {
	s := fmt.Sprintf("workflow %q: %s", e.ID, e.Status)
	switch {
	case e.Reason != "":
		return s + ": " + e.Reason
	case e.err != nil:
		return s + ": " + e.err.Error()
	}
	return s
}

// Unwrap gives the workflow's error; nil for a terminated run.
func (e *RunError) Unwrap() error { return e.err }

// BlockedError is a run whose code cannot go on: it panicked, or did not replay.
type BlockedError struct {
	ID, RunID string
	ports.BlockedInfo
}

// Error says which run is blocked by what.
func (e *BlockedError) Error() string {
	s := fmt.Sprintf("workflow %q is blocked (%s): %s", e.ID, e.What, e.Message)
	if e.Stack != "" {
		s += "\n" + e.Stack
	}
	return s
}

// Signal sends a signal. It is recorded, and the code has had it, when the call returns.
func Signal[T, O any](r *Run[O], s workflow.Signal[T], v T) error {
	p, err := s.EncodeInput(v)
	if err != nil {
		return fmt.Errorf("signal %s: %w", s.Name(), err)
	}
	_, err = r.env.Engine().Signal(context.Background(), ports.SignalRequest{Ref: r.ref, Name: model.SignalName(s.Name()), Input: model.Payload(p), Identity: "aiontest"})
	return err
}

// Query asks the run, as it stands now. Call Wait before it where activities may still run.
func Query[I, Q, O any](r *Run[O], q workflow.Query[I, Q], in I) (Q, error) {
	var none Q
	p, err := q.EncodeInput(in)
	if err != nil {
		return none, fmt.Errorf("query %s: %w", q.Name(), err)
	}
	res, err := r.env.Engine().Query(context.Background(), ports.QueryRequest{Ref: r.ref, Name: model.QueryName(q.Name()), Input: model.Payload(p)})
	if err != nil {
		return none, err
	}
	return q.DecodeResult(workflow.Payload(res.Output))
}

// Cancel asks the run to end.
func (r *Run[O]) Cancel(reason string) error {
	_, err := r.env.Engine().Cancel(context.Background(), ports.EndRequest{Ref: r.ref, Reason: reason, Identity: "aiontest"})
	return err
}

// Terminate ends the run at once; no code of it runs.
func (r *Run[O]) Terminate(reason string) error {
	_, err := r.env.Engine().Terminate(context.Background(), ports.EndRequest{Ref: r.ref, Reason: reason, Identity: "aiontest"})
	return err
}

// Describe shows where the run stands.
func (r *Run[O]) Describe() ports.Description {
	r.env.t.Helper()
	d, err := r.env.Engine().Describe(context.Background(), r.ref)
	if err != nil {
		r.env.t.Fatalf("aiontest: describe %q: %v", r.ID(), err)
	}
	return d
}

// History gives the run's events so far.
func (r *Run[O]) History() []history.Event {
	r.env.t.Helper()
	var out []history.Event
	for from := model.Seq(1); from != 0; {
		page, err := r.env.Engine().History(context.Background(), ports.HistoryRequest{Ref: r.ref, From: from})
		if err == nil {
			var events []history.Event
			events, err = history.DecodePage(page.Bytes)
			out = append(out, events...)
		}
		if err != nil {
			r.env.t.Fatalf("aiontest: history of %q: %v", r.ID(), err)
		}
		from = page.Next
	}
	return out
}
