package shop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
)

// Orders makes the orders of orders.json, the same every time: 20 whose card is declined, 14 that cannot be delivered, 10 whose
// payment makes trouble after the money was taken (4 slow, 4 crash, 2 silent), and 156 that are as they should be.
func Orders() []ordersaga.Order {
	const n = 200
	r := rand.New(rand.NewPCG(1, 200))
	articles := []ordersaga.Line{
		{SKU: "tea-assam-100g", Cents: 649}, {SKU: "tea-sencha-100g", Cents: 1195}, {SKU: "pot-iron-08l", Cents: 5490},
		{SKU: "cup-glass", Cents: 375}, {SKU: "strainer", Cents: 799}, {SKU: "tin-250g", Cents: 420}, {SKU: "kettle-12l", Cents: 3999},
	}
	names := []string{"Ada", "Björn", "Chidi", "Dolores", "Emre", "Fatima", "Grace", "Hiroshi", "Ilse", "João", "Kofi", "Lin"}
	cities := []string{"Bergen", "Kraków", "Lagos", "Leipzig", "Lyon", "Osaka", "Porto", "Quito", "Turku"}
	orders := make([]ordersaga.Order, n)
	for i := range orders {
		o := &orders[i]
		o.ID = fmt.Sprintf("order-%03d", i+1)
		o.Customer = names[r.IntN(len(names))]
		o.City = cities[r.IntN(len(cities))]
		o.Card = fmt.Sprintf("4242-4242-%04d-%04d", r.IntN(10000), r.IntN(10000))
		for range 1 + r.IntN(4) {
			l := articles[r.IntN(len(articles))]
			l.Quantity = 1 + r.IntN(5)
			o.Lines = append(o.Lines, l)
		}
	}
	which := r.Perm(n)
	take := func(count int, change func(*ordersaga.Order)) {
		for _, i := range which[:count] {
			change(&orders[i])
		}
		which = which[count:]
	}
	card := func(number string) func(*ordersaga.Order) {
		return func(o *ordersaga.Order) { o.Card = number }
	}
	take(20, card(CardDeclined))
	take(4, card(CardSlow))
	take(4, card(CardCrash))
	take(2, card(CardSilent))
	take(14, func(o *ordersaga.Order) { o.City = Nowhere })
	return orders
}

// Fulfillable says whether the order should end shipped and paid; otherwise nothing of it may be left.
func Fulfillable(o ordersaga.Order) bool {
	return o.Card != CardDeclined && o.Card != CardSilent && o.City != Nowhere
}

// WriteOrders writes orders as orders.json holds them: one to a line.
func WriteOrders(orders []ordersaga.Order) ([]byte, error) {
	out := []byte("[\n")
	for i, o := range orders {
		line, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		out = append(out, line...)
		if i < len(orders)-1 {
			out = append(out, ',')
		}
		out = append(out, '\n')
	}
	return append(out, ']', '\n'), nil
}

// ReadOrders reads what WriteOrders wrote.
func ReadOrders(b []byte) (orders []ordersaga.Order, err error) {
	if err := json.Unmarshal(b, &orders); err != nil {
		return nil, fmt.Errorf("the orders cannot be read: %w", err)
	}
	return orders, nil
}
