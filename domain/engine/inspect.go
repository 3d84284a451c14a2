package engine

import (
	"context"
	"sync"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// inspect looks at a chain between its steps and gives what look found. A caller that gives up shares nothing with the look that may still
// happen: what it finds then goes to drop, which may be nil.
func inspect[T any](ctx context.Context, e *Engine, key model.ChainKey, look func(c *chain, s *step) (T, error), drop func(T)) (T, error) {
	in := &inspectInput[T]{answer: newAnswer[T](), look: look, drop: drop}
	e.submit(key, in)
	v, err := wait(ctx, in.answer)
	if err != nil && ctx.Err() != nil {
		in.leave()
	}
	return v, err
}

// inspectInput looks at a chain between its steps.
type inspectInput[T any] struct {
	answer[T]
	look func(c *chain, s *step) (T, error)
	drop func(T)

	mu   sync.Mutex
	left bool // nobody waits for the answer
}

func (in *inspectInput[T]) fail(err error) {
	var zero T
	in.finish(zero, err)
}

func (in *inspectInput[T]) apply(s *step) {
	// Behind the commit, so that what is seen is durable.
	s.after = append(s.after, func() {
		in.mu.Lock()
		left := in.left
		in.mu.Unlock()
		if left {
			in.fail(fault.New(fault.Unavailable, "the call was given up"))
			return
		}
		in.finish(in.look(s.c, s))
	})
}

func (in *inspectInput[T]) finish(v T, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case !in.left:
		in.give(v, err)
	case err == nil && in.drop != nil:
		in.drop(v)
	}
}

// leave is called by the one who waited.
func (in *inspectInput[T]) leave() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.left = true
	select {
	case r := <-in.ch:
		if r.err == nil && in.drop != nil {
			in.drop(r.v)
		}
	default:
	}
}
