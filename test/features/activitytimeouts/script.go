//go:build !wasip1

package activitytimeouts

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: an activity that never ends.
var Feature = feature.Feature{Script: func(f *feature.F) {
	aiontest.Handle(f.Env, work, func(ctx context.Context, _ string) (workflow.None, error) {
		return workflow.None{}, aiontest.Sleep(ctx, aiontest.Forever)
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	var want string
	for _, k := range []workflow.TimeoutKind{workflow.ScheduleToStart, workflow.StartToClose, workflow.Heartbeat, workflow.ScheduleToClose} {
		want += k.String() + ";"
	}
	feature.Result(f, r, want)
	f.Took(3*time.Minute + 200*time.Second)
}}
