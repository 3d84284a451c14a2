//go:build !wasip1

package childends

import (
	"context"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: the server is killed while the parent waits for its children.
var Feature = feature.Feature{AnyOrder: true, Script: func(f *feature.F) {
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	f.Env.Restart()
	f.Env.Advance(30 * time.Second)
	f.Env.Restart()
	feature.Result(f, r, "welltruesleepingtrue true")
	f.Env.Wait()
	o, err := f.Env.Engine().Result(context.Background(), ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: "left"}})
	f.OK(err)
	if o.Status != model.StatusTerminated {
		f.Errorf("the child that was left is %v", o.Status)
	}
}}
