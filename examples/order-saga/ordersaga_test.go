package ordersaga_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/sdk/workflow"
)

var order = ordersaga.Order{ID: "o1", Customer: "Ada", Card: "4242", City: "Lyon", Lines: []ordersaga.Line{{SKU: "tea", Quantity: 2, Cents: 649}}}

// However an order ends, the shop's books balance: it is paid and shipped, or nothing of it is left.
func TestPlaceOrder(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(o *ordersaga.Order)
		pay     func(ctx context.Context, attempt int) error // happens after the money was taken
		fails   error
		taken   int64
		restart bool
	}{
		"all goes well":        {taken: 1298},
		"the card is declined": {change: func(o *ordersaga.Order) { o.Card = shop.CardDeclined }, fails: ordersaga.CardDeclined},
		"nobody delivers":      {change: func(o *ordersaga.Order) { o.City = shop.Nowhere }, fails: ordersaga.Undeliverable, taken: 1298},
		"paid, and the answer is late": {pay: func(ctx context.Context, attempt int) error {
			if attempt == 1 {
				return aiontest.Sleep(ctx, time.Minute)
			}
			return nil
		}, taken: 1298},
		"paid, and there is no answer": {pay: func(ctx context.Context, _ int) error { return aiontest.Sleep(ctx, time.Minute) },
			fails: workflow.ErrTimeout{Kind: workflow.StartToClose}, taken: 1298},
		"paid, and the process ends": {pay: func(ctx context.Context, attempt int) error {
			if attempt == 1 {
				return aiontest.Sleep(ctx, aiontest.Forever)
			}
			return nil
		}, taken: 1298, restart: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "shop")
			journal, err := shop.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer journal.Close()
			s := &shop.Shop{Journal: journal}
			attempts := 0
			env := aiontest.New(t, aiontest.Options{Workflows: ordersaga.Workflows()})
			aiontest.Handle(env, ordersaga.Reserve, s.Reserve)
			aiontest.Handle(env, ordersaga.Release, s.Release)
			aiontest.Handle(env, ordersaga.Pay, func(ctx context.Context, in ordersaga.Charge) (string, error) {
				payment, err := s.Pay(ctx, in)
				if attempts++; err == nil && c.pay != nil {
					err = c.pay(ctx, attempts)
				}
				return payment, err
			})
			aiontest.Handle(env, ordersaga.Refund, s.Refund)
			aiontest.Handle(env, ordersaga.Ship, s.Ship)

			o := order
			if c.change != nil {
				c.change(&o)
			}
			run := aiontest.Start(env, ordersaga.PlaceOrder, o)
			if c.restart {
				env.Wait()
				env.Restart()
			}
			r, err := run.Result()
			if !errors.Is(err, c.fails) || (err == nil) != (r.Parcel == "parcel-o1" && r.Cents == 1298 && r.Payment != "") {
				t.Errorf("%+v, %v", r, err)
			}
			entries, err := shop.ReadEntries(dir)
			if err != nil {
				t.Fatal(err)
			}
			b := shop.Audit(entries, []ordersaga.Order{o}, map[string]bool{o.ID: c.fails == nil})
			if b.Balance != 0 || b.Wrong != nil || b.Taken != c.taken {
				t.Errorf("%+v", b)
			}
		})
	}
}
