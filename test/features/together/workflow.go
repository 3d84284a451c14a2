// Package together is a feature: Map, Race and All wait for several things, and give up the rest at the first error [ACT-8].
package together

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const refused = activity.Type("refused")

var work = activity.Define[int, int]("together.Work", activity.Options{Retry: activity.Retry{MaximumAttempts: 1}})

var code = workflow.Define("together", func(ctx workflow.Context, _ workflow.None) (string, error) {
	doubled, err := workflow.Map(ctx, []int{1, 2, 3, 4, 5}, 2, func(ctx workflow.Context, i int) (int, error) { return work.Execute(ctx, i) })
	if err != nil {
		return "", err
	}
	who, first, err := workflow.Race(ctx, work.Start(ctx, 30), work.Start(ctx, 10), work.Start(ctx, 20))
	if err != nil {
		return "", err
	}
	all, err := workflow.All(ctx, work.Start(ctx, 3), work.Start(ctx, 2))
	if err != nil {
		return "", err
	}
	_, bad := workflow.All(ctx, work.Start(ctx, 60), work.Start(ctx, -5))
	long := workflow.NewTimer(ctx, time.Hour)
	long.Cancel()
	_, canceled := long.Get(ctx)
	return fmt.Sprint(doubled, who, first, all, bad, canceled), nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
