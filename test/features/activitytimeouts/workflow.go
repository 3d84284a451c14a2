// Package activitytimeouts is a feature: the four time limits of an activity [ACT-4].
package activitytimeouts

import (
	"errors"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	once = activity.Retry{MaximumAttempts: 1}
	work = activity.Define[string, workflow.None]("activitytimeouts.Work", activity.Options{})
)

var code = workflow.Define("activitytimeouts", func(ctx workflow.Context, _ workflow.None) (string, error) {
	var out string
	for _, o := range []activity.Options{
		{ScheduleToStart: time.Minute, TaskQueue: "nobody"},
		{StartToClose: time.Minute, Retry: once},
		{Heartbeat: time.Minute, Retry: once},
		{ScheduleToClose: 200 * time.Second, StartToClose: time.Minute, Retry: activity.Retry{InitialInterval: 30 * time.Second, Coefficient: 1}},
	} {
		_, err := work.With(o).Execute(ctx, "sleep")
		var timeout workflow.ErrTimeout
		if !errors.As(err, &timeout) {
			return out, err
		}
		out += timeout.Kind.String() + ";"
	}
	return out, nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
