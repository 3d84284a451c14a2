package access

import (
	"context"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Update implements ports.Workflows.
func (g *Guard) Update(ctx context.Context, r ports.UpdateRequest) (ports.UpdateStatus, error) {
	return guarded(ctx, g, onRun("Update", r.Ref, model.RequestID(r.ID)), func(ports.Principal) (ports.UpdateStatus, error) { return g.next.Update(ctx, r) })
}

// UpdateWithStart implements ports.Workflows.
func (g *Guard) UpdateWithStart(ctx context.Context, r ports.UpdateStartRequest) (ports.UpdateStartResult, error) {
	return start(ctx, g, "UpdateWithStart", r.Start, func() (ports.UpdateStartResult, error) { return g.next.UpdateWithStart(ctx, r) })
}

// GetUpdate implements ports.Workflows.
func (g *Guard) GetUpdate(ctx context.Context, r ports.GetUpdateRequest) (ports.UpdateStatus, error) {
	return guarded(ctx, g, onRun("GetUpdate", r.Ref, ""), func(ports.Principal) (ports.UpdateStatus, error) { return g.next.GetUpdate(ctx, r) })
}
