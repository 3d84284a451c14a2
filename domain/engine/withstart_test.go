package engine_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

func signalStart(id string, n int, text string) ports.SignalStartRequest {
	r := request(listen, n)
	r.WorkflowID = model.WorkflowID(id)
	return ports.SignalStartRequest{Start: r, Name: model.SignalName(note.Name()), Input: payload(text)}
}

// [C-1] [SIG-4] Signal-with-start is one append: it starts the run with the message in it, or gives the open run the message.
func TestSignalWithStart(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(*aion.Options)) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: use})
		first, err := env.Engine().SignalWithStart(ctx, signalStart("w", 3, "a"))
		if err != nil || !first.Started {
			t.Fatalf("%+v, %v", first, err)
		}
		env.Wait()
		if got := kinds(t, env, ref(first)); got != "Started SignalReceived Activated" {
			t.Errorf("got %s", got)
		}
		es := events(t, env, ref(first))
		if es[0].Time != es[1].Time {
			t.Error("start and signal are not of one step")
		}
		env.Restart()
		second, err := env.Engine().SignalWithStart(ctx, signalStart("w", 3, "b"))
		if err != nil || second.Started || second.Run != first.Run {
			t.Errorf("%+v, %v", second, err)
		}
		if got, _ := listing(t, env, ref(first)); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got %v", got)
		}
	})
}

// [M-2] [SIG-4] A repeated request changes nothing, in a burst, over a restart, and after the end of the run; another with its ID is refused.
func TestSignalWithStartOncePerRequest(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := signalStart("w", 2, "a")
	r.Start.RequestID = "r1"
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := env.Engine().SignalWithStart(ctx, r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	env.Restart()
	res, err := env.Engine().SignalWithStart(ctx, r)
	if err != nil || res.Started {
		t.Errorf("%+v, %v", res, err)
	}
	if got, _ := listing(t, env, ref(res)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v", got)
	}
	other := signalStart("w", 2, "b")
	other.Start.RequestID = "r1"
	_, err = env.Engine().SignalWithStart(ctx, other)
	want(t, err, fault.RequestIDReused)
	plain := r.Start
	_, err = env.Engine().Start(ctx, plain)
	want(t, err, fault.RequestIDReused)
	other.Start.RequestID = "r2"
	for range 2 {
		if res, err = env.Engine().SignalWithStart(ctx, other); err != nil || res.Started {
			t.Errorf("%+v, %v", res, err)
		}
		env.Wait() // it completes
	}
	if res, err = env.Engine().SignalWithStart(ctx, r); err != nil || res.Started {
		t.Errorf("repeated after the end: %+v, %v", res, err)
	}
}

// [START-3] [SIG-4] All workflow ID policies hold for a signal with a start; what is refused leaves no signal behind.
func TestSignalWithStartPolicies(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	open, err := env.Engine().SignalWithStart(ctx, signalStart("w", 9, "a"))
	if err != nil {
		t.Fatal(err)
	}
	r := signalStart("w", 9, "b")
	r.Start.Conflict = ports.ConflictFail
	_, err = env.Engine().SignalWithStart(ctx, r)
	want(t, err, fault.AlreadyExists)
	if n := len(find[*history.SignalReceived](t, env, ref(open))); n != 1 {
		t.Errorf("%d signals", n)
	}
	r.Start.Conflict = ports.ConflictTerminateExisting
	next, err := env.Engine().SignalWithStart(ctx, r)
	if err != nil || !next.Started || next.Run == open.Run {
		t.Fatalf("%+v, %v", next, err)
	}
	if o := standing(t, env, ref(open)); o.Status != model.StatusTerminated {
		t.Errorf("%+v", o)
	}
	if got, _ := listing(t, env, ref(next)); !slices.Equal(got, []string{"b"}) {
		t.Errorf("got %v", got)
	}
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: ref(next)}); err != nil {
		t.Fatal(err)
	}
	r.Start.Reuse = ports.ReuseReject
	_, err = env.Engine().SignalWithStart(ctx, r)
	want(t, err, fault.AlreadyExists)
	r.Start.Reuse = ports.ReuseAllowIfFailed
	if again, err := env.Engine().SignalWithStart(ctx, r); err != nil || !again.Started {
		t.Errorf("%+v, %v", again, err)
	}
}

// A signal with a start is checked like both.
func TestSignalWithStartRefuses(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen, stuck}, Configure: func(o *aion.Options) {
		o.Limits.PayloadBytes, o.Limits.BacklogEvents = 100, 3
	}})
	for name, c := range map[string]struct {
		change func(r *ports.SignalStartRequest)
		reason fault.Reason
	}{
		"no workflow ID":     {func(r *ports.SignalStartRequest) { r.Start.WorkflowID = "" }, fault.InvalidInput},
		"no such type":       {func(r *ports.SignalStartRequest) { r.Start.Type = "x" }, fault.NoRoute},
		"no name":            {func(r *ports.SignalStartRequest) { r.Name = "" }, fault.InvalidInput},
		"large signal":       {func(r *ports.SignalStartRequest) { r.Input.Data = make([]byte, 101) }, fault.PayloadTooLarge},
		"large input":        {func(r *ports.SignalStartRequest) { r.Start.Input.Data = make([]byte, 101) }, fault.PayloadTooLarge},
		"unknown policy":     {func(r *ports.SignalStartRequest) { r.Start.Conflict = 9 }, fault.InvalidInput},
		"bad namespace":      {func(r *ports.SignalStartRequest) { r.Start.Namespace = "A B" }, fault.InvalidInput},
		"long request":       {func(r *ports.SignalStartRequest) { r.Start.RequestID = model.RequestID(strings.Repeat("r", 129)) }, fault.InvalidInput},
		"negative run limit": {func(r *ports.SignalStartRequest) { r.Start.RunTimeout = -1 }, fault.InvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			r := signalStart("w", 1, "x")
			c.change(&r)
			_, err := env.Engine().SignalWithStart(ctx, r)
			want(t, err, c.reason)
		})
	}
	full := signalStart("full", 0, "x")
	full.Start.Type = model.WorkflowType(stuck.Name())
	var err error
	for range 5 {
		if _, err = env.Engine().SignalWithStart(ctx, full); err != nil {
			break
		}
	}
	want(t, err, fault.QuotaExceeded) // [B-1]
}
