package shop_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/sdk/activity"
)

var update = flag.Bool("update", false, "write orders.json anew")

func open(t *testing.T, dir string) *shop.Shop {
	t.Helper()
	j, err := shop.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return &shop.Shop{Journal: j}
}

var (
	order  = ordersaga.Order{ID: "o1", Card: "4242", City: "Lyon", Lines: []ordersaga.Line{{SKU: "tea", Quantity: 2, Cents: 649}, {SKU: "pot", Quantity: 1, Cents: 5490}}}
	charge = ordersaga.Charge{Key: "k1", Order: "o1", Card: order.Card, Cents: order.Cents()}
)

func audit(t *testing.T, dir string, shipped bool) shop.Books {
	t.Helper()
	entries, err := shop.ReadEntries(dir)
	if err != nil {
		t.Fatal(err)
	}
	return shop.Audit(entries, []ordersaga.Order{order}, map[string]bool{order.ID: shipped})
}

// Asked twice, by two processes' worth of journals, each step happens once.
func TestEachStepOnce(t *testing.T) {
	dir := t.TempDir()
	one, two := open(t, dir), open(t, dir)
	ctx := t.Context()
	for _, s := range []*shop.Shop{one, two, one} {
		if _, err := s.Reserve(ctx, order); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	payments := make([]string, 20)
	for i := range payments {
		s := []*shop.Shop{one, two}[i%2]
		wg.Go(func() { payments[i], _ = s.Pay(ctx, charge) })
	}
	wg.Wait()
	for _, p := range payments {
		if p == "" || p != payments[0] {
			t.Fatalf("payments %q", payments)
		}
	}
	for _, s := range []*shop.Shop{one, two} {
		if p, err := s.Ship(ctx, order); p != "parcel-o1" || err != nil {
			t.Fatal(p, err)
		}
	}
	if b := audit(t, dir, true); b.Balance != 0 || b.Wrong != nil || b.Taken != 6788 {
		t.Fatalf("%+v", b)
	}
}

// What is undone stays undone, also when the step itself comes late.
func TestUndone(t *testing.T) {
	tooLate := activity.Type("too_late")
	t.Run("refund before charge", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		for range 2 {
			if _, err := s.Refund(t.Context(), charge); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Pay(t.Context(), charge); !errors.Is(err, tooLate) {
			t.Fatal(err)
		}
		if b := audit(t, dir, false); b.Wrong != nil || b.Taken != 0 {
			t.Fatalf("%+v", b)
		}
	})
	t.Run("release before reserve and ship", func(t *testing.T) {
		s := open(t, t.TempDir())
		if _, err := s.Release(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Reserve(t.Context(), order); !errors.Is(err, tooLate) {
			t.Fatal(err)
		}
		if _, err := s.Ship(t.Context(), order); !errors.Is(err, tooLate) {
			t.Fatal(err)
		}
	})
}

// The cards that make trouble take the money exactly where they should.
func TestCards(t *testing.T) {
	for card, want := range map[string]struct {
		taken   int64
		payment bool
		again   bool
		crashes int
	}{
		"4242":            {taken: 6788, payment: true, again: true},
		shop.CardDeclined: {},
		shop.CardSlow:     {taken: 6788, payment: true, again: true},
		shop.CardSilent:   {taken: 6788},
		shop.CardCrash:    {taken: 6788, payment: true, again: true, crashes: 1},
	} {
		t.Run(card, func(t *testing.T) {
			dir := t.TempDir()
			s, crashes := open(t, dir), 0
			s.Crash = func() { crashes++ }
			c := charge
			c.Card = card
			ended, end := context.WithCancel(t.Context())
			end() // the attempt's time is over, so nothing waits
			p, err := s.Pay(ended, c)
			if (p != "") != want.payment || (err == nil) != want.payment {
				t.Error(p, err)
			}
			if card == shop.CardDeclined && !errors.Is(err, ordersaga.CardDeclined) {
				t.Error(err)
			}
			if p, err := s.Pay(ended, c); (p != "") != want.again {
				t.Error(p, err)
			}
			if b := audit(t, dir, false); b.Taken != want.taken || crashes != want.crashes {
				t.Errorf("%+v, %d crashes", b, crashes)
			}
		})
	}
}

// An audit finds what is off, to the cent and in either direction.
func TestAuditFinds(t *testing.T) {
	e := func(kind shop.Kind, cents int64) shop.Entry {
		return shop.Entry{Kind: kind, Key: "k", Order: "o1", Cents: cents}
	}
	full := order.Cents()
	for name, c := range map[string]struct {
		entries []shop.Entry
		shipped bool
		balance int64
		wrong   string
	}{
		"paid twice":         {[]shop.Entry{e(shop.Reserved, 0), e(shop.Charged, full), e(shop.Charged, full), e(shop.Shipped, 0)}, true, full, "charged 2 times"},
		"a cent too little":  {[]shop.Entry{e(shop.Reserved, 0), e(shop.Charged, full-1), e(shop.Shipped, 0)}, true, 1, "6787 cents were taken"},
		"kept after failure": {[]shop.Entry{e(shop.Reserved, 0), e(shop.Charged, full), e(shop.Released, 0)}, false, full, "0 are due"},
		"not released":       {[]shop.Entry{e(shop.Reserved, 0)}, false, 0, "put aside true"},
		"sent though failed": {[]shop.Entry{e(shop.Reserved, 0), e(shop.Released, 0), e(shop.Shipped, 0)}, false, 0, "1 parcels"},
		"nothing happened":   {nil, true, full, "0 parcels, not 1"},
		"unknown order":      {[]shop.Entry{{Kind: shop.Charged, Order: "o9", Cents: 5}}, false, 5, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			b := shop.Audit(c.entries, []ordersaga.Order{order}, map[string]bool{"o1": c.shipped})
			if b.Balance != c.balance || !strings.Contains(strings.Join(b.Wrong, "; "), c.wrong) {
				t.Errorf("%+v", b)
			}
		})
	}
	if b := shop.Audit(nil, []ordersaga.Order{order}, nil); b.Wrong != nil || b.Balance != 0 {
		t.Errorf("an order that never began: %+v", b)
	}
}

// orders.json is what Orders makes, and holds the trouble that it promises.
func TestOrders(t *testing.T) {
	orders := shop.Orders()
	want, err := shop.WriteOrders(orders)
	if err != nil {
		t.Fatal(err)
	}
	const name = "../orders.json"
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatal("orders.json is not what Orders makes: go test ./order-saga/shop -update writes it anew")
	}
	back, err := shop.ReadOrders(got)
	if err != nil || len(back) != 200 {
		t.Fatal(len(back), err)
	}
	cards, nowhere, fine, ids := map[string]int{}, 0, 0, map[string]bool{}
	for _, o := range back {
		ids[o.ID] = true
		cards[o.Card]++
		if o.City == shop.Nowhere {
			nowhere++
		}
		if shop.Fulfillable(o) {
			fine++
		}
		if o.Cents() <= 0 {
			t.Errorf("%s costs nothing", o.ID)
		}
	}
	trouble := cards[shop.CardSlow] + cards[shop.CardCrash] + cards[shop.CardSilent]
	if len(ids) != 200 || cards[shop.CardDeclined] != 20 || trouble != 10 || nowhere != 14 || fine != 164 {
		t.Errorf("%d orders, %d declined, %d with trouble, %d to nowhere, %d fulfillable", len(ids), cards[shop.CardDeclined], trouble, nowhere, fine)
	}
}
