package native_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// [D-10] A panic blocks the run, in whatever part of the code; it never fails the run and never reaches the host.
func TestPanics(t *testing.T) {
	type fn = func(ctx workflow.Context, _ workflow.None) (string, error)
	for _, c := range []struct {
		name, message string
		fn            fn
	}{
		{"text", "boom", func(workflow.Context, workflow.None) (string, error) { panic("boom") }},
		{"error", "no good", func(workflow.Context, workflow.None) (string, error) { panic(errors.New("no good")) }},
		{"nil", "panic called with nil argument", func(workflow.Context, workflow.None) (string, error) { panic(nil) }},
		{"runtime error", "nil pointer", func(workflow.Context, workflow.None) (string, error) { var p *in; return p.Name, nil }},
		{"value that panics when printed", "panic", func(workflow.Context, workflow.None) (string, error) { panic(badError{}) }},
		{"coroutine", "boom", func(ctx workflow.Context, _ workflow.None) (string, error) {
			workflow.Go(ctx, func(workflow.Context) { panic("boom") })
			return "", workflow.Sleep(ctx, time.Hour)
		}},
		{"condition", "boom", func(ctx workflow.Context, _ workflow.None) (string, error) {
			ready := false
			workflow.Go(ctx, func(workflow.Context) { ready = true })
			return "", workflow.Await(ctx, func() bool {
				if ready {
					panic("boom")
				}
				return false
			})
		}},
		{"waiting in a condition", "in a condition", func(ctx workflow.Context, _ workflow.None) (string, error) {
			return "", workflow.Await(ctx, func() bool { return workflow.Sleep(ctx, time.Hour) == nil })
		}},
		{"saga lets it through", "boom", func(ctx workflow.Context, _ workflow.None) (_ string, err error) {
			var saga workflow.Saga
			defer saga.End(ctx, &err)
			release.Compensate(&saga, order7)
			defer func() { err = errors.New("also an error") }()
			panic("boom")
		}},
		{"zero context", "zero workflow.Context", func(workflow.Context, workflow.None) (string, error) {
			return "", workflow.Sleep(workflow.Context{}, time.Hour)
		}},
		{"zero future", "zero workflow.Future", func(ctx workflow.Context, _ workflow.None) (string, error) {
			return workflow.Future[string]{}.Get(ctx)
		}},
		{"Goexit", "runtime.Goexit", func(workflow.Context, workflow.None) (string, error) { runtime.Goexit(); return "", nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := run(t, workflow.Define("W", c.fn), workflow.None{})
			if h.trap == nil || h.trap.Which != ports.TrapPanic || !strings.Contains(h.trap.Message, c.message) {
				t.Fatalf("trap %+v, status %v, commands %q", h.trap, h.state.Status, h.commands())
			}
			if c.name == "text" && !strings.Contains(h.trap.Stack, "code_test.go") {
				t.Errorf("the stack does not show the origin:\n%s", h.trap.Stack)
			}
			if len(h.commands()) != 0 {
				t.Errorf("commands of a panicked activation: %q", h.commands())
			}
			if !h.state.Open() {
				t.Errorf("status %v", h.state.Status)
			}
		})
	}
}

type badError struct{ _ []int }

func (badError) Error() string { panic("twice") }

func TestQueries(t *testing.T) {
	ask := workflow.DefineQuery[int, int]("Ask")
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (string, error) {
		ask.Handle(ctx, func(n int) (int, error) {
			switch n {
			case 1:
				return 0, workflow.Sleep(ctx, time.Hour)
			case 2:
				_, err := greet.Execute(ctx, in{})
				return 0, err
			case 3:
				_, _, err := approve.TryReceive(ctx)
				return 0, err
			case 4:
				return 0, errors.New("not today")
			case 5:
				workflow.Go(ctx, func(workflow.Context) {})
			case 6:
				panic("boom")
			case 7:
				return workflow.Now(ctx).Year() + len(workflow.GetInfo(ctx).WorkflowID), ctx.Err()
			}
			return 2 * n, nil
		})
		return approve.Receive(ctx)
	})
	h := run(t, w, workflow.None{})
	if got := h.query("Ask", 21); got != "42" {
		t.Fatal(got)
	}
	if got := h.query("Ask", 7); got != "2024" {
		t.Fatal(got)
	}
	for n, want := range map[int]string{1: "query handler", 2: "query handler", 3: "query handler", 4: "not today", 5: "query handler", 6: "boom"} {
		if _, err := h.tryQuery("Ask", n); !fault.Has(err, fault.QueryFailed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", n, err)
		}
	}
	if _, err := h.tryQuery("Ask", "text"); !fault.Has(err, fault.QueryFailed) || !strings.Contains(err.Error(), "input of query Ask") {
		t.Error(err)
	}
	if _, err := h.tryQuery("Nothing", 1); !fault.Has(err, fault.UnknownQuery) || !strings.Contains(err.Error(), "handled are: Ask") {
		t.Error(err)
	}
}

