// Package terminate is a feature: a terminated run ends at once, with its timers and activities; no code runs [END-2].
package terminate

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var work = activity.Define[workflow.None, workflow.None]("terminate.Work", activity.Options{})

var code = workflow.Define("terminate", func(ctx workflow.Context, _ workflow.None) (string, error) {
	work.Start(ctx, workflow.None{})
	err := workflow.Sleep(ctx, time.Hour)
	_, _ = work.Execute(workflow.Detached(ctx), workflow.None{})
	return "slept", err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
