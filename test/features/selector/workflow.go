// Package selector is a feature: Select takes what is ready, in the order of its cases, and gives up the rest [TMR-2].
package selector

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var work = activity.Define[workflow.None, int]("selector.Work", activity.Options{})

var nudge = workflow.DefineSignal[int]("nudge")

var code = workflow.Define("selector", func(ctx workflow.Context, rounds int) (string, error) {
	done := work.Start(ctx, workflow.None{})
	out := ""
	for range rounds {
		if err := workflow.Select(ctx,
			workflow.On(done, func(v int, err error) {
				out += fmt.Sprint("work ", v, err, ";")
				done = work.Start(ctx, workflow.None{})
			}),
			nudge.On(func(v int, err error) { out += fmt.Sprint("nudge ", v, err, ";") }),
			workflow.After(10*time.Minute, func() { out += "nothing;" }),
		); err != nil {
			return "", err
		}
	}
	err := workflow.Select(ctx, nudge.On(func(int, error) { out += "nudge" }), workflow.Otherwise(func() { out += "otherwise" }))
	return out, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
