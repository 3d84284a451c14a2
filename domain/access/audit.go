package access

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

func reason(err error) string { return fault.ReasonOf(err).String() }

// Audit implements ports.Audits: the audit of a namespace is its admins', that of all namespaces is of those who are admins of all.
func (g *Guard) Audit(ctx context.Context, q ports.AuditQuery) ([]ports.AuditRecord, error) {
	if q.Namespace == "" {
		return guarded(ctx, g, call{method: "AuditAll"}, func(ports.Principal) ([]ports.AuditRecord, error) { return g.next.Audit(ctx, q) })
	}
	return guarded(ctx, g, call{method: "Audit", ns: q.Namespace}, func(ports.Principal) ([]ports.AuditRecord, error) { return g.next.Audit(ctx, q) })
}
