package inprocess_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/inprocess"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type In struct {
	Name string `json:"name"`
}

var (
	Greet = activity.Define[In, string]("Greet", activity.Options{StartToClose: time.Minute, Retry: activity.Retry{MaximumAttempts: 1}})
	Hello = workflow.Define("Hello", func(ctx workflow.Context, in In) (string, error) { return Greet.Execute(ctx, in) })
)

// A program that embeds the engine and its worker.
func Example() {
	e, err := aion.New(aion.Options{Store: memory.New(), Runtime: native.New(Hello), Clock: system.Clock{}, IDs: random.IDs{}, Packages: engine.PackageOptions{Native: true}})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if err := e.Open(context.Background()); err != nil {
		panic(err)
	}
	w := inprocess.New(e, inprocess.Options{})
	inprocess.Handle(w, Greet, func(ctx context.Context, in In) (string, error) { return "Hello, " + in.Name, nil })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()

	res, err := e.Start(ctx, ports.StartRequest{Type: "Hello", Input: model.Payload{ContentType: "application/json", Data: []byte(`{"name":"Ada"}`)}, Wait: time.Minute})
	if err != nil {
		panic(err)
	}
	fmt.Println(res.Outcome.Status, string(res.Outcome.Result.Data))
	stop()
	fmt.Println(<-done)
	// Output:
	// Completed "Hello, Ada"
	// <nil>
}

