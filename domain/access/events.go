package access

import (
	"context"

	"github.com/aionrun/aion/ports"
)

// Subscribe implements ports.Events.
func (g *Guard) Subscribe(ctx context.Context, r ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	c := call{"Subscribe", r.Namespace, object(ports.WorkflowRef{WorkflowID: r.WorkflowID, Run: r.Run}), ""}
	_, err := guarded(ctx, g, c, func(ports.Principal) (struct{}, error) { return struct{}{}, g.next.Subscribe(ctx, r, deliver) })
	return err
}