// [DET-1] Now, random numbers and UUIDs are positional: the same on every replay, others in another run.
func TestDeterminismInputs(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) ([]string, error) {
		out := []string{workflow.UUID(ctx), fmt.Sprint(workflow.Rand(ctx).IntN(1000)), workflow.Now(ctx).Format(time.RFC3339)}
		err := workflow.Sleep(ctx, time.Minute)
		i := workflow.GetInfo(ctx)
		return append(out, workflow.UUID(ctx), workflow.Now(ctx).Format(time.RFC3339), i.Namespace, i.WorkflowID, i.RunID, i.WorkflowType, i.TaskQueue, i.Header("k")), err
	})
	var all [][]string
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			h := run(t, w, workflow.None{})
			h.deliver(fired(1))
			h.replay()
			all = append(all, result[[]string](h))
		})
	}
	a, b := all[0], all[1]
	if a[0] == b[0] || a[0] == a[3] || len(a[0]) != 36 || a[0][14] != '4' || !strings.ContainsRune("89ab", rune(a[0][19])) {
		t.Errorf("UUIDs %q %q", a, b)
	}
	if a[2] == a[4] || !slices.Equal(a[5:], []string{"default", "w", "r", "W", "default", "v"}) {
		t.Errorf("%q", a)
	}
}

// Coroutines run round-robin in the order of their creation, each until it waits.
func TestOrderOfCoroutines(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (string, error) {
		var log strings.Builder
		turn := 0
		for i := range 3 {
			workflow.Go(ctx, func(ctx workflow.Context) {
				for range 3 {
					fmt.Fprint(&log, i)
					seen := turn
					turn++
					_ = workflow.Await(ctx, func() bool { return turn > seen+1 || turn >= 8 })
				}
			})
		}
		fmt.Fprint(&log, "r")
		err := workflow.Await(ctx, func() bool { return turn == 9 })
		return log.String(), err
	})
	h := run(t, w, workflow.None{})
	// Rounds: r012 (then 2 waits for one more turn), 01, 02, 12.
	if got := result[string](h); got != "r012010212" {
		t.Fatal(got)
	}
	h.replay()
}

func TestAsync(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (string, error) {
		slow := workflow.Async(ctx, func(ctx workflow.Context) (string, error) {
			err := workflow.Sleep(ctx, time.Hour)
			return "cleaned up", err
		})
		fast := workflow.Async(ctx, func(ctx workflow.Context) (string, error) { return "fast", nil })
		i, v, err := workflow.Race(ctx, slow, fast)
		s, serr := slow.Get(ctx)
		return fmt.Sprintln(i, v, err, s, serr, slow.Settled()), nil
	})
	h := run(t, w, workflow.None{})
	if got := result[string](h); got != "1 fast <nil> cleaned up canceled true\n" {
		t.Fatal(got)
	}
	h.replay()
}

// Lines are collected always and given out live only.
func TestLogger(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		l := workflow.Logger(ctx).With("order", 7)
		l.Info("began", "n", 1, "x", errors.New("y"))
		err := workflow.Sleep(ctx, time.Minute)
		l.Warn("odd", "lonely")
		return workflow.None{}, err
	})
	h := run(t, w, workflow.None{})
	h.deliver(fired(1))
	h.replay()
	if len(h.logs) != 2 || h.logs[0].Message != "began" || h.logs[0].Level != 0 || fmt.Sprint(h.logs[0].Attrs) != "map[n:1 order:7 x:y]" ||
		h.logs[1].Level != 4 || fmt.Sprint(h.logs[1].Attrs) != "map[!BADKEY:lonely order:7]" {
		t.Fatalf("%+v", h.logs)
	}
}

