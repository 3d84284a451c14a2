package native_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// op is one step of a random workflow; the input of the run is a list of them.
type op struct {
	Kind string
	N    int
	Body []op
}

var opKinds = []string{"call", "wait", "sleep", "all", "race", "map", "select", "signal", "go", "async", "scope", "detached", "saga", "await", "random", "log"}

func genOps(depth int) *rapid.Generator[[]op] {
	return rapid.Custom(func(t *rapid.T) []op {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		out := make([]op, n)
		for i := range out {
			out[i] = op{Kind: rapid.SampledFrom(opKinds).Draw(t, "kind"), N: rapid.IntRange(1, 4).Draw(t, "N")}
			switch out[i].Kind {
			case "go", "async", "scope", "detached", "saga", "map":
				if depth > 0 {
					out[i].Body = genOps(depth-1).Draw(t, "body")
				}
			}
		}
		return out
	})
}

// interpreter is the workflow code: it does what the ops say and writes down everything that it sees.
type interpreter struct {
	trace strings.Builder
	count int
}

func (p *interpreter) note(what string, a ...any) {
	fmt.Fprintln(&p.trace, append([]any{what}, a...)...)
}

func (p *interpreter) start(ctx workflow.Context, n int) []workflow.Future[string] {
	out := make([]workflow.Future[string], n)
	for i := range out {
		p.count++
		out[i] = greet.With(activity.Options{Cancellation: activity.Cancellation(p.count % 3)}).Start(ctx, in{fmt.Sprint(p.count)})
	}
	return out
}

func (p *interpreter) run(ctx workflow.Context, ops []op) error {
	for _, o := range ops {
		if err := p.one(ctx, o); err != nil {
			p.note("error", o.Kind, err)
			if errors.Is(err, workflow.ErrCanceled) && o.N%2 == 0 {
				return err
			}
		}
	}
	return nil
}

func (p *interpreter) one(ctx workflow.Context, o op) (err error) {
	p.note("do", o.Kind, o.N, ctx.Err(), workflow.Now(ctx).UnixNano())
	switch o.Kind {
	case "call":
		v, err := p.start(ctx, 1)[0].Get(ctx)
		p.note("got", v, err)
		return err
	case "wait":
		fs := p.start(ctx, o.N)
		fs[0].Cancel()
		for _, f := range fs {
			_, e := f.Get(ctx)
			err = errors.Join(err, e)
		}
		return err
	case "sleep":
		return workflow.Sleep(ctx, time.Duration(o.N-1)*time.Hour)
	case "all":
		v, err := workflow.All(ctx, p.start(ctx, o.N)...)
		p.note("all", v, err)
		return err
	case "race":
		i, v, err := workflow.Race(ctx, p.start(ctx, o.N)...)
		p.note("race", i, v, err)
		return err
	case "map":
		_, err := workflow.Map(ctx, make([]int, o.N), 2, func(ctx workflow.Context, _ int) (int, error) {
			_, err := p.start(ctx, 1)[0].Get(ctx)
			return 0, errors.Join(err, p.run(ctx, o.Body))
		})
		return err
	case "select":
		return workflow.Select(ctx,
			approve.On(func(v string, err error) { p.note("signal", v, err) }),
			workflow.On(p.start(ctx, 1)[0], func(v string, err error) { p.note("future", v, err) }),
			workflow.After(time.Duration(o.N)*time.Hour, func() { p.note("timer") }))
	case "signal":
		v, ok, err := approve.TryReceive(ctx)
		p.note("try", v, ok, err)
	case "go":
		workflow.Go(ctx, func(ctx workflow.Context) { _ = p.run(ctx, o.Body); p.note("gone") })
	case "async":
		f := workflow.Async(ctx, func(ctx workflow.Context) (int, error) { return o.N, p.run(ctx, o.Body) })
		if o.N == 1 {
			f.Cancel()
		}
		_, err := f.Get(ctx)
		return err
	case "scope":
		inner, cancel := workflow.WithCancel(ctx)
		workflow.Go(inner, func(ctx workflow.Context) { _ = p.run(ctx, o.Body) })
		err := workflow.Sleep(ctx, time.Hour)
		cancel()
		return err
	case "detached":
		return p.run(workflow.Detached(ctx), o.Body)
	case "saga":
		var saga workflow.Saga
		defer saga.End(ctx, &err)
		reserve.Compensate(&saga, order7)
		release.Compensate(&saga, order7)
		return errors.Join(p.run(ctx, o.Body), errors.New("undo"))
	case "await":
		seen := p.trace.Len()
		return workflow.Await(ctx, func() bool { return p.trace.Len() > seen+20 })
	case "random":
		p.note("random", workflow.UUID(ctx), workflow.Rand(ctx).IntN(100))
	case "log":
		workflow.Logger(ctx).Info("line", "n", o.N)
	}
	return nil
}

// A random workflow, given random answers in random activations, issues the same commands live and replayed, and sees the same.
func TestRandomWorkflowsReplay(t *testing.T) {
	closed, commands := map[model.Status]int{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		var traces []string
		w := workflow.Define("Random", func(ctx workflow.Context, ops []op) (string, error) {
			p := &interpreter{}
			i := len(traces)
			traces = append(traces, "")
			defer func() { traces[i] = p.trace.String() }()
			err := p.run(ctx, ops)
			return p.trace.String(), err
		})
		h := run(t, w, genOps(2).Draw(rt, "ops"))
		defer h.inst.Close(t.Context())
		for step := 0; h.state.Open() && h.trap == nil && step < 60; step++ {
			h.deliver(answers(rt, h)...)
		}
		if h.trap != nil {
			rt.Fatalf("trap: %v\n%s", h.trap, h.trap.Stack)
		}
		h.inst.Close(t.Context())
		h.replay()
		if traces[0] != traces[1] {
			rt.Fatalf("the replay saw\n%s\ninstead of\n%s", traces[1], traces[0])
		}
		closed[h.state.Status]++
		commands += len(h.commands())
	})
	t.Logf("closed %v, %d commands", closed, commands)
}

// answers are what the world does next: some of what is pending is settled, a signal or a cancel may come.
func answers(rt *rapid.T, h *host) (out []history.Attributes) {
	for _, o := range slices.Sorted(maps.Keys(h.state.Activities)) {
		switch rapid.IntRange(0, 7).Draw(rt, "activity") {
		case 0, 1, 2:
			out = append(out, h.completed(o, fmt.Sprint("r", o)))
		case 3:
			out = append(out, h.failed(o, "bad"))
		case 4:
			out = append(out, &history.ActivityTimedOut{Ordinal: o, Attempt: 1, Timeout: model.TimeoutHeartbeat})
		}
	}
	for _, o := range slices.Sorted(maps.Keys(h.state.Timers)) {
		if rapid.Bool().Draw(rt, "timer") {
			out = append(out, fired(o))
		}
	}
	if rapid.IntRange(0, 4).Draw(rt, "signal") == 0 {
		out = append(out, h.signal(approve.Name(), "s"))
	}
	if !h.state.CancelRequested && rapid.IntRange(0, 15).Draw(rt, "cancel") == 0 {
		out = append(out, cancelRequested())
	}
	if len(out) > 1 {
		out = rapid.Permutation(out).Draw(rt, "order")
	}
	return out
}
