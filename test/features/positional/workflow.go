// Package positional is a feature: time, random numbers and UUIDs are the same on every replay, whatever else has happened between [DET-1].
package positional

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var note = activity.Define[string, workflow.None]("positional.Note", activity.Options{})

var look = workflow.DefineQuery[workflow.None, string]("look")

var code = workflow.Define("positional", func(ctx workflow.Context, n int) (string, error) {
	last := ""
	look.Handle(ctx, func(workflow.None) (string, error) { return last, nil })
	for range n {
		last = fmt.Sprint(workflow.UUID(ctx), " ", workflow.Rand(ctx).IntN(1_000_000), " ", workflow.Now(ctx).Format(time.RFC3339Nano))
		if _, err := note.Execute(ctx, last); err != nil {
			return "", err
		}
		if err := workflow.Sleep(ctx, time.Duration(1+workflow.Rand(ctx).IntN(1000))*time.Millisecond); err != nil {
			return "", err
		}
	}
	return last + workflow.GetInfo(ctx).WorkflowID, nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
