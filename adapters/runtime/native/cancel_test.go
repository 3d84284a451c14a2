package native_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

func cancelRequested() *history.CancelRequested { return &history.CancelRequested{Reason: "enough"} }

func TestCancelOfTheRun(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(ctx workflow.Context, in in) (string, error)
		want []string
		end  model.Status
	}{
		{"timer", func(ctx workflow.Context, _ in) (string, error) { return "", workflow.Sleep(ctx, time.Hour) },
			[]string{"timer 1 of 1h0m0s", "cancel of timer 1", "cancellation of the run"}, model.StatusCanceled},
		{"activity by try", func(ctx workflow.Context, in in) (string, error) { return greet.Execute(ctx, in) },
			[]string{`activity 1 "Greet"`, "cancel of activity 1", "activity 1 canceled", "cancellation of the run"}, model.StatusCanceled},
		{"activity by abandon", func(ctx workflow.Context, in in) (string, error) {
			return greet.With(activity.Options{Cancellation: activity.Abandon}).Execute(ctx, in)
		}, []string{`activity 1 "Greet"`, "cancel of activity 1", "activity 1 canceled", "cancellation of the run"}, model.StatusCanceled},
		{"signal", func(ctx workflow.Context, _ in) (string, error) { return approve.Receive(ctx) },
			[]string{"cancellation of the run"}, model.StatusCanceled},
		{"condition", func(ctx workflow.Context, _ in) (string, error) {
			return "", workflow.Await(ctx, func() bool { return false })
		}, []string{"cancellation of the run"}, model.StatusCanceled},
		{"select", func(ctx workflow.Context, _ in) (string, error) {
			return "", workflow.Select(ctx, workflow.After(time.Hour, func() {}), approve.On(func(string, error) {}))
		}, []string{"timer 1 of 1h0m0s", "cancel of timer 1", "cancellation of the run"}, model.StatusCanceled},
		{"ignored", func(ctx workflow.Context, in in) (string, error) {
			_ = workflow.Sleep(ctx, time.Hour)
			return "all the same", nil
		}, []string{"timer 1 of 1h0m0s", "cancel of timer 1", "completion of the run"}, model.StatusCompleted},
		{"wrapped", func(ctx workflow.Context, in in) (string, error) {
			return "", fmt.Errorf("while asleep: %w", workflow.Sleep(ctx, time.Hour))
		}, []string{"timer 1 of 1h0m0s", "cancel of timer 1", "cancellation of the run"}, model.StatusCanceled},
		{"another error", func(ctx workflow.Context, in in) (string, error) {
			_ = workflow.Sleep(ctx, time.Hour)
			return "", errors.New("no")
		}, []string{"timer 1 of 1h0m0s", "cancel of timer 1", `failure of the run with "no"`}, model.StatusFailed},
		{"nothing is asked for in a canceled scope", func(ctx workflow.Context, in in) (string, error) {
			_ = workflow.Sleep(ctx, time.Hour)
			if _, err := greet.Execute(ctx, in); !errors.Is(err, workflow.ErrCanceled) {
				return "", errors.New("it was")
			}
			return "", workflow.Sleep(ctx, time.Hour)
		}, []string{"timer 1 of 1h0m0s", "cancel of timer 1", "cancellation of the run"}, model.StatusCanceled},
		{"detached goes on", func(ctx workflow.Context, in in) (string, error) {
			d := workflow.Detached(ctx)
			f := greet.Start(d, in)
			err := workflow.Sleep(ctx, time.Hour)
			if f.Settled() || d.Err() != nil {
				return "", errors.New("the cancel reached the detached scope")
			}
			return "", err
		}, []string{`activity 1 "Greet"`, "timer 2 of 1h0m0s", "cancel of timer 2", "cancellation of the run"}, model.StatusCanceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := run(t, workflow.Define("W", c.fn), in{"x"})
			h.deliver(cancelRequested())
			if got := h.commands(); !slices.Equal(got, c.want) {
				t.Errorf("commands %q, want %q (trap %v)", got, c.want, h.trap)
			}
			if h.state.Status != c.end {
				t.Errorf("status %v, want %v", h.state.Status, c.end)
			}
			h.replay()
		})
	}
}

// [ACT-8]
func TestCancelWaits(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, in in) (string, error) {
		return greet.With(activity.Options{Cancellation: activity.WaitCancel}).Execute(ctx, in)
	})
	h := run(t, w, in{"x"})
	h.deliver(cancelRequested())
	if !h.state.Open() || !h.state.Activities[1].Canceling {
		t.Fatal("the workflow did not wait for the activity")
	}
	h.deliver(h.completed(1, "done all the same"))
	if got := result[string](h); got != "done all the same" {
		t.Fatal(got)
	}
	h.replay()
}

