package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

func (h workflows) ForkWorkflow(ctx context.Context, req *connect.Request[aionv1.ForkWorkflowRequest]) (*connect.Response[aionv1.ForkWorkflowResponse], error) {
	r, err := wire.DecodeFork(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	out, err := h.s.Service.Fork(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeForkResult(out)), nil
}
