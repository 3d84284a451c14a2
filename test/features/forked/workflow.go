// Package forked is a feature: a run forks at its activations, into another workflow ID and, once closed, into its own; the copy does what was pending again and
// has other random numbers from there on [FORK-1, FORK-2].
package forked

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	ask  = activity.Define[string, string]("forked.ask", activity.Options{})
	note = workflow.DefineSignal[string]("note")
)

var code = workflow.Define("forked", func(ctx workflow.Context, _ workflow.None) (string, error) {
	before := workflow.UUID(ctx)
	timer := workflow.NewTimer(ctx, time.Minute)
	answer, err := ask.Execute(ctx, before)
	if err != nil {
		return "", err
	}
	n, err := note.Receive(ctx)
	if err != nil {
		return "", err
	}
	if _, err := timer.Get(ctx); err != nil {
		return "", err
	}
	if _, err := ask.Execute(ctx, workflow.UUID(ctx)); err != nil {
		return "", err
	}
	return answer + n, nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
