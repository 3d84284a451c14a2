//go:build !wasip1

package atmostonce

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the process ends while the activity runs.
var Feature = feature.Feature{Script: func(f *feature.F) {
	times := 0
	aiontest.Handle(f.Env, pay, func(ctx context.Context, _ workflow.None) (string, error) {
		times++
		return "paid", aiontest.Sleep(ctx, time.Hour)
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	f.Env.Wait()
	f.Env.Restart()
	feature.Result(f, r, "lost")
	if times != 1 {
		f.Errorf("paid %d times", times)
	}
}}
