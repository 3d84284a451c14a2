package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// close ends the subject's run at a time, with the changes that an engine would make.
func (s *subject) close(t testing.TB, st ports.Store, at time.Time) {
	t.Helper()
	a := s.append(1)
	row := s.run
	row.Status, row.ClosedAt = model.StatusCompleted, at
	a.Runs = []ports.Run{row}
	a.Counts = []ports.RunCount{{Namespace: s.key.Namespace, Type: row.Type, Status: model.StatusRunning, N: -1}, {Namespace: s.key.Namespace, Type: row.Type, Status: model.StatusCompleted, N: 1}}
	s.do(t, st, a)
}

// begin starts the subject's run, which pins package p.
func (s *subject) begin(t testing.TB, st ports.Store) {
	t.Helper()
	a := s.append(2)
	a.Counts = []ports.RunCount{{Namespace: s.key.Namespace, Type: s.run.Type, Status: model.StatusRunning, N: 1}}
	a.Pins = []ports.Pin{{Package: s.run.Package, N: 1}}
	a.Dedup = []ports.Dedup{{ID: "request", Run: s.run.ID, Expires: epoch0.Add(time.Hour)}}
	s.do(t, st, a)
}

func sweep(t testing.TB, st ports.Store, now time.Time, limit int) (total int) {
	t.Helper()
	for {
		n := must[int](t)(st.Sweep(t.Context(), now, limit))
		if n > limit+2 {
			t.Fatalf("a sweep of at most %d rows removed %d", limit, n)
		}
		if n == 0 {
			return total
		}
		total += n
	}
}

// gone expects that nothing finds a run.
func gone(t testing.TB, st ports.Store, s *subject) {
	t.Helper()
	ctx := t.Context()
	if _, err := st.Run(ctx, s.key.Namespace, s.run.ID); !fault.Has(err, fault.NotFound) {
		t.Fatalf("a removed run gave %v, want not_found", err)
	}
	for _, q := range []ports.ListQuery{{}, {WorkflowID: s.key.WorkflowID}, {Type: s.run.Type, Status: model.StatusCompleted}} {
		q.Namespace, q.Limit = s.key.Namespace, 1000
		for _, r := range must[[]ports.Run](t)(st.List(ctx, q)) {
			if r.ID == s.run.ID {
				t.Fatalf("a removed run is listed by %+v", q)
			}
		}
	}
	for _, row := range must[[]ports.HistoryRow](t)(st.Feed(ctx, 0, lowest(t, st)-1, 1<<20)) {
		if row.Run == s.run.ID {
			t.Fatal("the feed has a removed run")
		}
	}
}

// lowest finds the lowest position that the feed gives.
func lowest(t testing.TB, st ports.Store) int64 {
	t.Helper()
	for after := int64(0); ; after++ {
		if _, err := st.Feed(t.Context(), 0, after, 1); !fault.Has(err, fault.HistoryCompacted) {
			ok(t, err)
			return after + 1
		}
	}
}

