//go:build !wasip1

package terminate

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the run is terminated while it sleeps and its activity runs.
var Feature = feature.Feature{Script: func(f *feature.F) {
	began, stopped := 0, 0
	aiontest.Handle(f.Env, work, func(ctx context.Context, _ workflow.None) (workflow.None, error) {
		began++
		err := aiontest.Sleep(ctx, 24*time.Hour)
		if err != nil {
			stopped++
		}
		return workflow.None{}, err
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	f.Env.Advance(time.Minute)
	f.OK(r.Terminate("wrong customer"))
	if e := feature.EndedBy(f, r, "Terminated"); e.Reason != "wrong customer" {
		f.Errorf("the reason is %q", e.Reason)
	}
	f.Env.Advance(2 * time.Hour)
	if began != 1 || stopped != 1 {
		f.Errorf("%d activities began, %d were stopped", began, stopped)
	}
	f.Refused(r.Terminate("again"), fault.NotRunning)
}}
