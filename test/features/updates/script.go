//go:build !wasip1

package updates

import (
	"context"
	"fmt"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: updates of each kind, one of them twice and over a restart, and two that the end of the run finds open.
var Feature = feature.Feature{Script: func(f *feature.F) {
	aiontest.Handle(f.Env, pack, func(_ context.Context, n int) (string, error) { return fmt.Sprintf("a parcel of %d", n), nil })
	r := aiontest.StartWith(f.Env, code, workflow.None{}, aiontest.StartOptions{ID: feature.ID})
	send := func(id, name string, in any) (ports.UpdateStatus, error) {
		p, err := workflow.NewPayload(in)
		f.OK(err)
		return f.Env.Engine().Update(context.Background(), ports.UpdateRequest{
			Ref: ports.WorkflowRef{WorkflowID: feature.ID}, ID: model.UpdateID(id), Name: model.UpdateName(name), Input: model.Payload(p),
		})
	}
	answers := func(id, name string, in any, want string) {
		f.Helper()
		s, err := send(id, name, in)
		f.OK(err)
		f.Env.Wait()
		if s, err = f.Env.Engine().GetUpdate(context.Background(), ports.GetUpdateRequest{Ref: ports.WorkflowRef{WorkflowID: feature.ID}, ID: s.ID}); err != nil || string(s.Result.Data) != want {
			f.Errorf("update %s gave %s %+v, %v; want %s", id, s.Result.Data, s.Failure, err, want)
		}
	}
	answers("1", "add", 4, "4")
	f.Env.Restart()
	answers("1", "add", 4, "4")
	_, err := send("2", "add", 7)
	f.Refused(err, fault.UpdateRejected)
	_, err = send("3", "sub", 7)
	f.Refused(err, fault.UpdateRejected)
	answers("2", "add", 6, "10")
	answers("4", "ship", "Rome", `"a parcel of 10 to Rome"`)
	if s, err := send("5", "ship", ""); err != nil || s.Failure == nil || s.Failure.Type != "nowhere" {
		f.Errorf("%+v, %v", s, err)
	}
	for _, id := range []string{"6", "7"} {
		if s, err := send(id, "wait", nil); err != nil || s.Stage != ports.UpdateAccepted {
			f.Errorf("%+v, %v", s, err)
		}
	}
	f.Env.Advance(time.Hour)
	f.Env.Restart()
	f.OK(aiontest.Signal(r, done, workflow.None{}))
	feature.Result(f, r, 10)
	if s, err := send("7", "wait", nil); err != nil || s.Failure == nil || s.Failure.Type != model.FailureRunClosed {
		f.Errorf("%+v, %v", s, err)
	}
}}
