// Package paused is a feature: a paused run records what arrives and does nothing, also over a restart; then it goes on as if nothing had been
// [PAUSE-1, PAUSE-2, PAUSE-3, PAUSE-4].
package paused

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	ask  = activity.Define[string, string]("paused.ask", activity.Options{})
	note = workflow.DefineSignal[string]("note")
)

var code = workflow.Define("paused", func(ctx workflow.Context, _ workflow.None) (string, error) {
	timer := workflow.NewTimer(ctx, time.Minute)
	first, err := note.Receive(ctx)
	if err != nil {
		return "", err
	}
	answer, err := ask.Execute(ctx, first)
	if err != nil {
		return "", err
	}
	if _, err := timer.Get(ctx); err != nil {
		return "", err
	}
	second, err := note.Receive(ctx)
	return answer + second, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
