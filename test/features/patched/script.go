//go:build !wasip1

package patched

import (
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: two runs, one with a restart in the middle.
var Feature = feature.Feature{Script: func(f *feature.F) {
	once := aiontest.StartWith(f.Env, code, 1, aiontest.StartOptions{ID: "once"})
	f.Env.Advance(time.Second)
	feature.Result(f, once, "s!")
	again := aiontest.StartWith(f.Env, code, 3, aiontest.StartOptions{ID: "again"})
	f.Env.Advance(time.Second)
	f.Env.Restart()
	f.Env.Advance(2 * time.Second)
	feature.Result(f, again, "sss!")
	f.Took(4 * time.Second)
}}
