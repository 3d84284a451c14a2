package workflow

import (
	"fmt"

	"github.com/aionrun/aion/sdk/guest"
)

// A Signal is a kind of message to a run, with a value of type T. Make it with DefineSignal, as a package variable that code and
// clients share. Signals are buffered until they are received, in recorded order, and carry over to the next run of the chain.
type Signal[T any] struct{ name string }

// DefineSignal makes a kind of signal. The name is what histories hold.
func DefineSignal[T any](name string) Signal[T] {
	guest.Declare(guest.DeclaredSignal, name)
	return Signal[T]{name}
}

// Name is the signal's name.
func (s Signal[T]) Name() string { return s.name }

// EncodeInput writes a value as it is recorded: what a client sends.
func (s Signal[T]) EncodeInput(v T) (Payload, error) { return guest.Encode(v) }

// Receive waits for the next signal and takes it. ErrCanceled when ctx is canceled first. A signal whose value does not fit T is
// taken too, and gives an error of the type "aion.bad_payload": the code may ignore it and receive the next one.
func (s Signal[T]) Receive(ctx Context) (T, error) {
	p, err := guest.Receive(ctx, s.name)
	if err != nil {
		var zero T
		return zero, err
	}
	return s.decode(p)
}

// TryReceive takes the next signal if there is one; ok says whether there was. The error is that of a value that does not fit.
func (s Signal[T]) TryReceive(ctx Context) (v T, ok bool, err error) {
	p, ok := guest.TryReceive(ctx, s.name)
	if ok {
		v, err = s.decode(p)
	}
	return v, ok, err
}

// On is the case of Select that a signal is there. It is taken when the case is chosen.
func (s Signal[T]) On(fn func(v T, err error)) Case {
	return Case{
		source: func(ctx Context) guest.Source { return guest.SignalSource(ctx, s.name) },
		run:    func(ctx Context) { fn(s.Receive(ctx)) },
	}
}

func (s Signal[T]) decode(p Payload) (T, error) {
	v, err := guest.Decode[T](p)
	if err != nil {
		err = guest.BadPayload(fmt.Errorf("signal %s: %w", s.name, err))
	}
	return v, err
}

// A Query is a read-only question to a run. Make it with DefineQuery, as a package variable that code and clients share.
type Query[I, O any] struct{ name string }

// DefineQuery makes a kind of query.
func DefineQuery[I, O any](name string) Query[I, O] {
	guest.Declare(guest.DeclaredQuery, name)
	return Query[I, O]{name}
}

// Name is the query's name.
func (q Query[I, O]) Name() string { return q.name }

// EncodeInput writes a question as it is sent: what a client sends.
func (q Query[I, O]) EncodeInput(in I) (Payload, error) { return guest.Encode(in) }

// DecodeResult reads an answer: what a client gets.
func (q Query[I, O]) DecodeResult(p Payload) (O, error) { return guest.Decode[O](p) }

// Handle makes fn answer the query from now on. fn may only look at variables of the workflow: it runs on a throw-away copy of the
// run, and waiting or asking for anything in it makes the query fail.
func (q Query[I, O]) Handle(ctx Context, fn func(in I) (O, error)) {
	guest.HandleQuery(ctx, q.name, func(p Payload) (Payload, error) {
		in, err := guest.Decode[I](p)
		if err != nil {
			return Payload{}, fmt.Errorf("input of query %s: %w", q.name, err)
		}
		out, err := fn(in)
		if err != nil {
			return Payload{}, err
		}
		return guest.Encode(out)
	})
}
