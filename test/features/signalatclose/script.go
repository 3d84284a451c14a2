//go:build !wasip1

package signalatclose

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a signal while the last activity runs, and one after the end.
var Feature = feature.Feature{Script: func(f *feature.F) {
	aiontest.Handle(f.Env, last, func(ctx context.Context, _ workflow.None) (string, error) {
		return "done", aiontest.Sleep(ctx, time.Minute)
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	f.OK(aiontest.Signal(r, late, 1))
	feature.Result(f, r, "done")
	f.Refused(aiontest.Signal(r, late, 2), fault.NotRunning)
}}
