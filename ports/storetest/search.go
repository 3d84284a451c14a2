package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/filtertest"
)

// attributed sets the search attributes of the subject's run in an append, as an engine does.
func (s *subject) attributed(a *ports.Append, as model.Attributes) {
	for _, old := range s.run.Attributes {
		if as.Get(old.Name).IsZero() {
			a.Attributes = append(a.Attributes, ports.AttributeRow{Run: s.run.ID, Name: old.Name})
		}
	}
	for _, at := range as {
		if !s.run.Attributes.Get(at.Name).Equal(at.Value) {
			a.Attributes = append(a.Attributes, ports.AttributeRow{Run: s.run.ID, Name: at.Name, Value: at.Value})
		}
	}
	s.run.Attributes = as
	a.Runs = []ports.Run{s.run}
}

// searchRuns stores n runs of a few chains and two namespaces, some of them changed afterwards, and gives their rows.
func searchRuns(t *testing.T, st ports.Store, n int) []*ports.Run {
	t.Helper()
	var all []*ports.Run
	chains := map[model.ChainKey]*subject{}
	for i := range n {
		ns := "ns"
		if i%9 == 8 {
			ns = "other"
		}
		s := newSubject(ns, filtertest.WorkflowIDs[i%5%len(filtertest.WorkflowIDs)]+[]string{"", "", fmt.Sprint("-", i)}[i%3], fmt.Sprintf("r-%02d", i*37%n))
		if old := chains[s.key]; old != nil {
			s.chain = old.chain
		}
		chains[s.key] = s
		as := filtertest.Attributes().Example(i)
		s.run.Type = model.WorkflowType(filtertest.Types[i%7%len(filtertest.Types)])
		s.run.Package, s.run.TaskQueue = model.PackageHash(filtertest.Packages[i%2]), model.TaskQueue(filtertest.Queues[i%4/3])
		s.run.StartedAt = filtertest.Epoch.Add(time.Duration(i/4) * time.Minute) // four runs start at the same moment
		a := s.append(0)
		addRow(a, s.run.ID, 0, 1, nil)
		s.attributed(a, as)
		a.Counts = []ports.RunCount{{Namespace: s.key.Namespace, Type: s.run.Type, Status: model.StatusRunning, N: 1}}
		s.do(t, st, a)
		if i%4 != 0 { // something changes later
			a := s.append(1)
			switch i % 5 {
			case 0:
				s.run.Blocked = filtertest.Blocks[i%2]
			case 1:
				s.run.Paused = true
			case 2:
				s.run.Status, s.run.ClosedAt = model.StatusFailed, s.run.StartedAt.Add(time.Hour)
			case 3:
				s.run.Status, s.run.ClosedAt = model.StatusCompleted, s.run.StartedAt.Add(time.Minute)
			}
			if s.run.Status != model.StatusRunning {
				a.Counts = []ports.RunCount{{Namespace: s.key.Namespace, Type: s.run.Type, Status: model.StatusRunning, N: -1}, {Namespace: s.key.Namespace, Type: s.run.Type, Status: s.run.Status, N: 1}}
			}
			a.Runs = []ports.Run{s.run}
			if i%3 != 0 {
				s.attributed(a, filtertest.Attributes().Example(1000+i))
			}
			s.do(t, st, a)
		}
		row := s.run
		all = append(all, &row)
	}
	return all
}

// expected is what a search must give: nothing but the filter's meaning and the order.
func expected(all []*ports.Run, ns model.Namespace, q *filter.Query) (out []*ports.Run) {
	for _, r := range all {
		if r.Key.Namespace == ns && q.Matches(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *ports.Run) int {
		n := q.Order.KeyOf(a).Compare(q.Order.KeyOf(b))
		if q.Order.Desc {
			return -n
		}
		return n
	})
	return out
}

