package memory

import (
	"context"
	"slices"

	"github.com/aionrun/aion/ports"
)

// PutAudit implements ports.Store.
func (s *Store) PutAudit(ctx context.Context, records []ports.AuditRecord, keep ports.AuditKeep) error {
	return s.change(ctx, func() error {
		for _, r := range records {
			s.auditID++
			r.ID, r.Time = s.auditID, sameTime(r.Time)
			s.audit = append(s.audit, r)
		}
		old := max(0, len(s.audit)-int(keep.Rows))
		for old < len(s.audit) && s.audit[old].Time.Before(keep.From) {
			old++
		}
		s.audit = slices.Delete(s.audit, 0, old)
		return nil
	})
}

// Audit implements ports.Store.
func (s *Store) Audit(ctx context.Context, q ports.AuditQuery) (out []ports.AuditRecord, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		for _, r := range slices.Backward(s.audit) {
			if len(out) == q.Limit {
				break
			}
			if (q.Before == 0 || r.ID < q.Before) && (q.Namespace == "" || r.Namespace == q.Namespace) && (q.Subject == "" || r.Subject == q.Subject) && (!q.Denied || r.Denied) {
				out = append(out, r)
			}
		}
		return nil
	})
	return out, err
}
