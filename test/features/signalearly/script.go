//go:build !wasip1

package signalearly

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: two signals come while an activity runs, one when the code waits.
var Feature = feature.Feature{Script: func(f *feature.F) {
	aiontest.Handle(f.Env, prepare, func(ctx context.Context, _ workflow.None) (string, error) {
		return "said:", aiontest.Sleep(ctx, time.Minute)
	})
	r := aiontest.StartWith(f.Env, code, 3, aiontest.StartOptions{ID: feature.ID})
	f.OK(aiontest.Signal(r, word, "one"))
	f.OK(aiontest.Signal(r, word, "two"))
	f.Env.Advance(time.Hour)
	f.OK(aiontest.Signal(r, word, "three"))
	feature.Result(f, r, "said: one two three")
}}
