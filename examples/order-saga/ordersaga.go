// Package ordersaga takes an order through reservation, payment and shipping. When a step fails, what was done before is undone
// in reverse order, so that in the end an order is either shipped and paid, or nothing of it is left.
package ordersaga

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Order is what a customer wants.
type Order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Card     string `json:"card"`
	City     string `json:"city"`
	Lines    []Line `json:"lines"`
}

// Line is one article of an order.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Cents    int64  `json:"cents"` // each
}

// Cents is the order's total.
func (o Order) Cents() int64 {
	var sum int64
	for _, l := range o.Lines {
		sum += int64(l.Quantity) * l.Cents
	}
	return sum
}

// Charge asks for money. Key makes it one charge, however often it is asked for.
type Charge struct {
	Key   string `json:"key"`
	Order string `json:"order"`
	Card  string `json:"card"`
	Cents int64  `json:"cents"`
}

// Receipt is what the customer gets in the end.
type Receipt struct {
	Payment string `json:"payment"`
	Parcel  string `json:"parcel"`
	Cents   int64  `json:"cents"`
}

// How the steps fail for good.
const (
	CardDeclined  = activity.Type("card_declined")
	Undeliverable = activity.Type("undeliverable")
)

var patient = activity.Retry{InitialInterval: 100 * time.Millisecond, MaximumInterval: 2 * time.Second}

// The steps and what undoes them. Every one can be repeated without harm, and the undoing works also where the step never happened.
var (
	Reserve = activity.Define[Order, workflow.None]("Reserve", activity.Options{StartToClose: 10 * time.Second, Retry: patient})
	Release = activity.Define[Order, workflow.None]("Release", activity.Options{StartToClose: 10 * time.Second, Retry: patient})
	// Pay gives up after 6 attempts: the bank may have taken the money all the same, which is what Refund is for.
	Pay = activity.Define[Charge, string]("Pay", activity.Options{StartToClose: 1500 * time.Millisecond, Retry: activity.Retry{
		InitialInterval: 100 * time.Millisecond, Coefficient: 1.5, MaximumInterval: 500 * time.Millisecond,
		MaximumAttempts: 6, NonRetryable: []activity.Type{CardDeclined},
	}})
	Refund = activity.Define[Charge, workflow.None]("Refund", activity.Options{StartToClose: 10 * time.Second, Retry: patient})
	Ship   = activity.Define[Order, string]("Ship", activity.Options{StartToClose: 10 * time.Second, Retry: activity.Retry{
		InitialInterval: patient.InitialInterval, MaximumInterval: patient.MaximumInterval, NonRetryable: []activity.Type{Undeliverable},
	}})
)

// PlaceOrder registers each compensation before its step, because a step that failed may have happened all the same.
var PlaceOrder = workflow.Define("PlaceOrder", func(ctx workflow.Context, o Order) (r Receipt, err error) {
	var saga workflow.Saga
	defer saga.End(ctx, &err)

	Release.Compensate(&saga, o)
	if _, err = Reserve.Execute(ctx, o); err != nil {
		return r, err
	}
	c := Charge{Key: workflow.UUID(ctx), Order: o.ID, Card: o.Card, Cents: o.Cents()}
	Refund.Compensate(&saga, c)
	if r.Payment, err = Pay.Execute(ctx, c); err != nil {
		return r, err
	}
	r.Cents = c.Cents
	r.Parcel, err = Ship.Execute(ctx, o)
	return r, err
})

// Workflows lists what the package offers.
func Workflows() []workflow.Definition { return []workflow.Definition{PlaceOrder} }