// [V-1] Every store gives what the filter means, in its order, page by page, and counts the same.
func search(t *testing.T, st ports.Store) {
	all := searchRuns(t, st, 72)
	rapid.Check(t, func(rt *rapid.T) {
		q := filtertest.Query().Draw(rt, "filter")
		limit := rapid.SampledFrom([]int{1, 3, 7, 100}).Draw(rt, "limit")
		want := expected(all, "ns", q)
		sq := ports.SearchQuery{Namespace: "ns", Filter: q, Limit: limit}
		var got []ports.Run
		for {
			page, err := st.Search(t.Context(), sq)
			if err != nil {
				rt.Fatalf("%s: %v", q, err)
			}
			if len(page) > limit {
				rt.Fatalf("%s: a page of %d runs, limit %d", q, len(page), limit)
			}
			got = append(got, page...)
			if len(page) < limit || len(got) > len(all) {
				break
			}
			k := q.Order.KeyOf(&page[len(page)-1])
			sq.After = &k
		}
		var gotIDs, wantIDs []model.RunID
		for i := range got {
			gotIDs = append(gotIDs, got[i].ID)
		}
		for _, r := range want {
			wantIDs = append(wantIDs, r.ID)
		}
		if !slices.Equal(gotIDs, wantIDs) {
			rt.Fatalf("%s, in pages of %d, gives\n%v, want\n%v", q, limit, gotIDs, wantIDs)
		}
		for i := range got {
			equalRun(t, got[i], *want[i])
		}
		n, exact, err := st.CountRuns(t.Context(), ports.SearchQuery{Namespace: "ns", Filter: q, Limit: limit})
		if most := len(want) <= limit; err != nil || n != int64(min(len(want), limit)) || exact != most {
			rt.Fatalf("%s, up to %d, counts %d %v, %v; want %d", q, limit, n, exact, err, len(want))
		}
	})
}

// parse reads a filter of the suite.
func parse(t *testing.T, text string) *filter.Query {
	t.Helper()
	return must[*filter.Query](t)(filter.Parse(text, filtertest.Schema, filtertest.Epoch))
}

// [V-1] A filter that no index narrows is refused beyond the bound, with a hint; one that an index narrows is not, however many runs there are.
func searchBound(t *testing.T, st ports.Store) {
	for i := range 300 {
		s := newSubject("ns", fmt.Sprint("w-", i), fmt.Sprint("r-", i))
		s.run.StartedAt = filtertest.Epoch.Add(time.Duration(i) * time.Minute)
		a := s.append(0)
		addRow(a, s.run.ID, 0, 1, nil)
		s.attributed(a, model.Attributes{{Name: "amount", Value: model.IntValue(int64(i))}, {Name: "customer", Value: model.KeywordValue(fmt.Sprint("c", i%100))}})
		a.Counts = []ports.RunCount{{Namespace: "ns", Type: "Order", Status: model.StatusRunning, N: 1}}
		s.do(t, st, a)
	}
	for text, want := range map[string]int{
		"customer = 'c7'": 3, "customer = 'c7' and package != 'x'": 3, "customer in ('c7', 'c8') and task_queue = 'default'": 6, "customer starts_with 'c9'": 33,
		"amount < 20 and package = 'native'": 20, "workflow_id = 'w-7' and package = 'native'": 1, "run_id = 'r-7' and package = 'native'": 1, "status = 'Failed'": 0,
		"workflow_type = 'Order' and status in ('Failed', 'Canceled') and package = 'x'": 0, "started_at < now() + 30m and package = 'native'": 30,
		"customer = 'c7' or amount = 3": 4, "package = 'native'": 300, "customer = 'c7' and package = 'x'": 0, "status = 'Blocked' and package = 'x'": 0,
	} {
		q := parse(t, text)
		got, err := st.Search(t.Context(), ports.SearchQuery{Namespace: "ns", Filter: q, Limit: 1000, Scan: 50})
		if err != nil || len(got) != want {
			t.Errorf("%s gives %d runs, %v; want %d", text, len(got), err, want)
		}
		if n, exact, err := st.CountRuns(t.Context(), ports.SearchQuery{Namespace: "ns", Filter: q, Limit: 1000, Scan: 50}); err != nil || n != int64(want) || !exact {
			t.Errorf("%s counts %d %v, %v; want %d", text, n, exact, err, want)
		}
	}
	for _, text := range []string{"package = 'x'", "task_queue != 'default'", "closed_at is not null", "not customer starts_with 'c' order by amount", "paused = true or package = 'x'"} {
		q := parse(t, text)
		for _, limit := range []int{1, 1000} {
			_, err := st.Search(t.Context(), ports.SearchQuery{Namespace: "ns", Filter: q, Limit: limit, Scan: 50})
			if !fault.Has(err, fault.NeedsIndexedCondition) {
				t.Errorf("%s gives %v", text, err)
			}
			if _, _, err := st.CountRuns(t.Context(), ports.SearchQuery{Namespace: "ns", Filter: q, Limit: limit, Scan: 50}); !fault.Has(err, fault.NeedsIndexedCondition) {
				t.Errorf("the count of %s gives %v", text, err)
			}
		}
	}
	for _, q := range []ports.SearchQuery{{Namespace: "ns", Filter: parse(t, "")}, {Limit: 1, Filter: parse(t, "")}} {
		if _, err := st.Search(t.Context(), q); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%+v gives %v", q, err)
		}
	}
}

