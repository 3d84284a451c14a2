package storetest

import (
	"fmt"
	"testing"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Opener opens the store whose data is in a directory, with whatever an earlier opening has left there.
type Opener func(dir string) (ports.Store, error)

// RunReopen checks a store whose data survives it: everything is there after closing and opening again, and goes on where it ended.
func RunReopen(t *testing.T, open Opener) {
	dir := t.TempDir()
	st := reopen(t, open, dir)
	ctx := t.Context()
	s, target := numbered(1), numbered(2).key
	first := func(a *ports.Append) *ports.Append {
		a.Chain.WakeAt, a.Chain.CheckpointSeq = epoch0, 2
		a.Send = []ports.Message{{Target: target, DedupKey: fmt.Sprint("m", a.Expect), Bytes: []byte("hello")}}
		a.Tasks = []ports.Task{{Run: s.run.ID, Ordinal: model.Ordinal(a.Expect + 1), Attempt: 1, Queue: "q"}}
		a.Dedup = []ports.Dedup{{ID: model.RequestID(fmt.Sprint("d", a.Expect)), Run: s.run.ID, Expires: epoch0.Add(1)}}
		a.Counts = []ports.RunCount{{Namespace: "ns", Type: "Order", Status: model.StatusRunning, N: 1}}
		a.Pins = []ports.Pin{{Package: "p", N: 1}}
		return a
	}
	s.do(t, st, first(s.append(2)))
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "p", Code: []byte("code"), DeployedAt: epoch0}))
	ok(t, st.SetRoute(ctx, ports.Route{Type: "Order", Package: "p", SetAt: epoch0}))
	ok(t, st.PutNamespace(ctx, ports.NamespaceRecord{Name: "ns", Version: 1, CreatedAt: epoch0}))
	ok(t, st.PutCheckpoint(ctx, ports.Checkpoint{Run: s.run.ID, Seq: 2, Version: 1, Bytes: []byte("state")}))
	ok(t, st.PutHeartbeat(ctx, ports.Heartbeat{Run: s.run.ID, Ordinal: 1, Attempt: 1, At: epoch0}))

	for opened := int64(2); opened < 5; opened++ {
		ok(t, st.Close())
		st = reopen(t, open, dir)
		s.check(t, st)
		equal(t, "head after reopening", must[int64](t)(st.Head(ctx, 0)), opened-1)
		// What is given out goes on: positions without a gap, messages and tasks above all earlier ones.
		equal(t, "position after reopening", s.do(t, st, first(s.append(1))).FirstPos, opened)
		s.check(t, st)
		msgs := must[[]ports.Message](t)(st.Inbox(ctx, target, 100))
		tasks := must[[]ports.Task](t)(st.Tasks(ctx, "ns", "q", 0, 100))
		feed := must[[]ports.HistoryRow](t)(st.Feed(ctx, 0, 0, 1<<20))
		equal(t, "messages, tasks and rows", fmt.Sprint(len(msgs), len(tasks), len(feed)), fmt.Sprint(opened, opened, opened))
		for i := range opened {
			equal(t, "message, task and row", fmt.Sprintf("%s %d %d", msgs[i].DedupKey, tasks[i].Ordinal, feed[i].Pos), fmt.Sprintf("m%d %d %d", i, i+1, i+1))
		}
		equal(t, "count", must[[]ports.RunCount](t)(st.Count(ctx, "ns"))[0].N, opened)
		p := must[ports.Package](t)(st.Package(ctx, "p"))
		equal(t, "package", fmt.Sprint(p.Pins, string(p.Code)), fmt.Sprint(opened, "code"))
		equal(t, "routes", len(must[[]ports.Route](t)(st.Routes(ctx))), 1)
		equal(t, "namespaces", len(must[[]ports.NamespaceRecord](t)(st.Namespaces(ctx))), 1)
		equal(t, "due", len(must[[]ports.Due](t)(st.Due(ctx, 0, epoch0, nil, 10))), 1)
		_, checkpoint, _ := st.Checkpoint(ctx, s.run.ID)
		_, heartbeat, _ := st.Heartbeat(ctx, s.run.ID, 1)
		_, dedup, _ := st.Dedup(ctx, s.key, "d0", epoch0)
		equal(t, "checkpoint, heartbeat and dedup row", [3]bool{checkpoint, heartbeat, dedup}, [3]bool{true, true, true})
	}
	ok(t, st.Close())
}

func reopen(t *testing.T, open Opener, dir string) ports.Store {
	t.Helper()
	st, err := open(dir)
	if err != nil {
		t.Fatalf("opening the store in %s: %v", dir, err)
	}
	t.Cleanup(func() { ok(t, st.Close()) })
	return st
}
