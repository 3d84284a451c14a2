package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

func (h workflows) SignalWithStartWorkflow(ctx context.Context, req *connect.Request[aionv1.SignalWithStartWorkflowRequest]) (*connect.Response[aionv1.SignalWithStartWorkflowResponse], error) {
	r, err := wire.DecodeSignalStart(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Start.Identity = subject(ctx)
	out, err := h.s.Service.SignalWithStart(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeSignalStartResult(out)), nil
}

func (h workflows) UpdateWithStartWorkflow(ctx context.Context, req *connect.Request[aionv1.UpdateWithStartWorkflowRequest]) (*connect.Response[aionv1.UpdateWithStartWorkflowResponse], error) {
	r, err := wire.DecodeUpdateStart(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Start.Identity = subject(ctx)
	out, err := h.s.Service.UpdateWithStart(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeUpdateStartResult(out)), nil
}
