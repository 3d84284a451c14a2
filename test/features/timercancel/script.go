//go:build !wasip1

package timercancel

import (
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the timer is canceled a nanosecond before it is due, by the code and with the run; and it fires.
var Feature = feature.Feature{Script: func(f *feature.F) {
	byCode := aiontest.StartWith(f.Env, code, time.Hour, aiontest.StartOptions{ID: "by-code"})
	f.Env.Advance(time.Hour - 1)
	f.OK(aiontest.Signal(byCode, stop, workflow.None{}))
	feature.Result(f, byCode, "canceled")
	byRun := aiontest.StartWith(f.Env, code, time.Hour, aiontest.StartOptions{ID: "by-run"})
	f.Env.Advance(time.Hour - 1)
	f.OK(byRun.Cancel("no more"))
	feature.Ends(f, byRun, "Canceled")
	fired := aiontest.StartWith(f.Env, code, time.Hour, aiontest.StartOptions{ID: "fired"})
	f.Env.Advance(time.Hour)
	feature.Result(f, fired, "fired")
	f.Refused(aiontest.Signal(fired, stop, workflow.None{}), fault.NotRunning)
	f.Took(3*time.Hour - 2)
}}
