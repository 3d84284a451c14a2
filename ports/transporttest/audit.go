package transporttest

import (
	"context"
	"reflect"
	"testing"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Audit implements ports.Audits.
func (s *Service) Audit(ctx context.Context, q ports.AuditQuery) ([]ports.AuditRecord, error) {
	return ask[[]ports.AuditRecord](ctx, s, "Audit", q)
}

// testAudit holds a transport to ports.Audits: records arrive as they are, page by page with each page after the one before.
func testAudit(t *testing.T, dial Dial) {
	all := make([]ports.AuditRecord, 5)
	for i := range all {
		all[i] = ports.AuditRecord{
			ID: int64(1)<<53 + int64(9-i), Time: at(int64(i)), Subject: "ada é", Peer: "10.0.0.1:5", Action: "Start", Namespace: "shop", Object: "order/7:a é",
			RequestID: model.RequestID("r"), Outcome: "permission_denied", Denied: i%2 == 0, Repeated: i,
		}
	}
	s := &Service{Reply: func(_ context.Context, c Call) (any, error) {
		q, out := c.Request.(ports.AuditQuery), []ports.AuditRecord{}
		for _, r := range all {
			if (q.Before == 0 || r.ID < q.Before) && len(out) < q.Limit {
				out = append(out, r)
			}
		}
		return out, nil
	}}
	small := setup(s)
	small.PageSize = 2
	got, err := dial(t, small).Audit(bounded(t), ports.AuditQuery{Namespace: "shop", Subject: "ada é", Denied: true, Limit: 100})
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Fatalf("got %+v, %v, want %+v", got, err, all)
	}
	for i, c := range s.Calls() {
		want := ports.AuditQuery{Namespace: "shop", Subject: "ada é", Denied: true, Limit: 2}
		if i > 0 {
			want.Before = all[2*i-1].ID
		}
		if !reflect.DeepEqual(c.Request, want) {
			t.Errorf("page %d asks for %+v, want %+v", i, c.Request, want)
		}
	}
}
