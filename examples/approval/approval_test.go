package approval_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/examples/approval"
	"github.com/aionrun/aion/sdk/workflow"
)

var expense = approval.Expense{What: "a bicycle", Cents: 89900, By: "Ada", Approver: "Grace"}

// setUp starts a request; said gives what people were told.
func setUp(t *testing.T, e approval.Expense) (env *aiontest.Env, run *aiontest.Run[approval.Status], said func() []string) {
	env = aiontest.New(t, aiontest.Options{Workflows: approval.Workflows()})
	told := make(chan string, 100)
	aiontest.Handle(env, approval.Notify, func(_ context.Context, m approval.Message) (workflow.None, error) {
		told <- m.To + ": " + m.Text
		return workflow.None{}, nil
	})
	run = aiontest.Start(env, approval.Approve, e)
	return env, run, func() (all []string) {
		for len(told) > 0 {
			all = append(all, <-told)
		}
		return all
	}
}

func progress(t *testing.T, run *aiontest.Run[approval.Status]) approval.Status {
	t.Helper()
	s, err := aiontest.Query(run, approval.Progress, workflow.None{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDecided(t *testing.T) {
	for state, d := range map[string]approval.Decision{
		"approved": {Approved: true, By: "Grace", Comment: "ride safely"},
		"refused":  {By: "Grace"},
	} {
		t.Run(state, func(t *testing.T) {
			env, run, said := setUp(t, expense)
			env.Advance(49 * time.Hour)
			if s := progress(t, run); s.State != "waiting" || s.Reminders != 2 || s.Decision != nil {
				t.Errorf("%+v", s)
			}
			env.Restart() // whatever happens to the server, the request stays where it was
			if err := aiontest.Signal(run, approval.Decide, d); err != nil {
				t.Fatal(err)
			}
			s, err := run.Result()
			if err != nil || s.State != state || s.Reminders != 2 || *s.Decision != d {
				t.Errorf("%+v, %v", s, err)
			}
			want := []string{"Grace: Ada asks for 899.00 for a bicycle", "Grace: reminder 1: Ada waits for you", "Grace: reminder 2: Ada waits for you", "Ada: a bicycle: " + state}
			if got := said(); !reflect.DeepEqual(got, want) {
				t.Errorf("%q", got)
			}
			if s := progress(t, run); s.State != state { // closed runs answer, too
				t.Errorf("%+v", s)
			}
		})
	}
}

// Nobody decides: the timer wins the race.
func TestExpires(t *testing.T) {
	e := expense
	e.ExpiresIn, e.RemindIn = 100, 45
	env, run, _ := setUp(t, e)
	began := env.Now()
	s, err := run.Result()
	if err != nil || s.State != "expired" || s.Reminders != 2 || env.Now().Sub(began) != 100*time.Second {
		t.Errorf("%+v, %v after %v", s, err, env.Now().Sub(began))
	}
}

// A signal that is no decision changes nothing.
func TestNoDecision(t *testing.T) {
	env, run, _ := setUp(t, expense)
	if err := aiontest.Signal(run, workflow.DefineSignal[string](approval.Decide.Name()), "yes?"); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	if s := progress(t, run); s.State != "waiting" {
		t.Errorf("%+v", s)
	}
}
