package access

import (
	"context"

	"github.com/aionrun/aion/ports"
)

// Fork implements ports.Workflows.
func (g *Guard) Fork(ctx context.Context, r ports.ForkRequest) (ports.ForkResult, error) {
	return guarded(ctx, g, onRun("Fork", r.Ref, r.RequestID), func(ports.Principal) (ports.ForkResult, error) { return g.next.Fork(ctx, r) })
}
