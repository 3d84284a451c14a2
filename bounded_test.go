package aion_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// [C-3] What waited while a run was Blocked is given to its code 256 events at a time, each activation its own boundary.
func TestBoundedActivations(t *testing.T) {
	const signals = 600
	nudge := workflow.DefineSignal[int]("nudge")
	code := func(broken bool) workflow.Definition {
		return workflow.Define("Count", func(ctx workflow.Context, n int) (int, error) {
			if broken {
				panic("not yet")
			}
			sum := 0
			for range n {
				v, err := nudge.Receive(ctx)
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return sum, nil
		})
	}
	store, ctx := memory.New(), t.Context()
	open := func(broken bool) *aion.Engine {
		e, err := aion.New(aion.Options{Store: store, Runtime: native.New(code(broken)), Clock: system.Clock{}, IDs: random.IDs{}, Packages: engine.PackageOptions{Native: true}})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Open(ctx); err != nil {
			t.Fatal(err)
		}
		return e
	}
	number := func(n int) model.Payload {
		return model.Payload{ContentType: model.ContentTypeJSON, Data: fmt.Appendf(nil, "%d", n)}
	}
	ref := ports.WorkflowRef{WorkflowID: "count"}
	e := open(true)
	res, err := e.Start(ctx, ports.StartRequest{WorkflowID: "count", Type: "Count", Input: number(signals), Wait: time.Minute})
	if err != nil || res.Outcome.Blocked == nil {
		t.Fatalf("the run is not Blocked: %+v, %v", res.Outcome, err)
	}
	for i := range signals {
		if _, err := e.Signal(ctx, ports.SignalRequest{Ref: ref, Name: "nudge", Input: number(i)}); err != nil {
			t.Fatal(err)
		}
	}
	e.Close()

	e = open(false)
	defer e.Close()
	if _, _, err := e.Repin(ctx, ports.RepinRequest{Ref: ref, Package: model.NativePackage}); err != nil {
		t.Fatal(err)
	}
	o, err := e.Result(ctx, ports.ResultRequest{Ref: ref, Wait: time.Minute})
	if err != nil || o.Status != model.StatusCompleted || string(o.Result.Data) != fmt.Sprint(signals*(signals-1)/2) {
		t.Fatalf("outcome %+v, %v", o, err)
	}
	page, err := e.History(ctx, ports.HistoryRequest{Ref: ref, MaxBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	events, err := history.DecodePage(page.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	given, activations := 0, 0
	var through model.Seq
	for _, ev := range events {
		if a, ok := ev.Attr.(*history.Activated); ok {
			n := 0
			for _, d := range events {
				if d.Kind().Delivered() && d.Seq > through && d.Seq <= a.Through {
					n++
				}
			}
			if n > 256 {
				t.Errorf("one activation was given %d events", n)
			}
			through, given, activations = a.Through, given+n, activations+1
		}
	}
	if given != signals+1 || activations != 3 {
		t.Errorf("%d events were given in %d activations; want %d in 3", given, activations, signals+1)
	}
}
