// Package saga is a feature: what was done is undone in reverse order when a step fails or the run is canceled [END-1].
package saga

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const soldOut = activity.Type("sold_out")

var (
	do   = activity.Define[string, workflow.None]("saga.Do", activity.Options{Retry: activity.Retry{MaximumAttempts: 2}})
	undo = activity.Define[string, workflow.None]("saga.Undo", activity.Options{})
)

var code = workflow.Define("saga", func(ctx workflow.Context, steps []string) (_ workflow.None, err error) {
	var saga workflow.Saga
	defer saga.End(ctx, &err)
	for _, s := range steps {
		undo.Compensate(&saga, s)
		if _, err := do.Execute(ctx, s); err != nil {
			return workflow.None{}, err
		}
	}
	return workflow.None{}, workflow.Sleep(ctx, time.Hour)
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
