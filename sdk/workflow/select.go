package workflow

import (
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// A Case is one thing that Select waits for, with what to do then. Make it with On, After, Otherwise, or a signal's On.
type Case struct {
	source func(ctx Context) guest.Source
	run    func(ctx Context)
	lost   func() // another case was chosen
	other  bool
}

// Select waits until one of its cases is ready, does what that case says, and returns. Of several that are ready it takes the
// first in the order given. It gives ErrCanceled, and does nothing, when ctx is canceled first.
func Select(ctx Context, cases ...Case) error {
	sources := make([]guest.Source, 0, len(cases))
	index := make([]int, 0, len(cases))
	other := -1
	for i, c := range cases {
		if c.other {
			other = i
			continue
		}
		sources = append(sources, c.source(ctx))
		index = append(index, i)
	}
	chosen := -1
	var err error
	if other >= 0 {
		chosen = other
		if i := guest.FirstReady(sources); i >= 0 {
			chosen = index[i]
		}
	} else if i, e := guest.Select(ctx, sources); e != nil {
		err = e
	} else {
		chosen = index[i]
	}
	for i, c := range cases {
		if i != chosen && c.lost != nil {
			c.lost()
		}
	}
	if err == nil {
		cases[chosen].run(ctx)
	}
	return err
}

// On is the case that a future settles. fn is given its value and error.
func On[T any](f Future[T], fn func(v T, err error)) Case {
	return Case{
		source: func(Context) guest.Source { return f.Source() },
		run:    func(ctx Context) { fn(f.Get(ctx)) },
	}
}

// After is the case that d passes while Select waits. Select starts the timer, and cancels it when another case is chosen.
func After(d time.Duration, fn func()) Case {
	var t Future[None]
	return Case{
		source: func(ctx Context) guest.Source {
			t = NewTimer(ctx, d)
			return t.Source()
		},
		run:  func(Context) { fn() },
		lost: func() { t.Cancel() },
	}
}

// Otherwise is the case that no other case is ready: with it, Select does not wait.
func Otherwise(fn func()) Case {
	return Case{run: func(Context) { fn() }, other: true}
}
