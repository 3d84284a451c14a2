// Package timercancel is a feature: a timer against its cancel has one winner [TMR-1, TMR-2].
package timercancel

import (
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

var stop = workflow.DefineSignal[workflow.None]("stop")

var code = workflow.Define("timercancel", func(ctx workflow.Context, d time.Duration) (string, error) {
	inner, cancel := workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if _, err := stop.Receive(ctx); err == nil {
			cancel()
		}
	})
	if err := workflow.Sleep(inner, d); err != nil {
		return "canceled", ctx.Err()
	}
	return "fired", nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
