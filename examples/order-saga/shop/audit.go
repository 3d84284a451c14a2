package shop

import (
	"fmt"
	"slices"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
)

// Books is what the journal comes to.
type Books struct {
	Taken, Returned int64    // cents
	Balance         int64    // cents by which orders are off, summed without regard to direction; 0 = every order balances
	Wrong           []string // what is off, for people
}

// Audit holds the journal against how the orders ended: shipped[id] says that the order's workflow completed. A completed order was
// paid once, in full, and sent once; one that was not completed cost nothing, reserved nothing, and nothing was sent.
func Audit(entries []Entry, orders []ordersaga.Order, shipped map[string]bool) Books {
	type account struct {
		net                      int64
		charges, refunds         int
		reserved, released, sent int
	}
	accounts := map[string]*account{}
	at := func(order string) *account {
		if accounts[order] == nil {
			accounts[order] = &account{}
		}
		return accounts[order]
	}
	var b Books
	for _, e := range entries {
		a := at(e.Order)
		switch e.Kind {
		case Charged:
			a.net, a.charges, b.Taken = a.net+e.Cents, a.charges+1, b.Taken+e.Cents
		case Refunded:
			a.net, a.refunds, b.Returned = a.net-e.Cents, a.refunds+1, b.Returned+e.Cents
		case Reserved:
			a.reserved++
		case Released:
			a.released++
		case Shipped:
			a.sent++
		}
	}
	wrong := func(format string, args ...any) { b.Wrong = append(b.Wrong, fmt.Sprintf(format, args...)) }
	check := func(id string, cents int64, shipped bool) {
		a := at(id)
		due, parcels := int64(0), 0
		if shipped {
			due, parcels = cents, 1
		}
		if a.net != due {
			b.Balance += max(a.net-due, due-a.net)
			wrong("%s: %d cents were taken, %d are due", id, a.net, due)
		}
		if a.charges > 1 {
			wrong("%s: charged %d times", id, a.charges)
		}
		if a.sent != parcels {
			wrong("%s: %d parcels, not %d", id, a.sent, parcels)
		}
		if kept := a.reserved > 0 && a.released == 0; kept != shipped {
			wrong("%s: completed %v, and its articles are put aside %v", id, shipped, kept)
		}
	}
	for _, o := range orders {
		check(o.ID, o.Cents(), shipped[o.ID])
	}
	for id, a := range accounts {
		if !slices.ContainsFunc(orders, func(o ordersaga.Order) bool { return o.ID == id }) && a.net != 0 {
			b.Balance += max(a.net, -a.net)
			wrong("%s: %d cents were taken for an order that does not exist", id, a.net)
		}
	}
	slices.Sort(b.Wrong)
	return b
}
