// Command worker runs the activities of the workflow package approval: it prints what people would be told.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/aionrun/aion/examples/approval"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := worker.New("", worker.Options{}) // AION_ADDRESS, else 127.0.0.1:7470
	worker.Handle(w, approval.Notify, func(_ context.Context, m approval.Message) (workflow.None, error) {
		_, err := fmt.Printf("to %s: %s\n", m.To, m.Text)
		return workflow.None{}, err
	})
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
