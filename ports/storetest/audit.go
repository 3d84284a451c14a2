package storetest

import (
	"reflect"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// [SEC-5] Records come back as they were given, newest first, by filter and page, and no more are kept than is asked.
func audit(t *testing.T, st ports.Store) {
	ctx := t.Context()
	keep := ports.AuditKeep{Rows: 1000}
	var want []ports.AuditRecord
	for i, text := range awkward {
		r := ports.AuditRecord{
			Time: epoch0.Add(time.Duration(i) * time.Second), Subject: text, Peer: "10.0.0.1:1", Action: "Start", Namespace: "shop", Object: text,
			RequestID: model.RequestID(text), Outcome: "ok", Denied: i%2 == 0, Repeated: i,
		}
		if i%3 == 0 {
			r.Namespace = ""
		}
		ok(t, st.PutAudit(ctx, []ports.AuditRecord{r}, keep))
		r.ID = int64(i + 1)
		want = append([]ports.AuditRecord{r}, want...)
	}
	check := func(q ports.AuditQuery, f func(ports.AuditRecord) bool) {
		t.Helper()
		var expected []ports.AuditRecord
		for _, r := range want {
			if f(r) && len(expected) < q.Limit {
				expected = append(expected, r)
			}
		}
		if got := must[[]ports.AuditRecord](t)(st.Audit(ctx, q)); !reflect.DeepEqual(got, expected) {
			t.Fatalf("%+v gives\n\t%+v, want\n\t%+v", q, got, expected)
		}
	}
	check(ports.AuditQuery{Limit: 1000}, func(ports.AuditRecord) bool { return true })
	check(ports.AuditQuery{Limit: 3}, func(ports.AuditRecord) bool { return true })
	check(ports.AuditQuery{Limit: 3, Before: 5}, func(r ports.AuditRecord) bool { return r.ID < 5 })
	check(ports.AuditQuery{Limit: 1000, Namespace: "shop", Denied: true}, func(r ports.AuditRecord) bool { return r.Namespace == "shop" && r.Denied })
	check(ports.AuditQuery{Limit: 1000, Subject: awkward[1]}, func(r ports.AuditRecord) bool { return r.Subject == awkward[1] })

	last := want[0]
	late := ports.AuditRecord{Time: last.Time.Add(time.Second), Outcome: "ok"}
	ok(t, st.PutAudit(ctx, []ports.AuditRecord{late, late}, ports.AuditKeep{Rows: 4}))
	got := must[[]ports.AuditRecord](t)(st.Audit(ctx, ports.AuditQuery{Limit: 100}))
	if len(got) != 4 || got[0].ID != last.ID+2 || got[3].ID != last.ID-1 {
		t.Fatalf("of the last four there are %+v", got)
	}
	ok(t, st.PutAudit(ctx, []ports.AuditRecord{late}, ports.AuditKeep{Rows: 1000, From: late.Time}))
	if got = must[[]ports.AuditRecord](t)(st.Audit(ctx, ports.AuditQuery{Limit: 100})); len(got) != 3 || got[0].ID != last.ID+3 {
		t.Fatalf("of the last moment there are %+v", got)
	}
}