// [V-1] What an append changes is found at once, and what it changed from is not; a refused append changes nothing.
func searchExact(t *testing.T, st ports.Store) {
	s := newSubject("ns", "w", "r")
	find := func(text string, want int) {
		t.Helper()
		got := must[[]ports.Run](t)(st.Search(t.Context(), ports.SearchQuery{Namespace: "ns", Filter: parse(t, text), Limit: 10}))
		equal(t, "runs of "+text, len(got), want)
	}
	a := s.append(0)
	addRow(a, s.run.ID, 0, 1, nil)
	s.attributed(a, model.Attributes{{Name: "customer", Value: model.KeywordValue("a")}, {Name: "note", Value: model.TextValue("Late, late")}, {Name: "tags", Value: model.ListValue("x", "y")}})
	s.do(t, st, a)
	find("customer = 'a' and tags = 'x' and note contains 'late'", 1)
	a = s.append(1)
	s.attributed(a, model.Attributes{{Name: "customer", Value: model.KeywordValue("b")}, {Name: "tags", Value: model.ListValue("y", "z")}})
	s.do(t, st, a)
	for text, want := range map[string]int{"customer = 'a'": 0, "customer = 'b'": 1, "tags = 'x'": 0, "tags = 'y'": 1, "tags = 'z'": 1, "note contains 'late'": 0, "note is null": 1} {
		find(text, want)
	}
	a = s.append(1)
	a.Attributes = []ports.AttributeRow{{Run: s.run.ID, Name: "customer", Value: model.KeywordValue("c")}}
	refused(t, st, a, fault.InvalidInput) // its row does not say so
	before := s.run
	a = s.append(1)
	a.Expect, a.Chain.Version = 7, 8
	s.attributed(a, model.Attributes{{Name: "customer", Value: model.KeywordValue("c")}})
	refused(t, st, a, fault.Conflict)
	s.run = before
	find("customer = 'c'", 0)
	find("customer = 'b'", 1)
	a = s.append(1)
	s.run.StartedAt = s.run.StartedAt.Add(time.Hour) // its place in every list moves
	a.Runs = []ports.Run{s.run}
	s.do(t, st, a)
	find("customer = 'b' and started_at > '2024-01-02T04:00:00Z'", 1)
	find("customer = 'b' and started_at < '2024-01-02T04:00:00Z'", 0)
	s.check(t, st)
}
