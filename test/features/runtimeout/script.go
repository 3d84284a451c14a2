//go:build !wasip1

package runtimeout

import (
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: nothing, but for a restart.
var Feature = feature.Feature{Script: func(f *feature.F) {
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID, RunTimeout: time.Hour})
	f.Env.Advance(time.Minute)
	f.Env.Restart()
	f.Is(feature.EndedBy(f, r, "TimedOut"), workflow.ErrTimeout{})
	f.Took(time.Hour)
}}
