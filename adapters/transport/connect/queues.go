package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
)

func (h operator) DescribeTaskQueue(ctx context.Context, req *connect.Request[aionv1.DescribeTaskQueueRequest]) (*connect.Response[aionv1.DescribeTaskQueueResponse], error) {
	out, err := h.s.Service.TaskQueue(ctx, model.Namespace(req.Msg.GetNamespace()), model.TaskQueue(req.Msg.GetName()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeQueueDescription(out, h.s.Clock.Now())), nil
}

func (h operator) SetTaskQueue(ctx context.Context, req *connect.Request[aionv1.SetTaskQueueRequest]) (*connect.Response[aionv1.SetTaskQueueResponse], error) {
	s := wire.DecodeQueueSettings(req.Msg.GetSettings())
	s.Namespace, s.Name = model.Namespace(req.Msg.GetNamespace()), model.TaskQueue(req.Msg.GetName())
	if err := h.s.Service.SetTaskQueue(ctx, s); err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.SetTaskQueueResponse{}), nil
}
