// Package signalatclose is a feature: signals around the end of a run: one is recorded and never received, one is refused [SIG-3].
package signalatclose

import (
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var last = activity.Define[workflow.None, string]("signalatclose.Last", activity.Options{})

var late = workflow.DefineSignal[int]("late")

var code = workflow.Define("signalatclose", func(ctx workflow.Context, _ workflow.None) (string, error) {
	return last.Execute(ctx, workflow.None{})
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
