package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

func (h workflows) UpdateWorkflow(ctx context.Context, req *connect.Request[aionv1.UpdateWorkflowRequest]) (*connect.Response[aionv1.UpdateWorkflowResponse], error) {
	r, err := wire.DecodeUpdate(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	out, err := h.s.Service.Update(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.UpdateWorkflowResponse{Update: wire.EncodeUpdateStatus(out)}), nil
}

func (h workflows) GetUpdate(ctx context.Context, req *connect.Request[aionv1.GetUpdateRequest]) (*connect.Response[aionv1.GetUpdateResponse], error) {
	r, err := wire.DecodeGetUpdate(req.Msg)
	if err != nil {
		return nil, err
	}
	out, err := h.s.Service.GetUpdate(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.GetUpdateResponse{Update: wire.EncodeUpdateStatus(out)}), nil
}
