// Package retry is a feature: attempts are repeated by the policy, by what the worker demands, and not for an error that forbids it [ACT-3].
package retry

import (
	"errors"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const broken = activity.Type("broken")

var work = activity.Define[string, uint32]("retry.Work", activity.Options{
	Retry: activity.Retry{InitialInterval: time.Second, Coefficient: 3, MaximumInterval: 5 * time.Second, MaximumAttempts: 4, NonRetryable: []activity.Type{broken}},
})

// outcome says how each kind of work ended.
type outcome struct {
	Flaky, Patient, Broken, Hopeless uint32
	Types                            [2]activity.Type
}

var code = workflow.Define("retry", func(ctx workflow.Context, _ workflow.None) (out outcome, err error) {
	if out.Flaky, err = work.Execute(ctx, "flaky"); err != nil {
		return out, err
	}
	if out.Patient, err = work.Execute(ctx, "patient"); err != nil {
		return out, err
	}
	for i, kind := range []string{"broken", "hopeless"} {
		_, err := work.Execute(ctx, kind)
		var e *activity.Error
		if !errors.As(err, &e) {
			return out, err
		}
		out.Types[i] = e.Type
		if i == 0 {
			out.Broken = e.Attempt
		} else {
			out.Hopeless = e.Attempt
		}
	}
	return out, nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
