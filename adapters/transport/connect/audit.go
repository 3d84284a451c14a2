package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

func (h operator) ListAuditRecords(ctx context.Context, req *connect.Request[aionv1.ListAuditRecordsRequest]) (*connect.Response[aionv1.ListAuditRecordsResponse], error) {
	q, err := wire.DecodeAuditQuery(req.Msg, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	records, err := h.s.Service.Audit(ctx, q)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeAudit(req.Msg, records, q)), nil
}