// An error that looks like a cancel without a cancel request fails the run.
func TestErrCanceledWithoutRequestFails(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, in in) (string, error) {
		inner, cancel := workflow.WithCancel(ctx)
		cancel()
		return greet.Execute(inner, in)
	})
	h := run(t, w, in{"x"})
	if f := h.failure(); f == nil || f.Type != model.FailureCanceled {
		t.Fatalf("%v %+v", h.state.Status, f)
	}
}

// What one activation brings is applied before anything is canceled: no cancel is asked for what is settled already.
func TestCancelBesideResult(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, in in) (string, error) { return greet.Execute(ctx, in) })
	h := run(t, w, in{"x"})
	h.deliver(cancelRequested(), h.completed(1, "in time"))
	if got := result[string](h); got != "in time" {
		t.Fatal(got)
	}
	if got := h.commands(); !slices.Equal(got, []string{`activity 1 "Greet"`, "completion of the run"}) {
		t.Fatal(got)
	}
	h.replay()
}

// [END-1]
func TestScopes(t *testing.T) {
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) ([]string, error) {
		var log []string
		note := func(what string, err error) { log = append(log, fmt.Sprint(what, " ", err)) }
		outer, cancelOuter := workflow.WithCancel(ctx)
		inner, cancelInner := workflow.WithCancel(outer)
		other, cancelOther := workflow.WithCancel(ctx)
		defer cancelOther()
		workflow.Go(outer, func(ctx workflow.Context) { note("outer", workflow.Sleep(ctx, time.Hour)) })
		workflow.Go(inner, func(ctx workflow.Context) { note("inner", workflow.Sleep(ctx, time.Hour)) })
		workflow.Go(other, func(ctx workflow.Context) { note("other", workflow.Sleep(ctx, time.Hour)) })
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return nil, err
		}
		cancelOuter()
		cancelOuter()
		cancelInner()
		if err := workflow.Await(ctx, func() bool { return len(log) == 2 }); err != nil {
			return nil, err
		}
		late, _ := workflow.WithCancel(outer)
		note("late", workflow.Sleep(late, time.Hour))
		note("other scope", other.Err())
		return log, nil
	})
	h := run(t, w, workflow.None{})
	h.deliver(fired(1))
	got := result[[]string](h)
	want := []string{"outer canceled", "inner canceled", "late canceled", "other scope <nil>"}
	if !slices.Equal(got, want) {
		t.Fatalf("%q (trap %v)", got, h.trap)
	}
	h.replay()
}

type order struct{ ID string }

var (
	reserve = activity.Define[order, workflow.None]("Reserve", activity.Options{})
	release = activity.Define[order, workflow.None]("Release", activity.Options{})
	pay     = activity.Define[order, string]("Pay", activity.Options{})
	refund  = activity.Define[order, workflow.None]("Refund", activity.Options{})
)

var placeOrder = workflow.Define("PlaceOrder", func(ctx workflow.Context, o order) (r string, err error) {
	var saga workflow.Saga
	defer saga.End(ctx, &err)
	release.Compensate(&saga, o)
	if _, err = reserve.Execute(ctx, o); err != nil {
		return r, err
	}
	refund.Compensate(&saga, o)
	return pay.Execute(ctx, o)
})