func TestTimers(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (string, error) {
		if err := workflow.Sleep(ctx, 0); err != nil {
			return "", err
		}
		f := workflow.NewTimer(ctx, time.Minute)
		g := workflow.NewTimer(ctx, time.Hour)
		g.Cancel()
		g.Cancel()
		_, gerr := g.Get(ctx)
		_, ferr := f.Get(ctx)
		f.Cancel()
		return fmt.Sprint(ferr, gerr), nil
	})
	h := run(t, w, workflow.None{})
	h.deliver(fired(1))
	if got := result[string](h); got != "<nil> canceled" {
		t.Fatal(got)
	}
	if got := h.commands(); !slices.Equal(got, []string{"timer 1 of 1m0s", "timer 2 of 1h0m0s", "cancel of timer 2", "completion of the run"}) {
		t.Fatal(got)
	}
	h.replay()
}

func TestBadValues(t *testing.T) {
	t.Run("input", func(t *testing.T) {
		w := workflow.Define("W", func(workflow.Context, int) (string, error) { return "", nil })
		h := run(t, workflow.Define("W", func(ctx workflow.Context, s string) (string, error) { return "", nil }), "x")
		if h.state.Status != model.StatusCompleted {
			t.Fatal(h.state.Status)
		}
		p, _ := native.New(w).Load(context.Background(), model.NativePackage, nil)
		h.program = p
		inst, _ := p.New(context.Background(), [32]byte{})
		defer inst.Close(context.Background())
		r, err := inst.Activate(context.Background(), ports.Activation{Events: h.page[:firstEvent(t, h.page)]})
		if err != nil {
			t.Fatal(err)
		}
		cmds, err := history.DecodeCommands(r.Commands)
		if err != nil || len(cmds) != 1 || cmds[0].(*history.Failed).Failure.Type != model.FailureBadPayload {
			t.Fatalf("%v %v", cmds, err)
		}
	})
	t.Run("result", func(t *testing.T) {
		h := run(t, workflow.Define("W", func(workflow.Context, workflow.None) (func(), error) { return func() {}, nil }), workflow.None{})
		if f := h.failure(); f == nil || f.Type != model.FailureBadPayload {
			t.Fatal(f)
		}
	})
	t.Run("activity input", func(t *testing.T) {
		bad := activity.Define[func(), string]("Bad", activity.Options{})
		h := run(t, workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (string, error) {
			return bad.Execute(ctx, func() {})
		}), workflow.None{})
		if f := h.failure(); f == nil || f.Type != model.FailureBadPayload || !strings.Contains(f.Message, "activity Bad: its input") {
			t.Fatal(f)
		}
	})
	t.Run("activity without a name", func(t *testing.T) {
		h := run(t, workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (workflow.Payload, error) {
			return activity.Named("", activity.Options{}).Execute(ctx, workflow.Payload{})
		}), workflow.None{})
		if f := h.failure(); f == nil || !strings.Contains(f.Message, "no name") {
			t.Fatal(f)
		}
	})
}

func firstEvent(t *testing.T, page []byte) int {
	_, framed, _, err := history.Split(page)
	if err != nil {
		t.Fatal(err)
	}
	return len(framed)
}

// What an untyped activity is given and answers passes through untouched.
func TestNamed(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, p workflow.Payload) (workflow.Payload, error) {
		return activity.Named("Raw", activity.Options{TaskQueue: "q"}).Execute(ctx, p)
	})
	h := run(t, w, workflow.Payload{})
	raw := model.Payload{ContentType: "image/png", Data: []byte{0, 1, 2}, Metadata: map[string]string{"b": "2", "a": "1"}}
	h.deliver(&history.ActivityCompleted{Ordinal: 1, Attempt: 1, Result: raw})
	if c, ok := h.state.Closed.(*history.Completed); !ok || c.Result.Digest() != raw.Digest() {
		t.Fatalf("%+v", h.state.Closed)
	}
	h.replay()
}

