package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/model"
)

// operator serves OperatorService.
type operator struct{ s *server }

var _ aionv1connect.OperatorServiceHandler = operator{}

func (h operator) ListWorkers(ctx context.Context, req *connect.Request[aionv1.ListWorkersRequest]) (*connect.Response[aionv1.ListWorkersResponse], error) {
	all, err := h.s.Service.Workers(ctx, model.Namespace(req.Msg.GetNamespace()))
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodeWorkers(req.Msg, all, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (h operator) ListTaskQueues(ctx context.Context, req *connect.Request[aionv1.ListTaskQueuesRequest]) (*connect.Response[aionv1.ListTaskQueuesResponse], error) {
	all, err := h.s.Service.TaskQueues(ctx, model.Namespace(req.Msg.GetNamespace()))
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodeQueues(req.Msg, all, h.s.PageSize, h.s.Clock.Now())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}
