// Package heartbeat is a feature: the last details of an attempt that is lost are given to the next one [ACT-5, ACT-6].
package heartbeat

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var copying = activity.Define[int, int]("heartbeat.Copy", activity.Options{Heartbeat: 10 * time.Second, Retry: activity.Retry{InitialInterval: time.Second}})

var code = workflow.Define("heartbeat", func(ctx workflow.Context, files int) (int, error) { return copying.Execute(ctx, files) })

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
