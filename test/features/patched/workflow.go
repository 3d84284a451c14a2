// Package patched is a feature: code that asks for its patches gets the same answer for a whole run, over a restart [DET-5].
package patched

import (
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

var code = workflow.Define("patched", func(ctx workflow.Context, rounds int) (string, error) {
	out := ""
	for range rounds {
		if workflow.Patched(ctx, "shorter") {
			out += "s"
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return "", err
			}
		} else if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return "", err
		}
	}
	if workflow.Patched(ctx, "shorter") && workflow.Patched(ctx, "exclaim") {
		out += "!"
	}
	return out, nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
