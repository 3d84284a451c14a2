//go:build !wasip1

package coroutines

import (
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: time passes, over a restart.
var Feature = feature.Feature{Script: func(f *feature.F) {
	r := aiontest.StartWith(f.Env, code, 5, aiontest.StartOptions{ID: feature.ID})
	f.Env.Advance(2 * time.Second)
	f.Env.Restart()
	feature.Result(f, r, "0123443210!")
	f.Took(5 * time.Second)
}}
