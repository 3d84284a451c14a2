// Package detached is a feature: clean-up code goes on in a detached scope while the run is canceled [END-1].
package detached

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var clean = activity.Define[string, string]("detached.Clean", activity.Options{})

var code = workflow.Define("detached", func(ctx workflow.Context, _ workflow.None) (string, error) {
	err := workflow.Sleep(ctx, 24*time.Hour)
	if err == nil {
		return "slept", nil
	}
	d := workflow.Detached(ctx)
	if _, e := clean.Execute(ctx, "refused"); e == nil {
		return "the canceled scope still works", nil
	}
	if e := workflow.Sleep(d, time.Minute); e != nil {
		return "", e
	}
	if _, e := clean.Execute(d, "room"); e != nil {
		return "", e
	}
	return "", err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
