package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func checkpoints(t *testing.T, st ports.Store) {
	ctx := t.Context()
	if _, found, err := st.Checkpoint(ctx, "run"); err != nil || found {
		t.Fatalf("no checkpoint gave %v, %v", found, err)
	}
	// A newer one replaces an older one, and an older one that comes late does not.
	for _, c := range []struct{ seq, want model.Seq }{{5, 5}, {9, 9}, {7, 9}, {9, 9}, {12, 12}} {
		ok(t, st.PutCheckpoint(ctx, ports.Checkpoint{Run: "run", Seq: c.seq, Version: 3, Bytes: fmt.Append(nil, c.seq)}))
		got, found, err := st.Checkpoint(ctx, "run")
		ok(t, err)
		equal(t, "checkpoint", fmt.Sprintf("%v %s %d %d %s", found, got.Run, got.Seq, got.Version, got.Bytes), fmt.Sprintf("true run %d 3 %d", c.want, c.want))
	}
	// Another fold version at the same seq replaces.
	ok(t, st.PutCheckpoint(ctx, ports.Checkpoint{Run: "run", Seq: 12, Version: 4, Bytes: []byte("v4")}))
	got, _, err := st.Checkpoint(ctx, "run")
	ok(t, err)
	equal(t, "checkpoint of a newer fold", fmt.Sprintf("%d %s", got.Version, got.Bytes), "4 v4")
	if _, found, _ := st.Checkpoint(ctx, "run2"); found {
		t.Fatal("another run has the checkpoint too")
	}
}

