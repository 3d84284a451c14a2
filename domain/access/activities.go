package access

import (
	"context"

	"github.com/aionrun/aion/ports"
)

// CompleteActivity implements ports.Activities.
func (g *Guard) CompleteActivity(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	return guarded(ctx, g, call{method: "CompleteActivity", ns: r.Namespace, object: "an attempt by its token", request: r.RequestID},
		func(ports.Principal) (ports.WorkflowRef, error) { return g.next.CompleteActivity(ctx, r) })
}

// FailActivity implements ports.Activities.
func (g *Guard) FailActivity(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	return guarded(ctx, g, call{method: "FailActivity", ns: r.Namespace, object: "an attempt by its token", request: r.RequestID},
		func(ports.Principal) (ports.WorkflowRef, error) { return g.next.FailActivity(ctx, r) })
}

// HeartbeatActivity implements ports.Activities.
func (g *Guard) HeartbeatActivity(ctx context.Context, r ports.ActivityBeat) (bool, error) {
	return guarded(ctx, g, call{method: "HeartbeatActivity", ns: r.Namespace}, func(ports.Principal) (bool, error) { return g.next.HeartbeatActivity(ctx, r) })
}
