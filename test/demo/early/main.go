// Command early is a server that is broken on purpose: it acknowledges starts, signals and results before they are in the store. The
// demo runs it for SABOTAGE=ack_before_commit and has to notice. It is configured as "aion server" is, by the environment.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/config"
)

// late is how long an acknowledged step waits to be written: what a kill takes with it.
const late = 300 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	e, err := config.Load(config.Input{Env: os.Environ()})
	if err != nil {
		return err
	}
	fatal := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	log := app.NewLogger(e.Config.Log, os.Stderr)
	inner, err := sqlite.Open(ctx, sqlstore.Options{Path: e.Config.Store.URL, Logger: log, OnFatal: fatal})
	if err != nil {
		return err
	}
	server, err := app.New(e.Config, app.Options{
		Store: &early{Store: inner, late: late, broke: fatal}, Version: "sabotaged", Logger: log, Fatal: fatal,
	})
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return server.Close()
}
