// Package random is a workflow that does what its input says, for tests: whatever the runtime, and live or replayed, it must do
// and see the same.
package random

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Op is one step.
type Op struct {
	Kind string
	N    int
	Body []Op `json:",omitempty"`
}

// Kinds are the kinds of Op; those in Nesting have a body.
var (
	Kinds = []string{"call", "wait", "sleep", "all", "race", "map", "select", "signal", "go", "async", "scope", "detached", "saga", "await", "random", "order", "log"}
	// Nesting kinds run their body.
	Nesting = map[string]bool{"map": true, "go": true, "async": true, "scope": true, "detached": true, "saga": true}
)

// What the workflow uses. Trace answers with everything that it saw so far.
var (
	Work   = activity.Define[int, string]("Work", activity.Options{})
	Undo   = activity.Define[int, workflow.None]("Undo", activity.Options{})
	Signal = workflow.DefineSignal[string]("Signal")
	Trace  = workflow.DefineQuery[workflow.None, string]("Trace")
	Random = workflow.Define("Random", func(ctx workflow.Context, ops []Op) (string, error) {
		r := &run{}
		Trace.Handle(ctx, func(workflow.None) (string, error) { return r.trace.String(), nil })
		err := r.all(ctx, ops)
		return r.trace.String(), err
	})
)

// Workflows lists the package's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{Random} }

type run struct {
	trace strings.Builder
	count int
}

func (r *run) note(what string, a ...any) {
	fmt.Fprintln(&r.trace, append([]any{what}, a...)...)
}

func (r *run) start(ctx workflow.Context, n int) []workflow.Future[string] {
	out := make([]workflow.Future[string], n)
	for i := range out {
		r.count++
		out[i] = Work.With(activity.Options{Cancellation: activity.Cancellation(r.count % 3)}).Start(ctx, r.count)
	}
	return out
}

func (r *run) all(ctx workflow.Context, ops []Op) error {
	for _, o := range ops {
		if err := r.one(ctx, o); err != nil {
			r.note("error", o.Kind, err)
			if errors.Is(err, workflow.ErrCanceled) && o.N%2 == 0 {
				return err
			}
		}
	}
	return nil
}

func (r *run) one(ctx workflow.Context, o Op) (err error) {
	r.note("do", o.Kind, o.N, ctx.Err(), workflow.Now(ctx).UnixNano())
	switch o.Kind {
	case "call":
		v, err := r.start(ctx, 1)[0].Get(ctx)
		r.note("got", v, err)
		return err
	case "wait":
		fs := r.start(ctx, o.N)
		fs[0].Cancel()
		for _, f := range fs {
			_, e := f.Get(ctx)
			err = errors.Join(err, e)
		}
		return err
	case "sleep":
		return workflow.Sleep(ctx, time.Duration(o.N-1)*time.Hour)
	case "all":
		v, err := workflow.All(ctx, r.start(ctx, o.N)...)
		r.note("all", v, err)
		return err
	case "race":
		i, v, err := workflow.Race(ctx, r.start(ctx, o.N)...)
		r.note("race", i, v, err)
		return err
	case "map":
		_, err := workflow.Map(ctx, make([]int, o.N), 2, func(ctx workflow.Context, _ int) (int, error) {
			_, err := r.start(ctx, 1)[0].Get(ctx)
			return 0, errors.Join(err, r.all(ctx, o.Body))
		})
		return err
	case "select":
		return workflow.Select(ctx,
			Signal.On(func(v string, err error) { r.note("signal", v, err) }),
			workflow.On(r.start(ctx, 1)[0], func(v string, err error) { r.note("future", v, err) }),
			workflow.After(time.Duration(o.N)*time.Hour, func() { r.note("timer") }))
	case "signal":
		v, ok, err := Signal.TryReceive(ctx)
		r.note("try", v, ok, err)
	case "random":
		r.note("random", workflow.UUID(ctx), workflow.Rand(ctx).IntN(100))
	case "panic": // not drawn at random
		var nobody *run
		nobody.note("boom")
	case "log":
		workflow.Logger(ctx).Info("line", "n", o.N)
	default:
		return r.nested(ctx, o)
	}
	return nil
}

func (r *run) nested(ctx workflow.Context, o Op) (err error) {
	switch o.Kind {
	case "go":
		workflow.Go(ctx, func(ctx workflow.Context) { _ = r.all(ctx, o.Body); r.note("gone") })
	case "async":
		f := workflow.Async(ctx, func(ctx workflow.Context) (int, error) { return o.N, r.all(ctx, o.Body) })
		if o.N == 1 {
			f.Cancel()
		}
		_, err := f.Get(ctx)
		return err
	case "scope":
		inner, cancel := workflow.WithCancel(ctx)
		workflow.Go(inner, func(ctx workflow.Context) { _ = r.all(ctx, o.Body) })
		err := workflow.Sleep(ctx, time.Hour)
		cancel()
		return err
	case "detached":
		return r.all(workflow.Detached(ctx), o.Body)
	case "saga":
		var saga workflow.Saga
		defer saga.End(ctx, &err)
		Undo.Compensate(&saga, 1)
		Undo.Compensate(&saga, 2)
		return errors.Join(r.all(ctx, o.Body), errors.New("undo"))
	case "await":
		seen := r.trace.Len()
		return workflow.Await(ctx, func() bool { return r.trace.Len() > seen+20 })
	case "order":
		// Coroutines that take turns by a condition.
		turn := 0
		for i := range o.N {
			workflow.Go(ctx, func(ctx workflow.Context) {
				_ = workflow.Await(ctx, func() bool { return turn >= o.N-1-i })
				r.note("turn", i)
				turn++
			})
		}
		return workflow.Await(ctx, func() bool { return turn == o.N })
	}
	return nil
}
