//go:build !wasip1

package sending

import (
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: another workflow waits for signals, and the server is killed in between.
var Feature = feature.Feature{Script: func(f *feature.F) {
	other := aiontest.StartWith(f.Env, ear, 5, aiontest.StartOptions{ID: "other"})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	f.Env.Advance(30 * time.Second)
	f.Env.Restart()
	feature.Result(f, r, "abtrue true")
	feature.Ends(f, other, "Canceled")
}}
