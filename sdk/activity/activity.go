package activity

import (
	"errors"
	"fmt"

	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/workflow"
)

// An Activity is a declared activity: a name, the types of its input and its result, and options. Make it with Define, as a package
// variable that workflow code and workers share.
type Activity[I, O any] struct {
	name string
	opts Options
}

// Define declares an activity. The name is what histories and workers know it by.
func Define[I, O any](name string, opts Options) Activity[I, O] {
	guest.Declare(guest.DeclaredActivity, name)
	return Activity[I, O]{name, opts}
}

// Named is an activity known by its name alone, for names that are only known at run time and for workers in other languages.
// Its input and result are passed as they are; workflow.NewPayload and Payload.Decode turn values into them and back.
func Named(name string, opts Options) Activity[workflow.Payload, workflow.Payload] {
	return Activity[workflow.Payload, workflow.Payload]{name, opts}
}

// Name is the activity's type.
func (a Activity[I, O]) Name() string { return a.name }

// Options are the options that the activity is scheduled with.
func (a Activity[I, O]) Options() Options { return a.opts }

// With gives the same activity with other options: every field that is set in opts replaces that of a.
func (a Activity[I, O]) With(opts Options) Activity[I, O] {
	return Activity[I, O]{a.name, a.opts.merge(opts)}
}

// Execute runs the activity and waits for its result. An error is always an *Error: errors.Is finds its Type, workflow.ErrTimeout
// and workflow.ErrCanceled in it.
func (a Activity[I, O]) Execute(ctx workflow.Context, in I) (O, error) {
	return a.Start(ctx, in).Get(ctx)
}

// Start asks for the activity and does not wait. Its error is given by the future, as by Execute.
func (a Activity[I, O]) Start(ctx workflow.Context, in I) workflow.Future[O] {
	if a.name == "" {
		return guest.Refused(ctx, a.name, errors.New("the activity has no name; give activity.Define one"), read[O])
	}
	p, err := guest.Encode(in)
	if err != nil {
		return guest.Refused(ctx, a.name, guest.BadPayload(fmt.Errorf("its input: %w", err)), read[O])
	}
	opts := a.opts.guest()
	return guest.ScheduleActivity(ctx, a.name, p, &opts, read[O])
}

// Compensate registers the activity as a compensation of saga, to be run with in if the workflow fails or is canceled.
// Register it before the step that it undoes: a step that failed may have happened all the same.
func (a Activity[I, O]) Compensate(saga *workflow.Saga, in I) {
	saga.Add(func(ctx workflow.Context) error {
		_, err := a.Execute(ctx, in)
		return err
	})
}

// EncodeInput writes an input as it is recorded.
func (a Activity[I, O]) EncodeInput(in I) (workflow.Payload, error) { return guest.Encode(in) }

// DecodeInput reads an input, for workers. An error is to be reported as guest.BadPayload(err): repeating the attempt cannot help.
func (a Activity[I, O]) DecodeInput(p workflow.Payload) (I, error) { return guest.Decode[I](p) }

// EncodeResult writes a result as it is recorded, for workers.
func (a Activity[I, O]) EncodeResult(out O) (workflow.Payload, error) { return guest.Encode(out) }

// read turns what became of an activity into its result or an *Error.
func read[O any](o *guest.Outcome) (O, error) {
	var zero O
	if o.Kind != guest.OutcomeCompleted {
		return zero, errorOf(o)
	}
	v, err := guest.Decode[O](o.Payload)
	if err != nil {
		return zero, &Error{Type: guest.FailureBadPayload, Message: "its result: " + err.Error(), Activity: o.Name, Attempt: o.Attempt, final: true, cause: err}
	}
	return v, nil
}
