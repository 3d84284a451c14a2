package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (h workflows) CompleteActivity(ctx context.Context, req *connect.Request[aionv1.CompleteActivityRequest]) (*connect.Response[aionv1.CompleteActivityResponse], error) {
	r := wire.DecodeComplete(req.Msg)
	r.Identity = subject(ctx)
	ref, err := h.s.Service.CompleteActivity(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.CompleteActivityResponse{WorkflowId: string(ref.WorkflowID), RunId: string(ref.Run)}), nil
}

func (h workflows) FailActivity(ctx context.Context, req *connect.Request[aionv1.FailActivityRequest]) (*connect.Response[aionv1.FailActivityResponse], error) {
	r, err := wire.DecodeFail(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	ref, err := h.s.Service.FailActivity(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.FailActivityResponse{WorkflowId: string(ref.WorkflowID), RunId: string(ref.Run)}), nil
}

func (h workflows) HeartbeatActivity(ctx context.Context, req *connect.Request[aionv1.HeartbeatActivityRequest]) (*connect.Response[aionv1.HeartbeatActivityResponse], error) {
	canceled, err := h.s.Service.HeartbeatActivity(ctx, ports.ActivityBeat{
		Namespace: model.Namespace(req.Msg.GetNamespace()), Token: req.Msg.GetToken(), Details: wire.DecodePayload(req.Msg.GetDetails()),
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.HeartbeatActivityResponse{CancelRequested: canceled}), nil
}
