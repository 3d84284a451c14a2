package wire

import (
	"encoding/binary"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func auditScope(r *aionv1.ListAuditRecordsRequest) Scope {
	denied := ""
	if r.GetDenied() {
		denied = "denied"
	}
	return Scope{"audit", r.GetNamespace(), r.GetSubject(), denied}
}

// DecodeAuditQuery reads what a page is asked for. InvalidPageToken.
func DecodeAuditQuery(r *aionv1.ListAuditRecordsRequest, limit int) (ports.AuditQuery, error) {
	cursor, err := DecodeToken(auditScope(r), r.GetPageToken())
	if err != nil {
		return ports.AuditQuery{}, err
	}
	q := ports.AuditQuery{Namespace: model.Namespace(r.GetNamespace()), Subject: r.GetSubject(), Denied: r.GetDenied(), Limit: PageSize(r.GetPageSize(), limit)}
	if cursor != nil {
		if len(cursor) != 8 {
			return ports.AuditQuery{}, fault.New(fault.InvalidPageToken, "page_token is damaged").Hinted("list from the beginning without page_token")
		}
		q.Before = int64(binary.BigEndian.Uint64(cursor))
	}
	return q, nil
}

// EncodeAudit writes a page.
func EncodeAudit(r *aionv1.ListAuditRecordsRequest, records []ports.AuditRecord, q ports.AuditQuery) *aionv1.ListAuditRecordsResponse {
	out := &aionv1.ListAuditRecordsResponse{}
	for _, a := range records {
		out.Records = append(out.Records, EncodeAuditRecord(a))
	}
	if n := len(records); n > 0 && n == q.Limit {
		out.NextPageToken = EncodeToken(auditScope(r), binary.BigEndian.AppendUint64(nil, uint64(records[n-1].ID)))
	}
	return out
}

// EncodeAuditRecord writes an audit record.
func EncodeAuditRecord(a ports.AuditRecord) *aionv1.AuditRecord {
	return &aionv1.AuditRecord{
		Id: a.ID, Time: EncodeTime(a.Time), Subject: text(a.Subject), Peer: text(a.Peer), Action: text(a.Action), Namespace: text(string(a.Namespace)),
		Object: text(a.Object), RequestId: text(string(a.RequestID)), Outcome: text(a.Outcome), Denied: a.Denied, RepeatedCount: count(a.Repeated),
	}
}

// DecodeAuditRecord reads an audit record.
func DecodeAuditRecord(a *aionv1.AuditRecord) ports.AuditRecord {
	return ports.AuditRecord{
		ID: a.GetId(), Time: DecodeTime(a.GetTime()), Subject: a.GetSubject(), Peer: a.GetPeer(), Action: a.GetAction(), Namespace: model.Namespace(a.GetNamespace()),
		Object: a.GetObject(), RequestID: model.RequestID(a.GetRequestId()), Outcome: a.GetOutcome(), Denied: a.GetDenied(), Repeated: int(a.GetRepeatedCount()),
	}
}
