// Command worker is the worker of the demo: that of the order saga, with a ledger.
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
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/tap"
)

func main() {
	server := flag.String("server", "", "the server's address, host:port")
	dir := flag.String("shop", "", "the folder of the shop's journal")
	ledgerFile := flag.String("ledger", "", "the file of the ledger")
	sabotage := flag.String("sabotage", "", "drop_result or run_twice: play a broken server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *server, *dir, *ledgerFile, tap.Sabotage(*sabotage)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, server, dir, ledgerFile string, sabotage tap.Sabotage) error {
	ledger, err := evidence.OpenLog[evidence.Step](ledgerFile)
	if err != nil {
		return err
	}
	journal, err := shop.Open(dir)
	if err != nil {
		return err
	}
	s := &shop.Shop{Journal: journal, Latency: 60 * time.Millisecond, Crash: func() {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // nothing else happens any more
	}}
	address, _, err := tap.Listen(server, ledger, sabotage)
	if err != nil {
		return err
	}
	w := worker.New(address, worker.Options{Slots: 64, DrainTimeout: 5 * time.Second})
	tap.Handle(w, ledger, ordersaga.Reserve, s.Reserve)
	tap.Handle(w, ledger, ordersaga.Release, s.Release)
	tap.Handle(w, ledger, ordersaga.Pay, s.Pay)
	tap.Handle(w, ledger, ordersaga.Refund, s.Refund)
	tap.Handle(w, ledger, ordersaga.Ship, s.Ship)
	return w.Run(ctx)
}
