//go:build !wasip1

package positional

import (
	"context"
	"strings"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a query and a restart between the steps, which change no value.
var Feature = feature.Feature{Script: func(f *feature.F) {
	var notes []string
	aiontest.Handle(f.Env, note, func(_ context.Context, s string) (workflow.None, error) {
		notes = append(notes, s)
		return workflow.None{}, nil
	})
	r := aiontest.StartWith(f.Env, code, 3, aiontest.StartOptions{ID: feature.ID})
	f.Env.Wait()
	if got, err := aiontest.Query(r, look, workflow.None{}); err != nil || got != notes[0] {
		f.Errorf("the query gave %q, %v", got, err)
	}
	f.Env.Restart()
	out, err := r.Result()
	f.OK(err)
	if len(notes) != 3 || !strings.HasPrefix(out, notes[2]) || notes[0] == notes[1] {
		f.Errorf("noted %q, result %q", notes, out)
	}
}}
