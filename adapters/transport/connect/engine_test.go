package connect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

// The engine, this transport and the SDK, together.

var (
	pay = activity.Define[int, string]("Pay", activity.Options{Retry: activity.Retry{InitialInterval: time.Millisecond, NonRetryable: []activity.Type{declined}}})

	greetOnce = workflow.Define("GreetOnce", func(ctx workflow.Context, in in) (string, error) { return greet.Execute(ctx, in) })
	payOnce   = workflow.Define("PayOnce", func(ctx workflow.Context, cents int) (string, error) { return pay.Execute(ctx, cents) })
	decide    = workflow.Define("Decide", func(ctx workflow.Context, _ workflow.None) (string, error) {
		state := "waiting"
		progress.Handle(ctx, func(int) (string, error) { return state, nil })
		yes, err := approve.Receive(ctx)
		if err != nil {
			return "", err
		}
		state = "decided"
		return fmt.Sprint(yes), nil
	})
)

// startEngine serves an engine and runs a worker on it until the end of the test.
func startEngine(t testing.TB) *client.Client {
	e, err := aion.New(aion.Options{
		Store: memory.New(), Runtime: native.New(greetOnce, payOnce, decide), Clock: system.Clock{}, IDs: random.IDs{},
		Packages: engine.PackageOptions{Native: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	url := serve(t, connect.Options{Service: e, Auth: dev.Auth{}})

	w := worker.New(url, worker.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), DrainTimeout: time.Second})
	worker.Handle(w, greet, func(_ context.Context, in in) (string, error) { return "Hello, " + in.Name, nil })
	worker.Handle(w, pay, func(ctx context.Context, cents int) (string, error) {
		switch done, _, _ := worker.HeartbeatDetails[int](ctx); {
		case cents < 0:
			return "", declined.Errorf("no funds").WithDetails(cents)
		case worker.Info(ctx).Attempt == 1:
			_ = worker.Heartbeat(ctx, cents)
			panic("the first attempt always fails")
		case done != cents:
			return "", fmt.Errorf("the next attempt found %d", done)
		}
		return worker.Info(ctx).Key, nil
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	c, err := client.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEngine(t *testing.T) {
	c := startEngine(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	t.Run("ManyRuns", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				name := fmt.Sprint("Ada ", i)
				if out, err := client.Execute(ctx, c, greetOnce, in{name}, client.StartOptions{}); err != nil || out != "Hello, "+name {
					t.Errorf("got %q, %v", out, err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("OncePerRequest", func(t *testing.T) {
		var runs []string
		for range 2 {
			run, err := client.Start(client.WithRequestID(ctx, "once"), c, greetOnce, in{"Ada"}, client.StartOptions{})
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, run.RunID())
		}
		if runs[0] != runs[1] {
			t.Errorf("one request started %v", runs)
		}
	})
	t.Run("RetryAfterPanic", func(t *testing.T) {
		run, err := client.Start(ctx, c, payOnce, 7, client.StartOptions{ID: "pay"})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := run.Result(ctx); err != nil || out != run.RunID()+"/1" {
			t.Errorf("got %q, %v", out, err)
		}
		failed := false
		for e, err := range c.History(ctx, run.Ref()) {
			if err != nil {
				t.Fatal(err)
			}
			if f := e.GetActivityAttemptFailed(); f != nil {
				failed = f.GetFailure().GetType() == "aion.panic" && f.GetFailure().GetStack() != ""
			}
		}
		if !failed {
			t.Error("the panic is not in the history")
		}
	})
	t.Run("TypedError", func(t *testing.T) {
		_, err := client.Execute(ctx, c, payOnce, -1, client.StartOptions{})
		var e *activity.Error
		var details int
		if !errors.Is(err, declined) || !errors.As(err, &e) || e.Details(&details) != nil || details != -1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("SignalQueryCancel", func(t *testing.T) {
		run, err := client.Start(ctx, c, decide, workflow.None{}, client.StartOptions{ID: "decide"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Start(ctx, c, decide, workflow.None{}, client.StartOptions{ID: "decide"}); client.ReasonOf(err) != client.AlreadyExists {
			t.Errorf("a second start: got %v", err)
		}
		if state, err := client.Query(ctx, c, run.Ref(), progress, 0); err != nil || state != "waiting" {
			t.Errorf("query: got %q, %v", state, err)
		}
		if err := client.Signal(ctx, c, run.Ref(), approve, true); err != nil {
			t.Error(err)
		}
		if out, err := run.Result(ctx); err != nil || out != "true" {
			t.Errorf("result: got %q, %v", out, err)
		}
		if err := client.Signal(ctx, c, run.Ref(), approve, true); client.ReasonOf(err) != client.NotRunning {
			t.Errorf("signal to a closed run: got %v", err)
		}
		second, err := client.Start(ctx, c, decide, workflow.None{}, client.StartOptions{ID: "decide"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Cancel(ctx, second.Ref(), "enough"); err != nil {
			t.Error(err)
		}
		if _, err := second.Result(ctx); !errors.Is(err, workflow.ErrCanceled) {
			t.Errorf("a canceled run: got %v", err)
		}
	})
	t.Run("UnknownType", func(t *testing.T) {
		if _, err := client.Start(ctx, c, client.Named("Nope"), workflow.Payload{}, client.StartOptions{}); client.ReasonOf(err) != client.NoRoute {
			t.Errorf("got %v", err)
		}
	})
	t.Run("List", func(t *testing.T) {
		n := 0
		for _, err := range c.List(ctx, client.Filter{Type: "GreetOnce"}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		count, err := c.Count(ctx, client.Filter{Type: "GreetOnce"})
		if err != nil || n != 101 || count.GetCount() != 101 {
			t.Errorf("listed %d, counted %v, %v; want 101", n, count, err)
		}
	})
}

// One op is one run with one activity: client, server and worker in this process, memory store.
func BenchmarkEngine(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			c := startEngine(b)
			ctx := context.Background()
			if _, err := client.Execute(ctx, c, greetOnce, in{"Ada"}, client.StartOptions{}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.SetParallelism(max(clients/2, 1))
			if clients == 1 {
				for b.Loop() {
					if _, err := client.Execute(ctx, c, greetOnce, in{"Ada"}, client.StartOptions{}); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := client.Execute(ctx, c, greetOnce, in{"Ada"}, client.StartOptions{}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
