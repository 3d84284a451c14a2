package access

import (
	"context"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// TaskQueue implements ports.Operator.
func (g *Guard) TaskQueue(ctx context.Context, ns model.Namespace, name model.TaskQueue) (ports.QueueDescription, error) {
	return guarded(ctx, g, call{method: "TaskQueue", ns: ns}, func(ports.Principal) (ports.QueueDescription, error) { return g.next.TaskQueue(ctx, ns, name) })
}

// SetTaskQueue implements ports.Operator.
func (g *Guard) SetTaskQueue(ctx context.Context, s ports.QueueSettings) error {
	_, err := guarded(ctx, g, call{method: "SetTaskQueue", ns: s.Namespace, object: "task queue " + string(s.Name)},
		func(ports.Principal) (struct{}, error) { return struct{}{}, g.next.SetTaskQueue(ctx, s) })
	return err
}
