package client

import (
	"fmt"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// Ending says how a run ended that did not complete.
type Ending string

// The endings.
const (
	Failed     Ending = "failed"
	Canceled   Ending = "was canceled"
	Terminated Ending = "was terminated"
	TimedOut   Ending = "timed out"
)

// RunError is a run that ended without a result. errors.Is and errors.As find in it what the workflow returned: error types,
// workflow.ErrCanceled, workflow.ErrTimeout.
type RunError struct {
	ID, RunID string
	Ending    Ending
	Reason    string // of a terminated run: what the operator said
	err       error
}

// Error says which run ended how, and why.
func (e *RunError) Error() string {
	s := fmt.Sprintf("workflow %q %s", e.ID, e.Ending)
	if e.err != nil && e.Ending == Failed {
		return s + ": " + e.err.Error()
	}
	if e.Reason != "" {
		return s + ": " + e.Reason
	}
	return s
}

// Unwrap gives the workflow's error; nil for a terminated run.
func (e *RunError) Unwrap() error { return e.err }

// BlockedError is a run whose code cannot go on until an operator does something: routes code that replays it, moves it to another
// package, raises a limit. The run is open, and what it is sent is kept.
type BlockedError struct {
	ID, RunID string
	What      string // nondeterminism, panic, fuel, memory, missing_package, …
	Message   string
	AtSeq     uint32 // the event at which replay differed; 0 otherwise
	Expected  string
	Found     string
	Stack     string // of the code, where it panicked
}

// Error says which run is blocked by what.
func (e *BlockedError) Error() string {
	s := fmt.Sprintf("workflow %q is blocked (%s)", e.ID, e.What)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// resultOf gives the result of a run that completed, an error for any other.
func resultOf(ref Ref, o *aionv1.Outcome) (workflow.Payload, error) {
	e := &RunError{ID: ref.ID, RunID: ref.RunID}
	switch v := o.GetOutcome().(type) {
	case *aionv1.Outcome_Completed:
		return contract.ReadPayload(v.Completed), nil
	case *aionv1.Outcome_Failed:
		e.Ending, e.err = Failed, activity.ErrorFrom(contract.ReadFailure(v.Failed))
	case *aionv1.Outcome_Canceled:
		e.Ending, e.err = Canceled, workflow.ErrCanceled
	case *aionv1.Outcome_Terminated:
		e.Ending, e.Reason = Terminated, v.Terminated.GetReason()
	case *aionv1.Outcome_TimedOut:
		e.Ending, e.err = TimedOut, workflow.ErrTimeout{Kind: workflow.TimeoutKind(v.TimedOut.GetKind())}
	default:
		b := o.GetPending().GetBlocked()
		return workflow.Payload{}, &BlockedError{
			ID: ref.ID, RunID: ref.RunID, What: b.GetWhat(), Message: b.GetMessage(), AtSeq: b.GetAtSeq(), Expected: b.GetExpected(),
			Found: b.GetFound(), Stack: b.GetStack(),
		}
	}
	return workflow.Payload{}, e
}
