package connect

import (
	"context"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// TaskQueue implements ports.Operator.
func (r *Remote) TaskQueue(ctx context.Context, ns model.Namespace, name model.TaskQueue) (ports.QueueDescription, error) {
	res, err := call(ctx, r.operator.DescribeTaskQueue, &aionv1.DescribeTaskQueueRequest{Namespace: string(ns), Name: string(name)})
	if err != nil {
		return ports.QueueDescription{}, err
	}
	return wire.DecodeQueueDescription(res, wallClock{}.Now()), nil
}

// SetTaskQueue implements ports.Operator.
func (r *Remote) SetTaskQueue(ctx context.Context, s ports.QueueSettings) error {
	_, err := call(ctx, r.operator.SetTaskQueue, &aionv1.SetTaskQueueRequest{Namespace: string(s.Namespace), Name: string(s.Name), Settings: wire.EncodeQueueSettings(s)})
	return err
}
