package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// listAll pages through q and checks the order.
func listAll(t testing.TB, st ports.Store, q ports.ListQuery) (out []ports.Run) {
	t.Helper()
	for {
		page := must[[]ports.Run](t)(st.List(t.Context(), q))
		if len(page) > q.Limit {
			t.Fatalf("a page of %d runs, limit %d", len(page), q.Limit)
		}
		for _, r := range page {
			if len(out) > 0 && newestFirst(out[len(out)-1], r) >= 0 {
				t.Fatalf("run %q started %v is listed after %q started %v", r.ID, r.StartedAt, out[len(out)-1].ID, out[len(out)-1].StartedAt)
			}
			out = append(out, r)
		}
		if len(page) < q.Limit {
			return out
		}
		q.After = &ports.ListCursor{StartedAt: page[len(page)-1].StartedAt, Run: page[len(page)-1].ID}
	}
}

func newestFirst(a, b ports.Run) int {
	return cmp.Or(b.StartedAt.Compare(a.StartedAt), strings.Compare(string(b.ID), string(a.ID)))
}

func ids(rs []ports.Run) []model.RunID {
	out := make([]model.RunID, len(rs))
	for i, r := range rs {
		out[i] = r.ID
	}
	return out
}

func listFilters(t *testing.T, st ports.Store) {
	var all []ports.Run
	types := []model.WorkflowType{"Order", "Refund", "Rare"}
	statuses := []model.Status{model.StatusRunning, model.StatusCompleted, model.StatusCompleted, model.StatusFailed, model.StatusTimedOut}
	for i := range 60 {
		s := newSubject([]string{"ns", "other"}[i%7/6], fmt.Sprintf("wf-%02d", i%20), fmt.Sprintf("run-%02d", i*37%60))
		s.run.Type, s.run.Status = types[min(i%5, 2)], statuses[i%len(statuses)]
		s.run.StartedAt = epoch0.Add(time.Duration(i/4) * time.Second) // four runs start at the same moment
		if i%11 == 3 {
			s.run.Blocked = "nondeterminism"
		}
		if chain, _, err := st.Chain(t.Context(), s.key); err == nil {
			s.chain = chain
		}
		a := s.append(0)
		a.Runs = []ports.Run{s.run}
		addRow(a, s.run.ID, 0, 1, nil)
		s.do(t, st, a)
		all = append(all, s.run)
	}
	slices.SortFunc(all, newestFirst)
	queries := []ports.ListQuery{{Namespace: "ns"}, {Namespace: "other"}, {Namespace: "none"}, {Namespace: "ns", Blocked: true}}
	for i := range 20 {
		queries = append(queries, ports.ListQuery{Namespace: "ns", WorkflowID: model.WorkflowID(fmt.Sprintf("wf-%02d", i))})
	}
	for _, ty := range append(types, "") {
		for st := model.StatusUnspecified; st <= model.StatusContinuedAsNew; st++ {
			for _, wf := range []model.WorkflowID{"", "wf-03"} {
				for _, blocked := range []bool{false, true} {
					queries = append(queries, ports.ListQuery{Namespace: "ns", WorkflowID: wf, Type: ty, Status: st, Blocked: blocked})
				}
			}
		}
	}
	for i, q := range queries {
		var want []ports.Run
		for _, r := range all {
			if r.Key.Namespace == q.Namespace && (q.WorkflowID == "" || q.WorkflowID == r.Key.WorkflowID) && (q.Type == "" || q.Type == r.Type) &&
				(q.Status == 0 || q.Status == r.Status) && (!q.Blocked || r.Blocked != "") {
				want = append(want, r)
			}
		}
		for _, limit := range []int{100, 3 + i%5, i%9 - 7} { // pages of 1 for a few
			if q.Limit = limit; limit <= 0 {
				continue
			}
			got := listAll(t, st, q)
			equalSlices(t, fmt.Sprintf("runs of %+v", q), ids(got), ids(want))
			for i := range got {
				equalRun(t, got[i], want[i])
			}
		}
	}
	for _, q := range []ports.ListQuery{{Namespace: "ns"}, {Namespace: "ns", Limit: -1}, {Limit: 5}} {
		if _, err := st.List(t.Context(), q); !fault.Has(err, fault.InvalidInput) {
			t.Fatalf("list %+v gave %v, want invalid_input", q, err)
		}
	}
}

