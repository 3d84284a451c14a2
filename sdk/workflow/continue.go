package workflow

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// ContinueOptions say what is different in the run that a run continues as. Zero fields are those of the run.
type ContinueOptions struct {
	TaskQueue  string
	RunTimeout time.Duration
}

// ContinueAsNew gives the error that the workflow's code returns to go on as a new run of w, usually its own workflow type, with an empty
// history: same workflow ID, same package, another run ID. It is one commit; who waits for the result waits for the last run's.
//
//	return out, Loop.ContinueAsNew(ctx, next)
//
// Signals that were not received carry over, in order. Activities and timers that are still pending are canceled, and children get
// their parent-close policy. In Info, ContinueAsNewSuggested says when it is time.
func (w Workflow[I, O]) ContinueAsNew(ctx Context, in I, opts ...ContinueOptions) error {
	p, err := guest.Encode(in)
	if err != nil {
		return guest.BadPayload(fmt.Errorf("input of workflow %s: %w", w.Name(), err))
	}
	e := &guest.ContinueAsNewError{Type: w.Name(), Input: p}
	for _, o := range opts {
		if o.TaskQueue != "" {
			e.Options.TaskQueue = o.TaskQueue
		}
		if o.RunTimeout != 0 {
			e.Options.RunTimeout = o.RunTimeout
		}
	}
	return e
}

// ContinueAsNew is the method of that name for the run's own workflow type, which needs no variable that refers to itself. in must fit it.
func ContinueAsNew[I any](ctx Context, in I, opts ...ContinueOptions) error {
	return Workflow[I, None]{&guest.Workflow{Type: GetInfo(ctx).WorkflowType}}.ContinueAsNew(ctx, in, opts...)
}
