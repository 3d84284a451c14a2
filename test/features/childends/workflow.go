// Package childends is a feature: a parent starts children and hears once how each ends [CHILD-1] [CHILD-2]; one continues as new, one fails, one is canceled,
// one is not started at all, one is left behind and terminated [CHILD-3].
package childends

import (
	"errors"
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const broken activity.Type = "broken"

var child = workflow.Define("childends.Child", func(ctx workflow.Context, how string) (string, error) {
	switch how {
	case "fail":
		return "", broken.Errorf("as asked")
	case "again":
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return "", err
		}
		return "", workflow.ContinueAsNew(ctx, "well")
	case "sleep":
		return "", workflow.Sleep(ctx, time.Hour)
	}
	return how, nil
})

var code = workflow.Define("childends", func(ctx workflow.Context, _ workflow.None) (string, error) {
	again := child.StartChild(ctx, "again")
	_, failed := child.ExecuteChild(ctx, "fail", workflow.ChildOptions{ID: "failing"})
	sleeper := child.StartChild(ctx, "sleep", workflow.ChildOptions{ID: "sleeping"})
	run, err := sleeper.Started(ctx)
	if err != nil {
		return "", err
	}
	_, exists := child.ExecuteChild(ctx, "x", workflow.ChildOptions{ID: "sleeping"})
	sleeper.Cancel()
	_, canceled := sleeper.Get(ctx)
	child.StartChild(ctx, "sleep", workflow.ChildOptions{ID: "left"})
	well, err := again.Get(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(well, errors.Is(failed, broken), run.ID, errors.Is(exists, workflow.ErrChildExists), errors.Is(canceled, workflow.ErrCanceled)), nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code, child} }
