// Package cancelcompletion is a feature: a cancel against the completion of what it would cancel [END-1, ACT-8].
package cancelcompletion

import (
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var work = activity.Define[workflow.None, string]("cancelcompletion.Work", activity.Options{Cancellation: activity.WaitCancel})

var code = workflow.Define("cancelcompletion", func(ctx workflow.Context, _ workflow.None) (string, error) {
	return work.Execute(ctx, workflow.None{})
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
