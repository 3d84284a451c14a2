//go:build !wasip1

package detached

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a cancel after an hour.
var Feature = feature.Feature{Script: func(f *feature.F) {
	cleaned := ""
	aiontest.Handle(f.Env, clean, func(_ context.Context, s string) (string, error) {
		cleaned += s
		return s, nil
	})
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	f.Env.Advance(time.Hour)
	f.OK(r.Cancel("enough"))
	feature.Ends(f, r, "Canceled")
	f.Took(time.Hour + time.Minute)
	if cleaned != "room" {
		f.Errorf("cleaned %q", cleaned)
	}
}}
