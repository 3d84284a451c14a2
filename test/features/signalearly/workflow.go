// Package signalearly is a feature: signals that come before the code receives are kept in order [SIG-1].
package signalearly

import (
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var prepare = activity.Define[workflow.None, string]("signalearly.Prepare", activity.Options{})

var word = workflow.DefineSignal[string]("word")

var code = workflow.Define("signalearly", func(ctx workflow.Context, n int) (string, error) {
	out, err := prepare.Execute(ctx, workflow.None{})
	for range n {
		if err != nil {
			return "", err
		}
		var w string
		w, err = word.Receive(ctx)
		out += " " + w
	}
	return out, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
