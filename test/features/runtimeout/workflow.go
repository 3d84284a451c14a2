// Package runtimeout is a feature: the time limit of a run, over a restart [START-5].
package runtimeout

import "github.com/aionrun/aion/sdk/workflow"

var never = workflow.DefineSignal[workflow.None]("never")

var code = workflow.Define("runtimeout", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
	return never.Receive(ctx)
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
