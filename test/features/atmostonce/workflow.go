// Package atmostonce is a feature: an activity that must not happen twice is not repeated when its attempt is lost [ACT-10].
package atmostonce

import (
	"errors"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var pay = activity.Define[workflow.None, string]("atmostonce.Pay", activity.Options{AtMostOnce: true})

var code = workflow.Define("atmostonce", func(ctx workflow.Context, _ workflow.None) (string, error) {
	s, err := pay.Execute(ctx, workflow.None{})
	if errors.Is(err, activity.WorkerLost) {
		return "lost", nil
	}
	return s, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
