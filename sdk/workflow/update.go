package workflow

import (
	"fmt"

	"github.com/aionrun/aion/sdk/guest"
)

// An Update is a request that a run does and answers: it may change the run, wait, and run activities, and its caller gets its result.
// Make it with DefineUpdate, as a package variable that code and clients share.
type Update[I, O any] struct{ name string }

// DefineUpdate makes a kind of update. The name is what histories hold.
func DefineUpdate[I, O any](name string) Update[I, O] {
	guest.Declare(guest.DeclaredUpdate, name)
	return Update[I, O]{name}
}

// Name is the update's name.
func (u Update[I, O]) Name() string { return u.name }

// EncodeInput writes a request as it is recorded: what a client sends.
func (u Update[I, O]) EncodeInput(in I) (Payload, error) { return guest.Encode(in) }

// DecodeResult reads a result as it was recorded: what a client gets.
func (u Update[I, O]) DecodeResult(p Payload) (O, error) { return guest.Decode[O](p) }

// Handle makes fn do the update from now on, each as a coroutine of its own in the scope of ctx. What fn returns, result or error, is the
// caller's answer; an error fails the update, not the run. An input that does not fit I is rejected. When the workflow function returns
// first, the update fails with the type "aion.run_closed": wait for UpdatesOpen to be zero where that must not be.
func (u Update[I, O]) Handle(ctx Context, fn func(ctx Context, in I) (O, error)) {
	u.HandleValidated(ctx, nil, fn)
}

// HandleValidated is Handle with a validator: an update for which it gives an error is rejected with that error and leaves no trace. validate
// may only look at variables of the workflow: it runs on a throw-away copy of the run, and waiting or asking for anything in it rejects.
// It is asked before the update is recorded, and never on replay.
func (u Update[I, O]) HandleValidated(ctx Context, validate func(in I) error, fn func(ctx Context, in I) (O, error)) {
	decode := func(p Payload) (I, error) {
		in, err := guest.Decode[I](p)
		if err != nil {
			err = guest.BadPayload(fmt.Errorf("input of update %s: %w", u.name, err))
		}
		return in, err
	}
	h := guest.UpdateHandler{
		Decode: func(p Payload) error {
			_, err := decode(p)
			return err
		},
		Run: func(ctx Context, p Payload) (Payload, error) {
			in, err := decode(p)
			if err != nil {
				return Payload{}, err
			}
			out, err := fn(ctx, in)
			if err != nil {
				return Payload{}, err
			}
			if p, err = guest.Encode(out); err != nil {
				err = guest.BadPayload(fmt.Errorf("result of update %s: %w", u.name, err))
			}
			return p, err
		},
	}
	if validate != nil {
		h.Validate = func(p Payload) error {
			in, err := decode(p)
			if err != nil {
				return err
			}
			return validate(in)
		}
	}
	guest.HandleUpdate(ctx, u.name, h)
}

// UpdatesOpen is how many updates are accepted and not completed: at the end of a workflow,
//
//	workflow.Await(ctx, func() bool { return workflow.UpdatesOpen(ctx) == 0 })
//
// lets all of them end.
func UpdatesOpen(ctx Context) int { return guest.UpdatesOpen(ctx) }
