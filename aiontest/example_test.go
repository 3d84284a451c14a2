package aiontest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

type In struct {
	Name string `json:"name"`
}

var Greet = activity.Define[In, string]("Greet", activity.Options{StartToClose: 5 * time.Second})

var Hello = workflow.Define("Hello", func(ctx workflow.Context, in In) (string, error) { return Greet.Execute(ctx, in) })

// The smallest test of a workflow.
func Example() {
	TestHello := func(t testing.TB) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{Hello}})
		aiontest.Handle(env, Greet, func(ctx context.Context, in In) (string, error) { return "Hello, " + in.Name, nil })

		out, err := aiontest.Start(env, Hello, In{Name: "Ada"}).Result()
		if err != nil || out != "Hello, Ada" {
			t.Fatalf("got %q, %v", out, err)
		}
		fmt.Println(out)
	}
	example(TestHello)
	// Output: Hello, Ada
}

type Answer struct{ Yes bool }

var (
	Decide   = workflow.DefineSignal[Answer]("Decide")
	Progress = workflow.DefineQuery[workflow.None, string]("Progress")
)

var Approval = workflow.Define("Approval", func(ctx workflow.Context, _ workflow.None) (string, error) {
	state := "waiting"
	Progress.Handle(ctx, func(workflow.None) (string, error) { return state, nil })
	err := workflow.Select(ctx,
		Decide.On(func(a Answer, err error) { state = fmt.Sprintf("decided: %v", a.Yes) }),
		workflow.After(30*24*time.Hour, func() { state = "too late" }),
	)
	return state, err
})

// Signals, queries, and a month that takes no time.
func ExampleEnv_Advance() {
	TestApproval := func(t testing.TB) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{Approval}})

		decided := aiontest.Start(env, Approval, workflow.None{})
		env.Advance(24 * time.Hour)
		state, _ := aiontest.Query(decided, Progress, workflow.None{})
		fmt.Println(state)
		if err := aiontest.Signal(decided, Decide, Answer{Yes: true}); err != nil {
			t.Fatal(err)
		}
		out, _ := decided.Result()
		fmt.Println(out)

		began := env.Now()
		forgotten := aiontest.Start(env, Approval, workflow.None{})
		out, _ = forgotten.Result()
		fmt.Println(out, "after", env.Now().Sub(began))
	}
	example(TestApproval)
	// Output:
	// waiting
	// decided: true
	// too late after 720h0m0s
}

const OutOfStock = activity.Type("out_of_stock")

var Reserve = activity.Define[int, workflow.None]("Reserve", activity.Options{
	StartToClose: time.Minute,
	Retry:        activity.Retry{MaximumAttempts: 3, NonRetryable: []activity.Type{OutOfStock}},
})

var Order = workflow.Define("Order", func(ctx workflow.Context, n int) (workflow.None, error) { return Reserve.Execute(ctx, n) })

// An activity that takes too long, twice, and then fails for good.
func ExampleSleep() {
	TestOrder := func(t testing.TB) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{Order}})
		calls := 0
		aiontest.Handle(env, Reserve, func(ctx context.Context, n int) (workflow.None, error) {
			if calls++; calls < 3 {
				return workflow.None{}, aiontest.Sleep(ctx, time.Hour) // its context ends after a minute
			}
			return workflow.None{}, OutOfStock.Errorf("%d are not there", n)
		})

		_, err := aiontest.Start(env, Order, 7).Result()
		fmt.Println(calls, errors.Is(err, OutOfStock))
	}
	example(TestOrder)
	// Output: 3 true
}

// example runs a test function.
func example(test func(t testing.TB)) {
	t := &fake{}
	test(t)
	t.end()
}
