package connect

import (
	"context"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/ports"
)

// Audit implements ports.Audits; q.Before is passed over: it reads from the newest record on.
func (r *Remote) Audit(ctx context.Context, q ports.AuditQuery) ([]ports.AuditRecord, error) {
	var out []ports.AuditRecord
	req := &aionv1.ListAuditRecordsRequest{Namespace: string(q.Namespace), Subject: q.Subject, Denied: q.Denied}
	for {
		req.PageSize = uint32(min(q.Limit-len(out), 1000))
		res, err := call(ctx, r.operator.ListAuditRecords, req)
		if err != nil {
			return nil, err
		}
		out = append(out, mapped(res.GetRecords(), wire.DecodeAuditRecord)...)
		if req.PageToken = res.GetNextPageToken(); req.PageToken == "" || len(out) >= q.Limit {
			return out, nil
		}
	}
}