// embed gives an engine.
func embed(t *testing.T, s ports.Store) *aion.Engine {
	t.Helper()
	e, err := aion.New(aion.Options{Store: s, Runtime: native.New(Hello), Clock: system.Clock{}, IDs: random.IDs{}, Packages: engine.PackageOptions{Native: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

var quiet = slog.New(slog.DiscardHandler)

// running is a worker that runs; end ends its context.
func running(t *testing.T, e ports.Workers, fn func(ctx context.Context, in In) (string, error)) (w *inprocess.Worker, end func(), done chan error) {
	t.Helper()
	w = inprocess.New(e, inprocess.Options{Log: quiet, Pause: func(context.Context) {}})
	inprocess.Handle(w, Greet, fn)
	ctx, end := context.WithCancel(context.Background())
	done = make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(end)
	w.Registered(ctx)
	return w, end, done
}

func hello(t *testing.T, e *aion.Engine) model.WorkflowID {
	t.Helper()
	res, err := e.Start(t.Context(), ports.StartRequest{Type: "Hello", Input: model.Payload{ContentType: "application/json", Data: []byte(`{"name":"Ada"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return res.WorkflowID
}

func outcome(t *testing.T, e *aion.Engine, id model.WorkflowID) ports.Outcome {
	t.Helper()
	r := ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: id}, Wait: time.Minute}
	o, err := e.Result(t.Context(), r)
	for fault.Has(err, fault.Unavailable) { // it was looked at in a step that could not be recorded
		o, err = e.Result(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The end of Run's context drains: what runs is finished and recorded, and nothing more is taken.
func TestDrain(t *testing.T) {
	e := embed(t, memory.New())
	entered, release := make(chan struct{}, 9), make(chan struct{})
	_, end, done := running(t, e, func(ctx context.Context, in In) (string, error) {
		entered <- struct{}{}
		<-release
		return attempt.Info(ctx).Key, ctx.Err()
	})
	first := hello(t, e)
	<-entered
	end()
	for ws, _ := e.Workers(t.Context(), ""); !ws[0].Draining; ws, _ = e.Workers(t.Context(), "") {
	}
	second := hello(t, e)
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if o := outcome(t, e, first); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
	if len(entered) != 0 {
		t.Error("it took another task")
	}
	running(t, e, func(context.Context, In) (string, error) { return "", nil })
	if o := outcome(t, e, second); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
}

// The end of the engine ends Run; a worker that is set up wrongly, or refused, says so.
func TestRunEnds(t *testing.T) {
	e := embed(t, memory.New())
	_, _, done := running(t, e, func(context.Context, In) (string, error) { return "", nil })
	none := inprocess.New(e, inprocess.Options{Namespaces: []string{"none"}})
	inprocess.Handle(none, Greet, func(context.Context, In) (string, error) { return "", nil })
	if err := none.Run(t.Context()); !fault.Has(err, fault.NotFound) {
		t.Error(err)
	}
	if err := inprocess.New(e, inprocess.Options{}).Run(t.Context()); !fault.Has(err, fault.InvalidInput) {
		t.Errorf("no activity: %v", err)
	}
	twice := inprocess.New(e, inprocess.Options{})
	for range 2 {
		inprocess.Handle(twice, Greet, func(context.Context, In) (string, error) { return "", nil })
	}
	inprocess.Handle(twice, activity.Define[In, string]("Nil", activity.Options{}), nil)
	if err := twice.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `"Greet"`) || !strings.Contains(err.Error(), `"Nil"`) {
		t.Error(err)
	}
	e.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	late := inprocess.New(e, inprocess.Options{})
	inprocess.Handle(late, Greet, func(context.Context, In) (string, error) { return "", nil })
	if err := late.Run(t.Context()); err != nil {
		t.Errorf("the engine has ended: %v", err)
	}
	killed := inprocess.New(e, inprocess.Options{})
	killed.Kill()
	if err := killed.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// forgetful is a store whose appends fail for a while.
type forgetful struct {
	*memory.Store
	mu    sync.Mutex
	fails int
}

func (f *forgetful) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	f.mu.Lock()
	f.fails--
	fails := f.fails >= 0
	f.mu.Unlock()
	if fails {
		return ports.AppendResult{}, fault.New(fault.Unavailable, "not now")
	}
	return f.Store.Append(ctx, a)
}

// [A-5] A result that could not be recorded is handed in again until it is; the activity does not run again for that.
func TestResultsAreHandedInAgain(t *testing.T) {
	f := &forgetful{Store: memory.New()}
	e := embed(t, f)
	calls := 0
	running(t, e, func(context.Context, In) (string, error) {
		calls++
		f.mu.Lock()
		f.fails = 7
		f.mu.Unlock()
		return "once", nil
	})
	if o := outcome(t, e, hello(t, e)); string(o.Result.Data) != `"once"` || calls != 1 {
		t.Errorf("%+v after %d calls", o, calls)
	}
}

// Errors, panics and values that do not fit are recorded as sdk/worker records them.
func TestOutcomes(t *testing.T) {
	declined := activity.Type("declined")
	e := embed(t, memory.New())
	var fn func() (string, error)
	running(t, e, func(context.Context, In) (string, error) { return fn() })
	for name, c := range map[string]struct {
		fn   func() (string, error)
		typ  string
		text string
	}{
		"typed":   {func() (string, error) { return "", declined.Errorf("no") }, "declined", "no"},
		"wrapped": {func() (string, error) { return "", fmt.Errorf("while: %w", declined.Errorf("no")) }, "declined", "while: no"},
		"untyped": {func() (string, error) { return "", errors.New("oops") }, "", "oops"},
		"panic":   {func() (string, error) { panic("oh") }, model.FailurePanic, "oh"},
	} {
		fn = c.fn
		o := outcome(t, e, hello(t, e))
		if o.Failure == nil || o.Failure.Type != c.typ || !strings.Contains(o.Failure.Message, c.text) {
			t.Errorf("%s: %+v", name, o.Failure)
		}
	}
	res, err := e.Start(t.Context(), ports.StartRequest{Type: "Hello", Input: model.Payload{ContentType: "text/plain", Data: []byte("x")}, Wait: time.Minute})
	if err != nil || res.Outcome.Failure == nil || res.Outcome.Failure.Type != model.FailureBadPayload {
		t.Errorf("%+v, %v", res.Outcome, err)
	}
}

// What needs an attempt says so without one, and does no harm.
func TestOutsideOfAnAttempt(t *testing.T) {
	if err := inprocess.Rest(t.Context(), func(func()) {}); err == nil {
		t.Error("it rested")
	}
	if attempt.Info(t.Context()).Attempt != 0 || attempt.Heartbeat(t.Context(), 1) != nil {
		t.Error("there is no attempt")
	}
	if _, ok, err := attempt.Details[int](t.Context()); ok || err != nil {
		t.Error(ok, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("why"))
	if err := attempt.Heartbeat(ctx, 1); err == nil || err.Error() != "why" {
		t.Error(err)
	}
}
