package workflow

import (
	"github.com/aionrun/aion/sdk/guest"
)

// A Saga undoes what was done when a later step fails. The zero Saga is ready:
//
//	var saga workflow.Saga
//	defer saga.End(ctx, &err)
//	Release.Compensate(&saga, order)      // before the step: a step that failed may have happened all the same
//	if _, err = Reserve.Execute(ctx, order); err != nil {
//		return r, err
//	}
//
// Compensations must be idempotent, and harmless when the step did not happen.
type Saga struct{ undo []func(ctx Context) error }

// CompensationError says that not everything could be undone; errors.Is and errors.As see the error of the workflow and those of
// the compensations in it. A run that ends with it closes as failed, even where it was canceled.
type CompensationError = guest.CompensationError

// Add registers a compensation. An activity's Compensate is shorter.
func (s *Saga) Add(undo func(ctx Context) error) { s.undo = append(s.undo, undo) }

// End, deferred, runs the compensations in reverse order when *err is set or the run was canceled (then *err becomes
// ErrCanceled). They run in a detached scope, every one of them even if some fail; failures are joined into *err as a
// *CompensationError. A panic of the workflow passes through without compensation: it blocks the run until the code is repaired.
func (s *Saga) End(ctx Context, err *error) {
	if len(s.undo) == 0 {
		return
	}
	if *err == nil {
		*err = ctx.Err()
	}
	if *err == nil {
		return
	}
	if r := recover(); r != nil {
		panic(r)
	}
	detached := Detached(ctx)
	var failed []error
	for len(s.undo) > 0 {
		last := len(s.undo) - 1
		undo := s.undo[last]
		s.undo = s.undo[:last]
		if e := undo(detached); e != nil {
			failed = append(failed, e)
		}
	}
	if len(failed) > 0 {
		*err = &CompensationError{Err: *err, Failed: failed}
	}
}
