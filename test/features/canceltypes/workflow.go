// Package canceltypes is a feature: what becomes of a running activity that its workflow cancels: tried, waited for, abandoned [ACT-8].
package canceltypes

import (
	"errors"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var work = activity.Define[string, string]("canceltypes.Work", activity.Options{})

var code = workflow.Define("canceltypes", func(ctx workflow.Context, kind activity.Cancellation) (string, error) {
	inner, cancel := workflow.WithCancel(ctx)
	f := work.With(activity.Options{Cancellation: kind}).Start(inner, "work")
	if err := workflow.Sleep(ctx, time.Minute); err != nil {
		return "", err
	}
	cancel()
	_, err := f.Get(ctx)
	if !errors.Is(err, workflow.ErrCanceled) {
		return "not canceled", err
	}
	var e *activity.Error
	details := ""
	if errors.As(err, &e) {
		err = e.Details(&details)
	}
	return workflow.Now(ctx).Format(time.TimeOnly) + details, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
