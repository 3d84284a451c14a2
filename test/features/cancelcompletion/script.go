//go:build !wasip1

package cancelcompletion

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the cancel comes while the activity runs, which completes all the same; then one that comes after the end.
var Feature = feature.Feature{Script: func(f *feature.F) {
	aiontest.Handle(f.Env, work, func(ctx context.Context, _ workflow.None) (string, error) {
		_ = aiontest.Sleep(ctx, time.Minute) // a cancel wakes it, and changes nothing
		return "in time", nil
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: "cancel-first"})
	f.OK(r.Cancel("changed my mind"))
	feature.Result(f, r, "in time")
	r = aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: "completion-first"})
	feature.Result(f, r, "in time")
	f.Refused(r.Cancel("too late"), fault.NotRunning)
}}
