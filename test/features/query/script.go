//go:build !wasip1

package query

import (
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: questions before, between and behind two signals.
var Feature = feature.Feature{Script: func(f *feature.F) {
	r := aiontest.StartWith(f.Env, code, 2, aiontest.StartOptions{ID: feature.ID})
	ask := func(want int) {
		f.Helper()
		for range 2 {
			if got, err := aiontest.Query(r, sum, 10); err != nil || got != 10*want {
				f.Errorf("the answer is %d, %v; want %d", got, err, 10*want)
			}
		}
	}
	ask(0)
	f.OK(aiontest.Signal(r, add, 3))
	ask(3)
	_, err := aiontest.Query(r, sum, 0)
	f.Refused(err, fault.QueryFailed)
	_, err = aiontest.Query(r, other, workflow.None{})
	f.Refused(err, fault.UnknownQuery)
	f.OK(aiontest.Signal(r, add, 4))
	feature.Result(f, r, 7)
	ask(7)
}}