// Events that do not fit what the code asked for end in a trap that says so.
func TestEventsThatDoNotFit(t *testing.T) {
	for name, event := range map[string]history.Attributes{
		"not pending":      &history.ActivityCompleted{Ordinal: 3},
		"another thing":    &history.TimerFired{Ordinal: 2},
		"second start":     &history.Started{Seed: make([]byte, 32)},
		"not for the code": &history.Activated{Through: 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := run(t, workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
				_ = workflow.NewTimer(ctx, time.Hour)
				_ = greet.Start(ctx, in{})
				return workflow.None{}, workflow.Await(ctx, func() bool { return false })
			}), workflow.None{})
			page := history.AppendEvent(nil, &history.Event{Seq: 9, Time: 1, Attr: event})
			_, err := h.inst.Activate(context.Background(), ports.Activation{Events: page})
			var trap *ports.Trap
			if !errors.As(err, &trap) || !strings.Contains(trap.Message, "cannot be applied") {
				t.Fatal(err)
			}
		})
	}
	t.Run("unknown workflow type", func(t *testing.T) {
		p, _ := native.New(hello).Load(context.Background(), model.NativePackage, nil)
		inst, _ := p.New(context.Background(), [32]byte{})
		defer inst.Close(context.Background())
		page := history.AppendEvent(nil, &history.Event{Seq: 1, Time: 1, Attr: &history.Started{Type: "Nope", Seed: make([]byte, 32)}})
		_, err := inst.Activate(context.Background(), ports.Activation{Events: page})
		if err == nil || !strings.Contains(err.Error(), `no workflow type "Nope"; it has: Hello`) {
			t.Fatal(err)
		}
	})
}

func TestLoad(t *testing.T) {
	ctx := context.Background()
	two := native.Of(native.NewProgram("v1", hello), native.NewProgram("v2", hello, placeOrder))
	p, err := two.Load(ctx, "v2", nil)
	if err != nil || p.Hash() != "v2" || len(p.Info().Workflows) != 2 || p.Info().SDK == "" {
		t.Fatal(p, err)
	}
	if again, _ := two.Load(ctx, "v2", nil); again != p {
		t.Error("loading again gave another program")
	}
	for name, c := range map[string]struct {
		rt   *native.Runtime
		hash model.PackageHash
		code []byte
		want fault.Reason
	}{
		"ErrNotFound": {two, "v3", nil, fault.NotFound},
		"ErrCode":     {two, "v1", []byte{1}, fault.InvalidInput},
		"ErrEmpty":    {native.New(), model.NativePackage, nil, fault.InvalidInput},
		"ErrTwice":    {native.New(hello, hello), model.NativePackage, nil, fault.InvalidInput},
		"ErrNil":      {native.New(nil), model.NativePackage, nil, fault.InvalidInput},
		"ErrNoName":   {native.New(workflow.Define("", func(workflow.Context, in) (in, error) { return in{}, nil })), model.NativePackage, nil, fault.InvalidInput},
	} {
		if _, err := c.rt.Load(ctx, c.hash, c.code); !fault.Has(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	inst, _ := p.New(ctx, [32]byte{})
	if s := two.Stats(); s.LiveInstances != 1 || s.LiveBytes <= 0 || inst.Bytes() <= 0 {
		t.Errorf("%+v", s)
	}
	inst.Close(ctx)
	if s := two.Stats(); s.LiveInstances != 0 || s.LiveBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// Every option reaches the history; With replaces the fields that are set and keeps the others.
func TestOptions(t *testing.T) {
	base := activity.Define[in, string]("Full", activity.Options{TaskQueue: "q", ScheduleToStart: 1, StartToClose: time.Hour + 5, Heartbeat: 3 * time.Second,
		Retry: activity.Retry{InitialInterval: 10, Coefficient: 1.5, MaximumInterval: 2 * time.Minute, MaximumAttempts: 300, NonRetryable: []activity.Type{"a", "b"}}})
	with := base.With(activity.Options{ScheduleToClose: 4 * time.Hour, StartToClose: 5, Cancellation: activity.Abandon, AtMostOnce: true, Retry: activity.Retry{MaximumAttempts: 7}})
	h := run(t, workflow.Define("W", func(ctx workflow.Context, i in) (string, error) { return with.Execute(ctx, i) }), in{"x"})
	want := model.ActivityOptions{TaskQueue: "q", ScheduleToStart: 1, StartToClose: 5, ScheduleToClose: 4 * time.Hour, Heartbeat: 3 * time.Second,
		Retry:        model.RetryPolicy{InitialInterval: 10, Coefficient: 1.5, MaximumInterval: 2 * time.Minute, MaximumAttempts: 7, NonRetryableTypes: []string{"a", "b"}},
		Cancellation: model.CancelAbandon, AtMostOnce: true}
	if got := h.state.Activities[1].Scheduled.Options; !reflect.DeepEqual(got, want) {
		t.Errorf("recorded %+v\nwant %+v", got, want)
	}
	if base.Options().AtMostOnce || base.Options().StartToClose != time.Hour+5 {
		t.Error("With changed the activity itself")
	}
}