func TestSaga(t *testing.T) {
	forward := []string{`activity 1 "Reserve"`, `activity 2 "Pay"`}
	t.Run("OK", func(t *testing.T) {
		h := run(t, placeOrder, order{"7"})
		h.deliver(h.completed(1, nil))
		h.deliver(h.completed(2, "p"))
		if got := h.commands(); result[string](h) != "p" || !slices.Equal(got, append(forward, "completion of the run")) {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("compensates in reverse", func(t *testing.T) {
		h := run(t, placeOrder, order{"7"})
		h.deliver(h.completed(1, nil))
		h.deliver(h.failed(2, string(declined)))
		h.deliver(h.completed(3, nil))
		h.deliver(h.completed(4, nil))
		want := append(forward, `activity 3 "Refund"`, `activity 4 "Release"`, `failure of the run with "activity Pay: it is card_declined"`)
		if got := h.commands(); !slices.Equal(got, want) || h.failure().Type != string(declined) {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("compensates a canceled run in a detached scope", func(t *testing.T) {
		h := run(t, placeOrder, order{"7"})
		h.deliver(h.completed(1, nil))
		h.deliver(cancelRequested())
		h.deliver(h.completed(3, nil))
		h.deliver(h.completed(4, nil))
		want := append(forward, "cancel of activity 2", "activity 2 canceled", `activity 3 "Refund"`, `activity 4 "Release"`, "cancellation of the run")
		if got := h.commands(); !slices.Equal(got, want) {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("failed compensations are joined and fail even a canceled run", func(t *testing.T) {
		h := run(t, placeOrder, order{"7"})
		h.deliver(h.completed(1, nil))
		h.deliver(cancelRequested())
		h.deliver(h.failed(3, "refund_refused"))
		h.deliver(h.completed(4, nil))
		f := h.failure()
		if f == nil || !strings.Contains(f.Message, "compensation failed: activity Refund: it is refund_refused") {
			t.Fatalf("%v %+v", h.commands(), f)
		}
		h.replay()
	})
}

func TestTogether(t *testing.T) {
	start := func(ctx workflow.Context, n int) (out []workflow.Future[string]) {
		for range n {
			out = append(out, greet.Start(ctx, in{"x"}))
		}
		return out
	}
	all := workflow.Define("All", func(ctx workflow.Context, n int) ([]string, error) {
		return workflow.All(ctx, start(ctx, n)...)
	})
	race := workflow.Define("Race", func(ctx workflow.Context, n int) (string, error) {
		i, v, err := workflow.Race(ctx, start(ctx, n)...)
		return fmt.Sprint(i, v, err), nil
	})
	mapped := workflow.Define("Map", func(ctx workflow.Context, n int) ([]string, error) {
		items := make([]int, n)
		for i := range items {
			items[i] = i
		}
		return workflow.Map(ctx, items, 2, func(ctx workflow.Context, i int) (string, error) {
			return greet.Execute(ctx, in{fmt.Sprint(i)})
		})
	})
	t.Run("All gives values in order", func(t *testing.T) {
		h := run(t, all, 3)
		h.deliver(h.completed(3, "c"))
		h.deliver(h.completed(1, "a"), h.completed(2, "b"))
		if got := result[[]string](h); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("All settles the others at the first error", func(t *testing.T) {
		h := run(t, all, 3)
		h.deliver(h.failed(2, "bad"))
		if f := h.failure(); f == nil || f.Type != "bad" || len(h.state.Activities) != 0 {
			t.Fatalf("%+v", f)
		}
		want := []string{`activity 1 "Greet"`, `activity 2 "Greet"`, `activity 3 "Greet"`, "cancel of activity 1", "activity 1 canceled",
			"cancel of activity 3", "activity 3 canceled", `failure of the run with "activity Greet: it is bad"`}
		if got := h.commands(); !slices.Equal(got, want) {
			t.Fatalf("%q", got)
		}
		h.replay()
	})
	t.Run("All of nothing", func(t *testing.T) {
		if got := result[[]string](run(t, all, 0)); len(got) != 0 {
			t.Fatal(got)
		}
	})
	t.Run("All canceled", func(t *testing.T) {
		h := run(t, all, 2)
		h.deliver(cancelRequested())
		if h.state.Status != model.StatusCanceled {
			t.Fatal(h.state.Status)
		}
		h.replay()
	})
	t.Run("Race takes what was recorded first", func(t *testing.T) {
		h := run(t, race, 3)
		h.deliver(h.completed(3, "c"), h.completed(2, "b"))
		if got := result[string](h); got != "2c<nil>" {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("Map bounds what runs at once", func(t *testing.T) {
		h := run(t, mapped, 5)
		for done := model.Ordinal(1); done <= 5; done++ {
			if n := len(h.state.Activities); n > 2 {
				t.Fatalf("%d at once", n)
			}
			h.deliver(h.completed(done, fmt.Sprint("r", done)))
		}
		if got := result[[]string](h); !slices.Equal(got, []string{"r1", "r2", "r3", "r4", "r5"}) {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("Map stops at the first error", func(t *testing.T) {
		h := run(t, mapped, 5)
		h.deliver(h.failed(2, "bad"))
		if f := h.failure(); f == nil || f.Type != "bad" || h.state.NextOrdinal != 3 {
			t.Fatalf("%+v %v", f, h.state.NextOrdinal)
		}
		h.replay()
	})
}

// Closing an instance in the middle unwinds its coroutines; their deferred code, whatever it does, can issue nothing and cannot
// keep the goroutine alive. TestMain looks for goroutines that are left.
func TestCloseUnwinds(t *testing.T) {
	var order []string
	w := workflow.Define("W", func(ctx workflow.Context, _ workflow.None) (_ string, err error) {
		defer func() { order = append(order, "root") }()
		var saga workflow.Saga
		defer saga.End(ctx, &err)
		release.Compensate(&saga, order7)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { order = append(order, "go") }()
			defer func() { _, _ = greet.Execute(workflow.Detached(ctx), in{}); order = append(order, "not reached") }()
			for {
				func() {
					defer func() { _ = recover() }()
					_ = workflow.Sleep(ctx, time.Hour)
				}()
			}
		})
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer panic("in a deferred function")
			_ = workflow.Sleep(ctx, time.Hour)
		})
		return "", workflow.Sleep(ctx, time.Hour)
	})
	h := run(t, w, workflow.None{})
	before := len(h.page)
	h.inst.Close(context.Background())
	h.inst.Close(context.Background())
	if !slices.Equal(order, []string{"go", "root"}) || len(h.page) != before {
		t.Fatal(order)
	}
}

var order7 = order{"7"}
