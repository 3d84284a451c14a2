// Package waiter holds a workflow that waits for a signal, after as many steps as its input says.
package waiter

import (
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

// Go is what every run waits for.
var Go = workflow.DefineSignal[int]("go")

// Wait makes steps steps of its own, keeps their count through the wait, and gives it back with what the signal brought.
var Wait = workflow.Define("Wait", func(ctx workflow.Context, steps int) (int, error) {
	kept := map[int]int{}
	for i := range steps {
		if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
			return 0, err
		}
		kept[i] = i
	}
	v, err := Go.Receive(ctx)
	return v + len(kept), err
})

// Workflows lists what the package offers.
func Workflows() []workflow.Definition { return []workflow.Definition{Wait} }
