package native_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type in struct {
	Name string `json:"name"`
}

var (
	greet   = activity.Define[in, string]("Greet", activity.Options{StartToClose: 5 * time.Second})
	approve = workflow.DefineSignal[string]("Approve")
	status  = workflow.DefineQuery[workflow.None, string]("Status")
)

const declined = activity.Type("card_declined")

var hello = workflow.Define("Hello", func(ctx workflow.Context, in in) (string, error) {
	return greet.Execute(ctx, in)
})

func TestHello(t *testing.T) {
	h := run(t, hello, in{"Ada"})
	a := h.state.Activities[1]
	if a == nil || a.Scheduled.Type != "Greet" || string(a.Scheduled.Input.Data) != `{"name":"Ada"}` || a.Scheduled.Options.StartToClose != 5*time.Second {
		t.Fatalf("scheduled %+v", a)
	}
	h.deliver(h.completed(1, "Hello, Ada"))
	if got := result[string](h); got != "Hello, Ada" {
		t.Fatal(got)
	}
	h.replay()
}

func TestErrors(t *testing.T) {
	var seen error
	w := workflow.Define("Errors", func(ctx workflow.Context, in in) (string, error) {
		var out string
		out, seen = greet.Execute(ctx, in)
		return out, seen
	})
	for _, c := range []struct {
		name  string
		event history.Attributes
		is    []error
		typ   activity.Type
	}{
		{"failed", &history.ActivityFailed{Ordinal: 1, Attempt: 3, Failure: &model.Failure{Type: "card_declined", Message: "no money"}}, []error{declined}, declined},
		{"cause", &history.ActivityFailed{Ordinal: 1, Attempt: 3, Failure: &model.Failure{Message: "outer", Cause: &model.Failure{Type: "card_declined"}}}, []error{declined}, ""},
		{"timeout", &history.ActivityTimedOut{Ordinal: 1, Attempt: 3, Timeout: model.TimeoutStartToClose, Last: &model.Failure{Type: "card_declined"}},
			[]error{workflow.ErrTimeout{}, workflow.ErrTimeout{Kind: workflow.StartToClose}, declined, activity.Timeout}, activity.Timeout},
		{"canceled", &history.ActivityCanceled{Ordinal: 1, Attempt: 3}, []error{workflow.ErrCanceled}, activity.Canceled},
		{"bad result", h1(t, 12), []error{activity.BadPayload}, activity.BadPayload},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := run(t, w, in{"x"})
			h.deliver(c.event)
			check := func() {
				t.Helper()
				for _, target := range c.is {
					if !errors.Is(seen, target) {
						t.Errorf("%v is not %v", seen, target)
					}
				}
				if errors.Is(seen, workflow.ErrTimeout{Kind: workflow.Heartbeat}) || errors.Is(seen, activity.Type("other")) {
					t.Errorf("%v matches what it is not", seen)
				}
				var e *activity.Error
				if !errors.As(seen, &e) || e.Type != c.typ || e.Activity != "Greet" || e.Attempt != 3 {
					t.Errorf("as *activity.Error: %+v", e)
				}
			}
			check()
			if f := h.failure(); f == nil || f.Type != string(c.typ) {
				t.Errorf("the run's failure is %+v", f)
			}
			seen = nil
			h.replay()
			check() // after replay
		})
	}
}

func h1(t *testing.T, v any) *history.ActivityCompleted {
	return &history.ActivityCompleted{Ordinal: 1, Attempt: 3, Result: value(t, v)}
}

func TestSignalsQueriesAndSelect(t *testing.T) {
	w := workflow.Define("Approval", func(ctx workflow.Context, _ workflow.None) (string, error) {
		state := "waiting"
		status.Handle(ctx, func(workflow.None) (string, error) { return state, nil })
		var who string
		err := workflow.Select(ctx,
			approve.On(func(v string, err error) { who = v }),
			workflow.After(time.Hour, func() { who = "nobody" }),
		)
		state = "done " + who
		if err != nil {
			return "", err
		}
		// Signals that came before they are received stay, in order.
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return "", err
		}
		for {
			v, ok, err := approve.TryReceive(ctx)
			if !ok {
				break
			}
			who += fmt.Sprint(",", v, err != nil)
		}
		return who, nil
	})
	t.Run("signal wins and cancels the timer", func(t *testing.T) {
		h := run(t, w, workflow.None{})
		if got := h.query(status.Name(), workflow.None{}); got != `"waiting"` {
			t.Fatal(got)
		}
		h.deliver(h.signal("Approve", "Ada"))
		h.deliver(h.signal("Approve", "Bob"), h.signal("Approve", 7), h.signal("Approve", "Cy"))
		if got := h.query(status.Name(), workflow.None{}); got != `"done Ada"` {
			t.Fatal(got)
		}
		h.deliver(fired(2))
		if got := result[string](h); got != "Ada,Bobfalse,true,Cyfalse" {
			t.Fatal(got)
		}
		want := []string{"timer 1 of 1h0m0s", "cancel of timer 1", "timer 2 of 1m0s", "completion of the run"}
		if got := h.commands(); !slices.Equal(got, want) {
			t.Fatal(got)
		}
		h.replay()
	})
	t.Run("timer wins", func(t *testing.T) {
		h := run(t, w, workflow.None{})
		h.deliver(fired(1))
		h.deliver(fired(2))
		if got := result[string](h); got != "nobody" {
			t.Fatal(got)
		}
		h.replay()
	})
}
