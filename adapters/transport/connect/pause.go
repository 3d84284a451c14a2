package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

func (h workflows) PauseWorkflow(ctx context.Context, req *connect.Request[aionv1.PauseWorkflowRequest]) (*connect.Response[aionv1.PauseWorkflowResponse], error) {
	r, err := wire.DecodeEnd(req.Msg.GetWorkflow(), req.Msg.GetReason(), req.Msg.GetRequestId())
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	run, err := h.s.Service.Pause(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.PauseWorkflowResponse{RunId: string(run)}), nil
}

func (h workflows) ResumeWorkflow(ctx context.Context, req *connect.Request[aionv1.ResumeWorkflowRequest]) (*connect.Response[aionv1.ResumeWorkflowResponse], error) {
	r, err := wire.DecodeEnd(req.Msg.GetWorkflow(), req.Msg.GetReason(), req.Msg.GetRequestId())
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	run, err := h.s.Service.Resume(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.ResumeWorkflowResponse{RunId: string(run)}), nil
}
