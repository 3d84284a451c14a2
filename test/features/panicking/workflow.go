// Package panicking is a feature: a panic blocks the run, in both runtimes alike, and hurts no other [DET-3].
package panicking

import "github.com/aionrun/aion/sdk/workflow"

var pick = workflow.DefineSignal[int]("pick")

var code = workflow.Define("panicking", func(ctx workflow.Context, values []int) (int, error) {
	i, err := pick.Receive(ctx)
	if err != nil {
		return 0, err
	}
	return values[i], nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
