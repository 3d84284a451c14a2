//go:build !wasip1

package canceltypes

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the activity gives up when it is told to.
var Feature = feature.Feature{Script: func(f *feature.F) {
	stopped := 0
	aiontest.Handle(f.Env, work, func(ctx context.Context, s string) (string, error) {
		if err := aiontest.Sleep(ctx, time.Hour); err == nil {
			return s, nil
		}
		stopped++
		return "", activity.Canceled.Errorf("stopped: %w", workflow.ErrCanceled).WithDetails("half")
	})
	for _, c := range []struct {
		kind    activity.Cancellation
		want    string
		stopped int
	}{{activity.TryCancel, "00:01:00", 1}, {activity.WaitCancel, "01:01:00half", 2}, {activity.Abandon, "02:01:00", 2}} {
		r := aiontest.StartWith(f.Env, code, c.kind, aiontest.StartOptions{ID: "cancel-" + c.want})
		feature.Result(f, r, c.want)
		if stopped != c.stopped {
			f.Errorf("after %v %d activities were stopped, want %d", c.kind, stopped, c.stopped)
		}
		f.Env.Advance(f.Env.Now().Truncate(time.Hour).Add(time.Hour).Sub(f.Env.Now()))
	}
}}
