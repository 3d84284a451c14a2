// Command worker is the worker of the kill test.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/kill/load"
	"github.com/aionrun/aion/test/tap"
)

func main() {
	server := flag.String("server", "", "the server's address, host:port")
	ledgerFile := flag.String("ledger", "", "the file of the ledger")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ledger, err := evidence.OpenLog[evidence.Step](*ledgerFile)
	if err != nil {
		log.Fatal(err)
	}
	address, _, err := tap.Listen(*server, ledger, tap.None)
	if err != nil {
		log.Fatal(err)
	}
	w := worker.New(address, worker.Options{Slots: 64, DrainTimeout: 5 * time.Second})
	do := func(ctx context.Context, j load.Job) (int64, error) { return j.Do(ctx, worker.Info(ctx).Attempt) }
	tap.Handle(w, ledger, load.Work, do)
	tap.Handle(w, ledger, load.Undo, do)
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
