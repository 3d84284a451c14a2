package shop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
)

// Cards that make trouble. Every other card pays.
const (
	CardDeclined = "4000-0000-0000-0002" // is declined
	CardSlow     = "4000-0000-0000-0119" // the money is taken; the answer comes too late, once
	CardSilent   = "4000-0000-0000-0127" // the money is taken; there never is an answer
	CardCrash    = "4000-0000-0000-0259" // the money is taken; then the process that asked dies, once
)

// Nowhere is a city that no parcel gets to.
const Nowhere = "Nowhere"

// Shop is the warehouse, the bank and the carrier, as a worker calls them. Safe for concurrent use.
type Shop struct {
	Journal *Journal
	// Latency is how long an answer takes on average; 0 = none.
	Latency time.Duration
	// Crash ends the process, for CardCrash.
	Crash func()
}

// Reserve puts the articles of an order aside.
func (s *Shop) Reserve(ctx context.Context, o ordersaga.Order) (workflow.None, error) {
	s.wait(ctx)
	return workflow.None{}, s.Journal.decide(func(look look) (*Entry, error) {
		if _, gone := look(Released, o.ID); gone {
			return nil, tooLate("order %s was given up", o.ID)
		}
		if _, done := look(Reserved, o.ID); done {
			return nil, nil
		}
		return &Entry{Kind: Reserved, Key: o.ID, Order: o.ID}, nil
	})
}

// Release puts the articles back, or sees to it that they are not reserved any more.
func (s *Shop) Release(ctx context.Context, o ordersaga.Order) (workflow.None, error) {
	s.wait(ctx)
	return workflow.None{}, s.Journal.decide(func(look look) (*Entry, error) {
		if _, done := look(Released, o.ID); done {
			return nil, nil
		}
		return &Entry{Kind: Released, Key: o.ID, Order: o.ID}, nil
	})
}

// Pay takes the money and answers the payment's ID.
func (s *Shop) Pay(ctx context.Context, c ordersaga.Charge) (payment string, err error) {
	s.wait(ctx)
	fresh := false
	err = s.Journal.decide(func(look look) (*Entry, error) {
		if _, gone := look(Refunded, c.Key); gone {
			return nil, tooLate("charge %s was refunded before", c.Key)
		}
		if e, done := look(Charged, c.Key); done {
			payment = e.ID
			return nil, nil
		}
		if c.Card == CardDeclined {
			return nil, ordersaga.CardDeclined.Errorf("the bank declined %d.%02d for order %s", c.Cents/100, c.Cents%100, c.Order)
		}
		fresh, payment = true, "pay-"+c.Key[:min(8, len(c.Key))]
		return &Entry{Kind: Charged, Key: c.Key, Order: c.Order, Cents: c.Cents, ID: payment}, nil
	})
	if err != nil {
		return "", err
	}
	switch {
	case c.Card == CardSilent:
		<-ctx.Done()
		return "", fmt.Errorf("no answer from the bank: %w", ctx.Err())
	case c.Card == CardSlow && fresh:
		<-ctx.Done() // too late, and answered all the same
	case c.Card == CardCrash && fresh && s.Crash != nil:
		s.Crash()
	}
	return payment, nil
}

// Refund gives the money of a charge back, or sees to it that it is not taken any more.
func (s *Shop) Refund(ctx context.Context, c ordersaga.Charge) (workflow.None, error) {
	s.wait(ctx)
	return workflow.None{}, s.Journal.decide(func(look look) (*Entry, error) {
		if _, done := look(Refunded, c.Key); done {
			return nil, nil
		}
		taken, _ := look(Charged, c.Key)
		return &Entry{Kind: Refunded, Key: c.Key, Order: c.Order, Cents: taken.Cents}, nil
	})
}

// Ship sends the parcel and answers its ID.
func (s *Shop) Ship(ctx context.Context, o ordersaga.Order) (parcel string, err error) {
	s.wait(ctx)
	err = s.Journal.decide(func(look look) (*Entry, error) {
		if o.City == Nowhere {
			return nil, ordersaga.Undeliverable.Errorf("no carrier delivers to %s", o.City)
		}
		if e, done := look(Shipped, o.ID); done {
			parcel = e.ID
			return nil, nil
		}
		if _, gone := look(Released, o.ID); gone {
			return nil, tooLate("order %s was given up", o.ID)
		}
		parcel = "parcel-" + o.ID
		return &Entry{Kind: Shipped, Key: o.ID, Order: o.ID, ID: parcel}, nil
	})
	return parcel, err
}

// tooLate is the answer to an attempt that was given up long ago: what it asks for must not happen any more.
func tooLate(format string, args ...any) error {
	return activity.Type("too_late").Errorf(format, args...).NonRetryable()
}

func (s *Shop) wait(ctx context.Context) {
	if s.Latency <= 0 {
		return
	}
	t := time.NewTimer(s.Latency/2 + rand.N(s.Latency))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