func heartbeats(t *testing.T, st ports.Store) {
	ctx := t.Context()
	if _, found, err := st.Heartbeat(ctx, "run", 1); err != nil || found {
		t.Fatalf("no heartbeat gave %v, %v", found, err)
	}
	for i, d := range []model.Payload{{}, {ContentType: "application/json", Data: []byte("1")}, {Metadata: map[string]string{"k": "v", "l": ""}}, {}} {
		h := ports.Heartbeat{Run: "run", Ordinal: 3, Attempt: model.Attempt(i + 1), Details: d, At: epoch0.Add(1)}
		ok(t, st.PutHeartbeat(ctx, h))
		got, found, err := st.Heartbeat(ctx, "run", 3)
		ok(t, err)
		equal(t, "found", found, true)
		equal(t, "heartbeat", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", h))
		equal(t, "details are zero", got.Details.IsZero(), d.IsZero())
	}
	for _, c := range []struct {
		run model.RunID
		o   model.Ordinal
	}{{"run", 2}, {"run2", 3}} {
		if _, found, _ := st.Heartbeat(ctx, c.run, c.o); found {
			t.Fatalf("%s/%d has the heartbeat too", c.run, c.o)
		}
	}
}

func notFound(t *testing.T, st ports.Store) {
	ctx := t.Context()
	s := numbered(1)
	s.step(t, st, 1)
	for name, f := range map[string]func() error{
		"chain": func() error { _, _, err := st.Chain(ctx, numbered(2).key); return err },
		"chain of the namespace": func() error {
			_, _, err := st.Chain(ctx, model.ChainKey{Namespace: "x", WorkflowID: s.key.WorkflowID})
			return err
		},
		"run":                      func() error { _, err := st.Run(ctx, "ns", "none"); return err },
		"run of another namespace": func() error { _, err := st.Run(ctx, "other", s.run.ID); return err },
		"last history":             func() error { _, err := st.LastHistory(ctx, "none"); return err },
		"package":                  func() error { _, err := st.Package(ctx, "none"); return err },
	} {
		if err := f(); !fault.Has(err, fault.NotFound) {
			t.Errorf("%s gave %v, want not_found", name, err)
		}
	}
	rows := must[[]ports.HistoryRow](t)(st.History(ctx, "none", 1, 1000))
	equal(t, "history rows of no run", len(rows), 0)
	// A chain that only has messages does not exist.
	a := s.append(1)
	a.Send = []ports.Message{{Target: numbered(5).key, DedupKey: "m"}}
	s.do(t, st, a)
	if _, _, err := st.Chain(ctx, numbered(5).key); !fault.Has(err, fault.NotFound) {
		t.Errorf("a chain with messages only gave %v, want not_found", err)
	}
}

func stats(t *testing.T, st ports.Store) {
	before := st.Stats()
	s := numbered(1)
	s.step(t, st, 1)
	a := s.append(1)
	a.Runs = []ports.Run{s.run}
	s.do(t, st, a)
	s.check(t, st)
	after := st.Stats()
	equal(t, "appends", after.Appends-before.Appends, 2)
	equal(t, "commits", after.Commits-before.Commits, 2)
	equal(t, "rows written", after.RowsWritten-before.RowsWritten, 6) // S-1: a one-activity run is 6 rows in 2 commits
	equal(t, "chain reads", after.ChainReads-before.ChainReads, 1)
	equal(t, "history reads", after.HistoryReads-before.HistoryReads, 2)
	if after.BytesWritten <= before.BytesWritten {
		t.Error("no bytes written")
	}
	i := st.Info()
	if i.Backend == "" || i.Detail == "" || i.Shards < 1 {
		t.Errorf("info %+v says too little", i)
	}
}

func closed(t *testing.T, st ports.Store) {
	s := numbered(1)
	s.step(t, st, 1)
	ok(t, st.Close())
	ok(t, st.Close())
	ctx := t.Context()
	for name, f := range map[string]func() error{
		"Append":           func() error { _, err := st.Append(ctx, s.append(1)); return err },
		"Chain":            func() error { _, _, err := st.Chain(ctx, s.key); return err },
		"Run":              func() error { _, err := st.Run(ctx, "ns", s.run.ID); return err },
		"History":          func() error { _, err := st.History(ctx, s.run.ID, 1, 1); return err },
		"LastHistory":      func() error { _, err := st.LastHistory(ctx, s.run.ID); return err },
		"Feed":             func() error { _, err := st.Feed(ctx, 0, 0, 1); return err },
		"Head":             func() error { _, err := st.Head(ctx, 0); return err },
		"List":             func() error { _, err := st.List(ctx, ports.ListQuery{Namespace: "ns", Limit: 1}); return err },
		"Count":            func() error { _, err := st.Count(ctx, "ns"); return err },
		"Due":              func() error { _, err := st.Due(ctx, 0, epoch0, nil, 1); return err },
		"Inbox":            func() error { _, err := st.Inbox(ctx, s.key, 1); return err },
		"InboxTargets":     func() error { _, err := st.InboxTargets(ctx, 0, nil, 1); return err },
		"Dedup":            func() error { _, _, err := st.Dedup(ctx, s.key, "r", epoch0); return err },
		"Tasks":            func() error { _, err := st.Tasks(ctx, "ns", "q", 0, 1); return err },
		"Checkpoint":       func() error { _, _, err := st.Checkpoint(ctx, s.run.ID); return err },
		"PutCheckpoint":    func() error { return st.PutCheckpoint(ctx, ports.Checkpoint{Run: "r"}) },
		"Heartbeat":        func() error { _, _, err := st.Heartbeat(ctx, s.run.ID, 1); return err },
		"PutHeartbeat":     func() error { return st.PutHeartbeat(ctx, ports.Heartbeat{Run: "r"}) },
		"PutPackage":       func() error { return st.PutPackage(ctx, ports.Package{Hash: "h"}) },
		"Package":          func() error { _, err := st.Package(ctx, "h"); return err },
		"Packages":         func() error { _, err := st.Packages(ctx); return err },
		"DeletePackage":    func() error { return st.DeletePackage(ctx, "h") },
		"SetRoute":         func() error { return st.SetRoute(ctx, ports.Route{Type: "t", Package: "h"}) },
		"Routes":           func() error { _, err := st.Routes(ctx); return err },
		"PutNamespace":     func() error { return st.PutNamespace(ctx, ports.NamespaceRecord{Name: "n"}) },
		"PutAudit":         func() error { return st.PutAudit(ctx, []ports.AuditRecord{{}}, ports.AuditKeep{Rows: 1}) },
		"Audit":            func() error { _, err := st.Audit(ctx, ports.AuditQuery{Limit: 1}); return err },
		"Namespaces":       func() error { _, err := st.Namespaces(ctx); return err },
		"PutQueueSettings": func() error { return st.PutQueueSettings(ctx, ports.QueueSettings{Name: "q", Rate: 1}) },
		"QueueSettings":    func() error { _, err := st.QueueSettings(ctx); return err },
	} {
		if err := f(); !fault.Has(err, fault.Unavailable) {
			t.Errorf("%s on a closed store gave %v, want unavailable", name, err)
		}
	}
	_, _ = st.Info(), st.Stats()
}

// closeWaits: an append that races with Close is committed and acknowledged, or refused; nothing hangs.
func closeWaits(t *testing.T, st ports.Store) {
	together(t, 17, func(ctx context.Context, i int) error {
		if i == 16 {
			return st.Close()
		}
		if _, err := st.Append(ctx, numbered(i).append(1)); err != nil && !fault.Has(err, fault.Unavailable) {
			return err
		}
		return nil
	})
}
