// Command worker runs the activities of the workflow package hello.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/aionrun/aion/examples/hello"
	"github.com/aionrun/aion/sdk/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := worker.New("", worker.Options{}) // AION_ADDRESS, else 127.0.0.1:7470
	worker.Handle(w, hello.Greet, func(_ context.Context, in hello.In) (string, error) {
		return "Hello, " + in.Name, nil
	})
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