// [RET-1] [C-1] Closed runs are removed oldest first, in batches, with everything that belongs to them; open ones and those of other namespaces stay.
func removal(t *testing.T, st ports.Store) {
	ctx := t.Context()
	var all []*subject
	for i := range 10 {
		s := numbered(i)
		s.begin(t, st)
		all = append(all, s)
	}
	other := newSubject("other", "wf", "other-run")
	other.begin(t, st)
	other.close(t, st, epoch0)
	for i, s := range all[:8] {
		s.step(t, st, 3)
		ok(t, st.PutCheckpoint(ctx, ports.Checkpoint{Run: s.run.ID, Seq: 2, Version: 1}))
		ok(t, st.PutHeartbeat(ctx, ports.Heartbeat{Run: s.run.ID, Ordinal: 1, Attempt: 1, At: epoch0}))
		s.close(t, st, epoch0.Add(time.Duration(7-i)*time.Minute)) // the later ones closed first
	}
	remove := func(until time.Time, limit, want int, oldest time.Time) {
		t.Helper()
		n, at, err := st.RemoveClosed(ctx, "ns", until, limit)
		ok(t, err)
		equal(t, "removed runs", n, want)
		equal(t, "the oldest closed run that is left", at, oldest)
	}
	remove(epoch0.Add(-1), 100, 0, epoch0)
	remove(epoch0, 100, 1, epoch0.Add(time.Minute)) // the moment itself counts
	remove(epoch0.Add(time.Hour), 2, 2, epoch0.Add(3*time.Minute))
	for _, s := range all[5:8] {
		gone(t, st, s)
		if _, _, err := st.Chain(ctx, s.key); !fault.Has(err, fault.NotFound) {
			t.Fatalf("the chain of a removed run gave %v, want not_found", err)
		}
		if _, found, err := st.Checkpoint(ctx, s.run.ID); found || err != nil {
			t.Fatalf("a removed run has a checkpoint (%v)", err)
		}
		if _, found, err := st.Dedup(ctx, s.key, "request", epoch0); found || err != nil {
			t.Fatalf("a removed chain remembers a request (%v)", err)
		}
	}
	equal(t, "counters", fmt.Sprint(must[[]ports.RunCount](t)(st.Count(ctx, "ns"))), fmt.Sprint([]ports.RunCount{
		{Namespace: "ns", Type: "Order", Status: model.StatusRunning, N: 2}, {Namespace: "ns", Type: "Order", Status: model.StatusCompleted, N: 5}}))
	sweep(t, st, epoch0, 4)
	for _, s := range all[5:8] {
		equal(t, "history rows of a removed run", len(history(t, st, s.run.ID)), 0)
		if _, found, err := st.Heartbeat(ctx, s.run.ID, 1); found || err != nil {
			t.Fatalf("a removed run has a heartbeat (%v)", err)
		}
	}
	for _, s := range append(all[:5:5], all[8], all[9], other) {
		s.check(t, st)
	}
	remove(epoch0.Add(time.Hour), 100, 5, time.Time{})
	remove(epoch0.Add(time.Hour), 100, 0, time.Time{})
	sweep(t, st, epoch0, 1000)
	for _, s := range append(all[8:], other) {
		s.check(t, st)
		s.step(t, st, 1)
	}
	n, _, err := st.RemoveClosed(ctx, "nobody", epoch0, 1)
	equal(t, "runs removed from a namespace that is not there", n, 0)
	ok(t, err)
}

// [RET-2] [C-1] What was removed cannot be revived: an append that knew it conflicts, and a chain of its name begins anew.
func removedStays(t *testing.T, st ports.Store) {
	s := numbered(1)
	s.begin(t, st)
	s.close(t, st, epoch0)
	late := s.append(1)
	n, _, err := st.RemoveClosed(t.Context(), "ns", epoch0, 10)
	ok(t, err)
	equal(t, "removed runs", n, 1)
	refused(t, st, late, fault.Conflict)
	sweep(t, st, epoch0, 10)
	refused(t, st, late, fault.Conflict)
	again := newSubject("ns", string(s.key.WorkflowID), "another-run")
	again.begin(t, st)
	again.check(t, st)
	gone(t, st, s)
}

// [RET-1] A prior run of a chain goes by itself; a chain that is to do something stays whole.
func removalInChains(t *testing.T, st ports.Store) {
	ctx := t.Context()
	s := numbered(1)
	s.begin(t, st)
	s.close(t, st, epoch0)
	first := s.run
	a := s.append(0)
	next := first
	next.ID, next.Status, next.ClosedAt, next.StartedAt = "second", model.StatusRunning, time.Time{}, epoch0.Add(time.Second)
	a.Runs = []ports.Run{next}
	addRow(a, next.ID, 0, 2, nil)
	s.do(t, st, a)
	n, _, err := st.RemoveClosed(ctx, "ns", epoch0.Add(time.Hour), 10)
	ok(t, err)
	equal(t, "removed prior runs", n, 1)
	sweep(t, st, epoch0, 10)
	s.check(t, st)
	list := must[[]ports.Run](t)(st.List(ctx, ports.ListQuery{Namespace: "ns", WorkflowID: s.key.WorkflowID, Limit: 9}))
	equal(t, "runs of the chain", len(list), 1)

	busy := numbered(2)
	busy.begin(t, st)
	busy.chain.WakeAt = epoch0
	busy.close(t, st, epoch0)
	n, _, err = st.RemoveClosed(ctx, "ns", epoch0.Add(time.Hour), 10)
	ok(t, err)
	equal(t, "removed runs with something to do", n, 0)
	busy.check(t, st)
	busy.chain.WakeAt = time.Time{}
	busy.do(t, st, busy.append(0))
	n, _, err = st.RemoveClosed(ctx, "ns", epoch0.Add(time.Hour), 10)
	ok(t, err)
	equal(t, "removed runs with nothing to do", n, 1)
}

