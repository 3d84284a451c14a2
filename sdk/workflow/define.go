package workflow

import (
	"fmt"

	"github.com/aionrun/aion/sdk/guest"
)

type (
	// Context is what workflow code is given: its run, and the scope in which it can be canceled. It is not a context.Context.
	Context = guest.Context
	// None is the input or output of what has none.
	None = guest.None
	// Payload is a value as it is stored and sent. Used as an input or output type it is passed on untouched.
	Payload = guest.Payload
	// Info says which run this is.
	Info = guest.Info
)

// NewPayload writes a value as JSON, for code that handles values untyped; Payload.Decode reads it.
func NewPayload(v any) (Payload, error) { return guest.Encode(v) }

// A Workflow is a workflow type with its code. Make it with Define, as a package variable. Clients start it by this value and so
// know the types of its input and its result.
type Workflow[I, O any] struct{ def *guest.Workflow }

// Definition is a Workflow of any types.
type Definition interface {
	// Name is the workflow type.
	Name() string
	definition() *guest.Workflow
}

// Define makes a workflow type. The name is what histories hold: it must stay when the function is renamed.
// An input that does not fit I fails the run with the error type "aion.bad_payload".
func Define[I, O any](name string, fn func(ctx Context, in I) (O, error)) Workflow[I, O] {
	return Workflow[I, O]{&guest.Workflow{Type: name, Run: func(ctx Context, p Payload) (Payload, error) {
		in, err := guest.Decode[I](p)
		if err != nil {
			return Payload{}, guest.BadPayload(fmt.Errorf("input of workflow %s: %w", name, err))
		}
		out, err := fn(ctx, in)
		if err != nil {
			return Payload{}, err
		}
		p, err = guest.Encode(out)
		if err != nil {
			return Payload{}, guest.BadPayload(fmt.Errorf("result of workflow %s: %w", name, err))
		}
		return p, nil
	}}}
}

// Name is the workflow type.
func (w Workflow[I, O]) Name() string { return w.def.Type }

// EncodeInput writes an input as it is recorded: what a client sends to start the workflow.
func (w Workflow[I, O]) EncodeInput(in I) (Payload, error) { return guest.Encode(in) }

// DecodeResult reads a result as it was recorded: what a client gets when the workflow completed.
func (w Workflow[I, O]) DecodeResult(p Payload) (O, error) { return guest.Decode[O](p) }

func (w Workflow[I, O]) definition() *guest.Workflow { return w.def }

// Guest gives the untyped form of definitions, for runtimes.
func Guest(defs []Definition) []*guest.Workflow {
	out := make([]*guest.Workflow, len(defs))
	for i, d := range defs {
		if d != nil {
			out[i] = d.definition()
		}
	}
	return out
}
