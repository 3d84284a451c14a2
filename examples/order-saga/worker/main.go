// Command worker runs the activities of the workflow package order-saga against a warehouse, a bank and a carrier that keep one
// journal in a folder. Some cards of orders.json make it crash on purpose: start it again then.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/sdk/worker"
)

func main() {
	dir := flag.String("shop", ".aion/shop", "the folder of the shop's journal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	journal, err := shop.Open(*dir)
	if err != nil {
		log.Fatal(err)
	}
	s := &shop.Shop{Journal: journal, Latency: 20 * time.Millisecond, Crash: func() {
		log.Print("the machine loses its power, as the card demands")
		os.Exit(137)
	}}
	w := worker.New("", worker.Options{}) // AION_ADDRESS, else 127.0.0.1:7470
	worker.Handle(w, ordersaga.Reserve, s.Reserve)
	worker.Handle(w, ordersaga.Release, s.Release)
	worker.Handle(w, ordersaga.Pay, s.Pay)
	worker.Handle(w, ordersaga.Refund, s.Refund)
	worker.Handle(w, ordersaga.Ship, s.Ship)
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
