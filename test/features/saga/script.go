//go:build !wasip1

package saga

import (
	"context"
	"strings"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a step that fails for good, a cancel behind the last step, and a run that needs no undoing.
var Feature = feature.Feature{Script: func(f *feature.F) {
	var did []string
	aiontest.Handle(f.Env, do, func(_ context.Context, s string) (workflow.None, error) {
		if s == "car" {
			return workflow.None{}, soldOut.Errorf("no car is left").NonRetryable()
		}
		did = append(did, "+"+s)
		return workflow.None{}, nil
	})
	aiontest.Handle(f.Env, undo, func(_ context.Context, s string) (workflow.None, error) {
		did = append(did, "-"+s)
		return workflow.None{}, nil
	})
	r := aiontest.StartWith(f.Env, code, []string{"flight", "hotel", "car"}, aiontest.StartOptions{ID: "failed"})
	f.Is(feature.EndedBy(f, r, "Failed"), soldOut)
	r = aiontest.StartWith(f.Env, code, []string{"flight"}, aiontest.StartOptions{ID: "canceled"})
	f.Env.Advance(time.Minute)
	f.OK(r.Cancel("stay at home"))
	feature.Ends(f, r, "Canceled")
	r = aiontest.StartWith(f.Env, code, []string{"flight"}, aiontest.StartOptions{ID: "completed"})
	feature.Result(f, r, workflow.None{})
	if got, want := strings.Join(did, " "), "+flight +hotel -car -hotel -flight +flight -flight +flight"; got != want {
		f.Errorf("did %s, want %s", got, want)
	}
}}
