package native_test

import (
	"context"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

var threeAwaits = workflow.Define("ThreeAwaits", func(ctx workflow.Context, i in) (string, error) {
	var out string
	for range 3 {
		var err error
		if out, err = greet.Execute(ctx, i); err != nil {
			return "", err
		}
	}
	return out, nil
})

// pages gives the encoded events of a run's activations: its start, and then one completed activity each.
func pages(w string, input model.Payload, n int) [][]byte {
	out := [][]byte{history.AppendEvent(nil, &history.Event{Seq: 1, Time: 1, Attr: &history.Started{
		Namespace: "default", WorkflowID: "w", RunID: "r", Type: model.WorkflowType(w), Input: input, TaskQueue: "default", Seed: make([]byte, 32),
	}})}
	for i := range n {
		out = append(out, history.AppendEvent(nil, &history.Event{Seq: model.Seq(i + 2), Time: 1, Attr: &history.ActivityCompleted{
			Ordinal: model.Ordinal(i + 1), Attempt: 1, Result: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"Hello, Ada"`)},
		}}))
	}
	return out
}

var adaInput = model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`{"name":"Ada"}`)}

func activateAll(tb testing.TB, p ports.Program, pages [][]byte) ports.ActivationResult {
	ctx := context.Background()
	inst, err := p.New(ctx, [32]byte{})
	if err != nil {
		tb.Fatal(err)
	}
	var r ports.ActivationResult
	for _, page := range pages {
		if r, err = inst.Activate(ctx, ports.Activation{Now: time.Unix(1, 0), Live: true, Events: page}); err != nil {
			tb.Fatal(err)
		}
	}
	inst.Close(ctx)
	return r
}

// A new instance, three activities awaited one after the other, close. Measured: 12.6 µs, 3.5 KB, 71 objects.
func BenchmarkThreeAwaits(b *testing.B) {
	p, err := native.New(threeAwaits).Load(context.Background(), model.NativePackage, nil)
	if err != nil {
		b.Fatal(err)
	}
	all := pages("ThreeAwaits", adaInput, 3)
	b.ReportAllocs()
	for b.Loop() {
		activateAll(b, p, all)
	}
}

// The objects that a run with three awaits allocates stay within a budget (measured: 71 objects, 3.5 KB).
func TestBudget(t *testing.T) {
	p, err := native.New(threeAwaits).Load(context.Background(), model.NativePackage, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := pages("ThreeAwaits", adaInput, 3)
	if n := testing.AllocsPerRun(200, func() { activateAll(t, p, all) }); n > 85 && !raceEnabled {
		t.Errorf("%v allocations for three awaits; the budget is 85", n)
	}
}

// The cost of one result does not grow with how many activities wait beside it.
func BenchmarkFanOut(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
	}{{"500", 500}, {"10000", 10000}} {
		b.Run(c.name, func(b *testing.B) {
			w := workflow.Define("FanOut", func(ctx workflow.Context, _ in) (int, error) {
				fs := make([]workflow.Future[string], c.n)
				for i := range fs {
					fs[i] = greet.Start(ctx, in{"x"})
				}
				v, err := workflow.All(ctx, fs...)
				return len(v), err
			})
			p, err := native.New(w).Load(context.Background(), model.NativePackage, nil)
			if err != nil {
				b.Fatal(err)
			}
			all := pages("FanOut", adaInput, c.n)
			for b.Loop() {
				activateAll(b, p, all)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.n), "ns/activity")
		})
	}
}
