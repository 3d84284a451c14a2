//go:build !wasip1

package retry

import (
	"context"
	"errors"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: failures of each kind.
var Feature = feature.Feature{Script: func(f *feature.F) {
	aiontest.Handle(f.Env, work, func(ctx context.Context, kind string) (uint32, error) {
		n := attempt.Info(ctx).Attempt
		switch {
		case kind == "broken":
			return 0, broken.Errorf("cannot work")
		case kind == "flaky" && n < 3, kind == "hopeless":
			return 0, errors.New("not now")
		case kind == "patient" && n == 1:
			return 0, activity.Type("busy").Errorf("come back").RetryAfter(time.Hour)
		}
		return n, nil
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	feature.Result(f, r, outcome{Flaky: 3, Patient: 2, Broken: 1, Hopeless: 4, Types: [2]activity.Type{broken, ""}})
	f.Took((1+3)*time.Second + time.Hour + (1+3+5)*time.Second)
}}
