package engine

import (
	"context"

	"github.com/aionrun/aion/ports"
)

// Audit implements ports.Audits.
func (e *Engine) Audit(ctx context.Context, q ports.AuditQuery) ([]ports.AuditRecord, error) {
	if q.Namespace != "" {
		if _, err := e.ns.Resolve(ctx, q.Namespace, false); err != nil {
			return nil, err
		}
	}
	return e.store.Audit(ctx, q)
}
