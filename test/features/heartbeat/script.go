//go:build !wasip1

package heartbeat

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the first attempt falls silent after a third of the files, and the second goes on there.
var Feature = feature.Feature{Script: func(f *feature.F) {
	copied := 0
	aiontest.Handle(f.Env, copying, func(ctx context.Context, files int) (int, error) {
		from, _, err := attempt.Details[int](ctx)
		if err != nil {
			return 0, err
		}
		for i := from; i < files; i++ {
			copied++
			if err := attempt.Heartbeat(ctx, i+1); err != nil {
				return 0, err
			}
			pause := 6 * time.Second
			if i+1 == files/3 {
				pause = time.Hour
			}
			if err := aiontest.Sleep(ctx, pause); err != nil {
				return 0, err
			}
		}
		return files - from, nil
	})
	r := aiontest.StartWith(f.Env, code, 9, aiontest.StartOptions{ID: feature.ID})
	feature.Result(f, r, 6)
	if copied != 9 {
		f.Errorf("%d files were copied", copied)
	}
}}