func listConcurrent(t *testing.T, st ports.Store) {
	const before, writers, each = 40, 4, 15
	var want []model.RunID
	for i := range before {
		s := numbered(i)
		s.run.StartedAt = epoch0.Add(time.Duration(i/2) * time.Minute)
		s.step(t, st, 1)
		want = append(want, s.run.ID)
	}
	slices.Sort(want)
	slices.Reverse(want)
	together(t, writers+2, func(ctx context.Context, i int) error {
		if i < writers {
			for k := range each {
				s := numbered(1000 + i*each + k)
				s.run.StartedAt = epoch0.Add(time.Duration(k*97%29)*time.Minute + time.Duration(i)) // between, before and after the old ones
				a := s.append(1)
				if _, err := st.Append(ctx, a); err != nil {
					return err
				}
				s.committed(a)
				a = s.append(1)
				s.run.Status = model.StatusCompleted
				a.Runs = []ports.Run{s.run}
				if _, err := st.Append(ctx, a); err != nil {
					return err
				}
			}
			return nil
		}
		for range 3 {
			var got []model.RunID
			q := ports.ListQuery{Namespace: "ns", Limit: 3 + i, Status: model.StatusRunning}
			if i == writers {
				q.Status = model.StatusUnspecified
			}
			seen := map[model.RunID]bool{}
			for more := true; more; {
				page, err := st.List(ctx, q)
				if err != nil {
					return err
				}
				for _, r := range page {
					if seen[r.ID] {
						return fmt.Errorf("run %q is listed twice", r.ID)
					}
					seen[r.ID] = true
					if r.ID < "run-01000" {
						got = append(got, r.ID)
					}
					q.After = &ports.ListCursor{StartedAt: r.StartedAt, Run: r.ID}
				}
				more = len(page) == q.Limit
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("runs that existed all the time are listed as %v", got)
			}
		}
		return nil
	})
}

func listReplaced(t *testing.T, st ports.Store) {
	s := numbered(1)
	s.step(t, st, 1)
	change := func(f func(r *ports.Run)) {
		a := s.append(1)
		f(&s.run)
		a.Runs = []ports.Run{s.run}
		s.do(t, st, a)
	}
	expect := func(q ports.ListQuery, n int) {
		t.Helper()
		q.Namespace, q.Limit = "ns", 10
		got := must[[]ports.Run](t)(st.List(t.Context(), q))
		equal(t, fmt.Sprintf("runs of %+v", q), len(got), n)
		if n == 1 {
			equalRun(t, got[0], s.run)
		}
	}
	expect(ports.ListQuery{Status: model.StatusRunning}, 1)
	change(func(r *ports.Run) { r.Blocked, r.Paused = "fuel", true })
	expect(ports.ListQuery{Blocked: true}, 1)
	expect(ports.ListQuery{Paused: true}, 1)
	expect(ports.ListQuery{Paused: true, Blocked: true}, 1)
	expect(ports.ListQuery{Paused: true, Type: "Nope"}, 0)
	expect(ports.ListQuery{Paused: true, WorkflowID: s.run.Key.WorkflowID}, 1)
	change(func(r *ports.Run) { r.Blocked = "" })
	expect(ports.ListQuery{Paused: true}, 1)
	expect(ports.ListQuery{Paused: true, Blocked: true}, 0)
	change(func(r *ports.Run) { r.Blocked, r.Paused, r.Package, r.HeadSeq, r.HistoryBytes = "", false, "p2", 3, 99 })
	expect(ports.ListQuery{Blocked: true}, 0)
	expect(ports.ListQuery{Paused: true}, 0)
	expect(ports.ListQuery{Paused: true, WorkflowID: s.run.Key.WorkflowID}, 0)
	change(func(r *ports.Run) { r.Status, r.ClosedAt = model.StatusFailed, epoch0.Add(time.Hour) })
	expect(ports.ListQuery{Status: model.StatusRunning}, 0)
	expect(ports.ListQuery{Status: model.StatusFailed}, 1)
	change(func(r *ports.Run) { r.StartedAt, r.Type, r.TaskQueue = epoch0.Add(time.Minute), "Renamed", "q2" })
	expect(ports.ListQuery{Type: "Order"}, 0)
	expect(ports.ListQuery{Type: "Renamed"}, 1)
	expect(ports.ListQuery{}, 1)
}
