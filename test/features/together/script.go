//go:build !wasip1

package together

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: each activity takes as many seconds as its number says, and those below zero fail.
var Feature = feature.Feature{AnyOrder: true, Script: func(f *feature.F) {
	aiontest.Handle(f.Env, work, func(ctx context.Context, i int) (int, error) {
		if err := aiontest.Sleep(ctx, time.Duration(max(i, -i))*time.Second); err != nil || i > 0 {
			return 2 * i, err
		}
		return 0, refused.Errorf("not below zero")
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	feature.Result(f, r, "[2 4 6 8 10] 1 20 [6 4] activity together.Work: not below zero canceled")
	f.Took((9 + 10 + 3 + 5) * time.Second)
}}
