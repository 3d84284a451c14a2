package workflow_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// The smallest package: an activity, a workflow that calls it, and the list that "aion build" looks for.
func Example() {
	type In struct {
		Name string `json:"name"`
	}
	greet := activity.Define[In, string]("Greet", activity.Options{StartToClose: 5 * time.Second})
	hello := workflow.Define("Hello", func(ctx workflow.Context, in In) (string, error) {
		return greet.Execute(ctx, in)
	})
	workflows := func() []workflow.Definition { return []workflow.Definition{hello} }
	fmt.Println(workflows()[0].Name())
	// Output: Hello
}

type (
	Order   struct{ Cents int }
	Charge  struct{ Key string }
	Receipt struct{ Payment, Parcel string }
)

const CardDeclined = activity.Type("card_declined")

var (
	Reserve = activity.Define[Order, workflow.None]("Reserve", activity.Options{})
	Release = activity.Define[Order, workflow.None]("Release", activity.Options{})
	Pay     = activity.Define[Charge, string]("Pay", activity.Options{Retry: activity.Retry{NonRetryable: []activity.Type{CardDeclined}}})
	Refund  = activity.Define[Charge, workflow.None]("Refund", activity.Options{})
	Ship    = activity.Define[Order, string]("Ship", activity.Options{})
)

// Each compensation is registered before its step, because a step that failed may have happened all the same.
func ExampleSaga() {
	workflow.Define("PlaceOrder", func(ctx workflow.Context, o Order) (r Receipt, err error) {
		var saga workflow.Saga
		defer saga.End(ctx, &err)
		Release.Compensate(&saga, o)
		if _, err = Reserve.Execute(ctx, o); err != nil {
			return r, err
		}
		c := Charge{Key: workflow.UUID(ctx)}
		Refund.Compensate(&saga, c)
		if r.Payment, err = Pay.Execute(ctx, c); errors.Is(err, CardDeclined) {
			return r, fmt.Errorf("the customer must choose another card: %w", err)
		} else if err != nil {
			return r, err
		}
		r.Parcel, err = Ship.Execute(ctx, o)
		return r, err
	})
}

type Decision struct{ Yes bool }

var (
	Decide   = workflow.DefineSignal[Decision]("Decide")
	Progress = workflow.DefineQuery[workflow.None, string]("Progress")
)

// A signal is raced against a timer, and a query tells how far the run is.
func ExampleSelect() {
	workflow.Define("Approval", func(ctx workflow.Context, o Order) (string, error) {
		progress := "waiting"
		Progress.Handle(ctx, func(workflow.None) (string, error) { return progress, nil })
		err := workflow.Select(ctx,
			Decide.On(func(d Decision, err error) {
				if progress = "refused"; err == nil && d.Yes {
					progress = "approved"
				}
			}),
			workflow.After(24*time.Hour, func() { progress = "too late" }),
		)
		return progress, err
	})
}

// Ten at a time; the first error cancels the others and waits for them.
func ExampleMap() {
	workflow.Define("ShipAll", func(ctx workflow.Context, orders []Order) ([]string, error) {
		return workflow.Map(ctx, orders, 10, Ship.Execute)
	})
}

// Clean-up that must happen even when the run is canceled uses a detached context.
func ExampleDetached() {
	workflow.Define("Tidy", func(ctx workflow.Context, o Order) (workflow.None, error) {
		defer func() { _, _ = Release.Execute(workflow.Detached(ctx), o) }()
		return workflow.None{}, workflow.Sleep(ctx, time.Hour)
	})
}