// [RET-3] [S-3] Below what is kept the feed says so; positions go on, whatever was removed.
func removedPositions(t *testing.T, st ports.Store) {
	ctx := t.Context()
	old, kept, newest := numbered(1), numbered(2), numbered(3)
	old.begin(t, st)            // 1
	kept.begin(t, st)           // 2
	old.close(t, st, epoch0)    // 3
	kept.step(t, st, 1)         // 4
	newest.begin(t, st)         // 5
	newest.close(t, st, epoch0) // 6
	remove := func() {
		t.Helper()
		_, _, err := st.RemoveClosed(ctx, "ns", epoch0, 10)
		ok(t, err)
		sweep(t, st, epoch0, 10)
	}
	positions := func(after int64) string {
		t.Helper()
		var out []int64
		for _, h := range must[[]ports.HistoryRow](t)(st.Feed(ctx, 0, after, 1<<20)) {
			out = append(out, h.Pos)
		}
		return fmt.Sprint(out)
	}
	compacted := func(after int64, want bool) {
		t.Helper()
		if _, err := st.Feed(ctx, 0, after, 1); fault.Has(err, fault.HistoryCompacted) != want {
			t.Fatalf("the feed after %d gave %v", after, err)
		}
	}
	remove()
	compacted(0, true)
	compacted(1, false)
	equal(t, "the feed with gaps", positions(1), "[2 4]")
	equal(t, "the feed behind the last", positions(4), "[]")
	equal(t, "the feed at its end", positions(6), "[]")
	equal(t, "the head", must[int64](t)(st.Head(ctx, 0)), 6)
	kept.close(t, st, epoch0) // 7
	equal(t, "the feed after the last removed one", positions(6), "[7]")
	remove()
	for after := range int64(7) {
		compacted(after, true)
	}
	compacted(7, false)
	equal(t, "the head of nothing", must[int64](t)(st.Head(ctx, 0)), 7)
	again := numbered(4)
	again.begin(t, st)
	equal(t, "the feed after everything was removed", positions(7), "[8]")
	compacted(6, true)
}

// [RET-1] Expired request records go in small steps, the others stay.
func expiredRequests(t *testing.T, st ports.Store) {
	ctx := t.Context()
	s := numbered(1)
	a := s.append(1)
	for i := range 25 {
		a.Dedup = append(a.Dedup, ports.Dedup{ID: model.RequestID(fmt.Sprint(i)), Run: s.run.ID, Expires: epoch0.Add(time.Duration(i) * time.Second)})
	}
	s.do(t, st, a)
	a = s.append(1)
	a.Dedup = []ports.Dedup{{ID: "3", Run: s.run.ID, Expires: epoch0.Add(time.Hour)}} // asked again, and so remembered for longer
	s.do(t, st, a)
	equal(t, "rows swept", sweep(t, st, epoch0.Add(9*time.Second), 4), 9)
	for i := range 25 {
		_, found, err := st.Dedup(ctx, s.key, model.RequestID(fmt.Sprint(i)), epoch0.Add(-time.Hour))
		ok(t, err)
		if found != (i > 9 || i == 3) {
			t.Fatalf("request %d is there: %v", i, found)
		}
	}
}
