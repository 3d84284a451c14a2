//go:build !wasip1

package selector

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a signal, then nothing for ten minutes, then the activity's result.
var Feature = feature.Feature{Script: func(f *feature.F) {
	n := 0
	aiontest.Handle(f.Env, work, func(ctx context.Context, _ workflow.None) (int, error) {
		n++
		return n, aiontest.Sleep(ctx, 20*time.Minute)
	})
	r := aiontest.StartWith(f.Env, code, 4, aiontest.StartOptions{ID: feature.ID})
	f.Env.Advance(5 * time.Minute)
	f.OK(aiontest.Signal(r, nudge, 7))
	f.OK(aiontest.Signal(r, nudge, 8))
	feature.Result(f, r, "nudge 7 <nil>;nudge 8 <nil>;nothing;work 1 <nil>;otherwise")
}}
