package connect_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
	"github.com/aionrun/aion/sdk/client"
)

// [UPD-1] [UPD-2] [UPD-4] The SDK's client sends updates, waits for them as long as it takes, and tells their ends apart.
func TestSDKUpdates(t *testing.T) {
	ctx := context.Background()
	done := model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"changed"`)}
	asked := 0
	s := &transporttest.Service{Reply: func(_ context.Context, c transporttest.Call) (any, error) {
		status := ports.UpdateStatus{Run: "r1", Stage: ports.UpdateAccepted}
		switch r := c.Request.(type) {
		case ports.UpdateRequest:
			if status.ID = r.ID; r.Ref.WorkflowID == "rejects" {
				return nil, fault.New(fault.UpdateRejected, "no").With("failure_type", string(declined))
			}
			if r.Name != "Change" || string(r.Input.Data) != "7" || r.ID == "" || r.Identity != "ada" {
				return nil, fault.Invalidf("got %+v", r)
			}
			if r.Ref.WorkflowID == "blocked" {
				status.Blocked = &ports.BlockedInfo{What: "panic", Message: "oh"}
			}
			return status, nil
		case ports.GetUpdateRequest:
			if status.ID = r.ID; r.Ref.WorkflowID == "fails" {
				status.Stage, status.Failure = ports.UpdateCompleted, &model.Failure{Type: string(declined), Message: "no funds"}
				return status, nil
			}
			if asked++; asked > 2 {
				status.Stage, status.Result = ports.UpdateCompleted, done
			}
			return status, nil
		case ports.UpdateStartRequest:
			status.ID, status.Stage, status.Result = r.ID, ports.UpdateCompleted, done
			if r.Start.Type != "Hello" || r.Start.WorkflowID != "w" || r.ID != "mine" {
				return nil, fault.Invalidf("got %+v", r)
			}
			return ports.UpdateStartResult{Start: ports.StartResult{WorkflowID: "w", Run: "r1", Started: true}, Update: status}, nil
		case ports.SignalStartRequest:
			if r.Start.RequestID == "" || r.Start.WorkflowID != "w" || r.Name != "Approve" || string(r.Input.Data) != "true" {
				return nil, fault.Invalidf("got %+v", r)
			}
			return ports.StartResult{WorkflowID: "w", Run: "r1", Started: true}, nil
		}
		return nil, nil
	}}
	c := sdkClient(t, s)
	if out, err := client.Update(ctx, c, client.ID("w"), change, 7); err != nil || out != "changed" || asked != 3 {
		t.Errorf("update: got %q, %v after %d questions", out, err, asked)
	}
	u, err := client.StartUpdate(ctx, c, client.ID("w"), change, 7, client.UpdateOptions{ID: "mine"})
	if err != nil || u.ID() != "mine" || u.Ref() != (client.Ref{ID: "w", RunID: "r1"}) {
		t.Fatalf("start update: %+v, %v", u, err)
	}
	if out, err := u.Result(ctx); err != nil || out != "changed" {
		t.Errorf("its result: %q, %v", out, err)
	}
	if out, err := client.GetUpdate(c, change, client.ID("w"), "mine").Result(ctx); err != nil || out != "changed" {
		t.Errorf("get update: %q, %v", out, err)
	}
	var failed *client.UpdateError
	if _, err := client.Update(ctx, c, client.ID("fails"), change, 7); !errors.As(err, &failed) || !errors.Is(err, declined) || failed.Closed {
		t.Errorf("a failed update: %v", err)
	}
	_, err = client.Update(ctx, c, client.ID("rejects"), change, 7)
	if typ, ok := client.Rejected(err); !ok || typ != string(declined) || client.ReasonOf(err) != client.UpdateRejected {
		t.Errorf("a rejected update: %v", err)
	}
	var blocked *client.BlockedError
	if _, err := client.Update(ctx, c, client.ID("blocked"), change, 7); !errors.As(err, &blocked) || blocked.What != "panic" {
		t.Errorf("an update of a blocked run: %v", err)
	}
	run, u, err := client.UpdateWithStart(ctx, c, hello, in{"Ada"}, client.StartOptions{ID: "w"}, change, 7, client.UpdateOptions{ID: "mine"})
	if err != nil || !run.Started() || run.RunID() != "r1" {
		t.Fatalf("update with start: %+v, %v", run, err)
	}
	if out, err := u.Result(ctx); err != nil || out != "changed" {
		t.Errorf("its result: %q, %v", out, err)
	}
	run, err = client.SignalWithStart(ctx, c, hello, in{"Ada"}, client.StartOptions{ID: "w"}, approve, true)
	if err != nil || !run.Started() || run.ID() != "w" {
		t.Errorf("signal with start: %+v, %v", run, err)
	}
}
