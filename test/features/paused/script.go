//go:build !wasip1

package paused

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: two signals, a timer and a restart while the run is paused, and one that ends paused.
var Feature = feature.Feature{Script: func(f *feature.F) {
	asked := 0
	aiontest.Handle(f.Env, ask, func(_ context.Context, s string) (string, error) { asked++; return s, nil })
	hold := func(do func(context.Context, ports.EndRequest) (model.RunID, error), id model.WorkflowID, request model.RequestID) {
		_, err := do(context.Background(), ports.EndRequest{Ref: ports.WorkflowRef{WorkflowID: id}, RequestID: request, Reason: "because"})
		f.OK(err)
	}
	r := aiontest.StartWith(f.Env, code, struct{}{}, aiontest.StartOptions{ID: "held"})
	f.Env.Wait()
	hold(f.Env.Engine().Pause, "held", "p1")
	hold(f.Env.Engine().Pause, "held", "p2")
	f.OK(aiontest.Signal(r, note, "a"))
	f.Env.Restart()
	f.Env.Advance(time.Hour)
	f.OK(aiontest.Signal(r, note, "b"))
	if asked != 0 {
		f.Errorf("an activity ran while the run was paused")
	}
	hold(f.Env.Engine().Resume, "held", "r1")
	feature.Result(f, r, "ab")
	ended := aiontest.StartWith(f.Env, code, struct{}{}, aiontest.StartOptions{ID: "ended"})
	f.Env.Wait()
	hold(f.Env.Engine().Pause, "ended", "p3")
	hold(f.Env.Engine().Terminate, "ended", "t1")
	feature.Ends(f, ended, "Terminated")
}}
