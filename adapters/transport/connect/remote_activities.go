package connect

import (
	"context"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// CompleteActivity implements ports.Activities.
func (r *Remote) CompleteActivity(ctx context.Context, q ports.ActivityResult) (ports.WorkflowRef, error) {
	res, err := call(ctx, r.workflows.CompleteActivity, wire.EncodeComplete(q))
	return ended(q, res), err
}

// FailActivity implements ports.Activities.
func (r *Remote) FailActivity(ctx context.Context, q ports.ActivityResult) (ports.WorkflowRef, error) {
	res, err := call(ctx, r.workflows.FailActivity, wire.EncodeFail(q))
	return ended(q, res), err
}

// ended names the run whose attempt was ended; the namespace is what the caller gave.
func ended(q ports.ActivityResult, res interface {
	GetWorkflowId() string
	GetRunId() string
}) ports.WorkflowRef {
	if res.GetRunId() == "" {
		return ports.WorkflowRef{}
	}
	return ports.WorkflowRef{Namespace: q.Namespace, WorkflowID: model.WorkflowID(res.GetWorkflowId()), Run: model.RunID(res.GetRunId())}
}

// HeartbeatActivity implements ports.Activities.
func (r *Remote) HeartbeatActivity(ctx context.Context, q ports.ActivityBeat) (bool, error) {
	res, err := call(ctx, r.workflows.HeartbeatActivity, &aionv1.HeartbeatActivityRequest{
		Namespace: string(q.Namespace), Token: q.Token, Details: wire.EncodePayload(q.Details),
	})
	return res.GetCancelRequested(), err
}
