package sqlstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"modernc.org/sqlite"
	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Any sequence of appends, good and bad, is answered by this store as by the memory store, and leaves the same data.
func TestAgainstMemory(t *testing.T) {
	plain := Driver{Name: "sqlite", Connector: sqlite.NewConnector, Classify: func(err error) Class { return ClassifyText(err.Error()) }, KeepsStatements: true}
	st, err := Open(t.Context(), plain, Options{Path: t.TempDir() + "/aion.db"})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	mem := memory.New()
	checks := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Each check has namespaces and runs of its own in the same two stores.
		checks++
		m := modelled{t: rt, st: st, mem: mem, name: fmt.Sprint(checks), chains: map[model.ChainKey]ports.Chain{}}
		for range rapid.IntRange(1, 25).Draw(rt, "appends") {
			m.step()
		}
		m.compare()
	})
}

type modelled struct {
	t      *rapid.T
	st     *Store
	mem    *memory.Store
	name   string
	from   int64                          // position before the first append
	chains map[model.ChainKey]ports.Chain // as a caller believes, who is right most of the time
	runs   int
}

func (m *modelled) oneOf(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(m.t, label)
}

func (m *modelled) often(label string) bool { return rapid.IntRange(0, 9).Draw(m.t, label) > 1 }

func (m *modelled) key() model.ChainKey {
	return model.ChainKey{Namespace: model.Namespace(m.oneOf("ns", "a", "b") + m.name), WorkflowID: model.WorkflowID(m.oneOf("wf", "x", "y", "2024-01-02"))}
}

func (m *modelled) runID(n int) model.RunID {
	return model.RunID(fmt.Sprintf("run%d of check %s", n, m.name))
}

func (m *modelled) time(label string) time.Time {
	if rapid.Bool().Draw(m.t, label+" zero") {
		return time.Time{}
	}
	return time.Unix(int64(rapid.IntRange(0, 5).Draw(m.t, label)), 0).UTC()
}

func (m *modelled) run(key model.ChainKey, id model.RunID) ports.Run {
	r := ports.Run{ID: id, Key: key, Type: model.WorkflowType(m.oneOf("type", "T", "U")), Status: model.Status(rapid.IntRange(1, 3).Draw(m.t, "status")),
		Paused: rapid.Bool().Draw(m.t, "paused"), Package: "p", StartedAt: time.Unix(int64(rapid.IntRange(1, 3).Draw(m.t, "started")), 0).UTC(), HeadSeq: 7}
	if rapid.Bool().Draw(m.t, "blocked") {
		r.Blocked = "fuel"
	}
	return r
}

// step makes one append that is right most of the time, and gives it to both stores.
func (m *modelled) step() {
	key := m.key()
	chain := m.chains[key]
	a := &ports.Append{Key: key, Expect: chain.Version, Chain: chain}
	if !m.often("right version") {
		a.Expect = uint64(rapid.IntRange(0, 3).Draw(m.t, "expect"))
	}
	a.Chain.Version = a.Expect + 1
	a.Chain.WakeAt = m.time("wake")
	row := func(run model.RunID, head model.Seq) {
		n := model.Seq(rapid.IntRange(1, 3).Draw(m.t, "events"))
		if !m.often("right seq") {
			head += model.Seq(rapid.IntRange(0, 2).Draw(m.t, "gap"))
		}
		a.History = append(a.History, ports.HistoryRow{Run: run, First: head + 1, Last: head + n, Bytes: []byte(fmt.Sprint(run, head))})
		a.Chain.CurrentRun, a.Chain.HeadSeq = run, head+n
	}
	if chain.Version > 0 {
		for range rapid.IntRange(0, 2).Draw(m.t, "rows") {
			row(a.Chain.CurrentRun, a.Chain.HeadSeq)
		}
		if rapid.Bool().Draw(m.t, "run row") {
			a.Runs = append(a.Runs, m.run(key, chain.CurrentRun))
		}
	}
	if chain.Version == 0 || rapid.IntRange(0, 3).Draw(m.t, "new run") == 0 {
		if m.often("fresh run") {
			m.runs++
		}
		id := m.runID(m.runs)
		if m.often("new run row") {
			a.Runs = append(a.Runs, m.run(key, id))
		}
		row(id, 0)
	}
	m.fill(a)
	got, err := m.st.Append(context.Background(), a)
	want, wantErr := m.mem.Append(context.Background(), a)
	if fault.ReasonOf(err) != fault.ReasonOf(wantErr) || fmt.Sprint(err) != fmt.Sprint(wantErr) || got != want {
		m.t.Fatalf("append %+v\ngave %+v, %v\nwant %+v, %v", a, got, err, want, wantErr)
	}
	if err == nil {
		m.chains[key] = a.Chain
		if m.from == 0 && got.FirstPos > 0 {
			m.from = got.FirstPos - 1
		}
	}
}

// fill adds the rows that seldom come.
func (m *modelled) fill(a *ports.Append) {
	some := func(label string) int { return max(0, rapid.IntRange(-2, 2).Draw(m.t, label)) }
	dedupKey := func() string { return m.oneOf("dedup key", "k1", "k2", "k3") }
	for range some("sends") {
		a.Send = append(a.Send, ports.Message{Target: m.key(), DedupKey: dedupKey(), Bytes: []byte(fmt.Sprint(a.Expect))})
	}
	msgs, _ := m.mem.Inbox(context.Background(), a.Key, 10)
	for i := range msgs {
		if rapid.Bool().Draw(m.t, "take") {
			a.Take = append(a.Take, ports.MessageRef{DedupKey: msgs[i].DedupKey})
		}
	}
	if !m.often("right takes") {
		a.Take = append(a.Take, ports.MessageRef{DedupKey: dedupKey()})
	}
	for range some("dedups") {
		a.Dedup = append(a.Dedup, ports.Dedup{ID: model.RequestID(dedupKey()), Run: "r", Expires: time.Unix(int64(a.Expect)+1, 0)})
	}
	task := func() (model.RunID, model.Ordinal) {
		return m.runID(m.runs), model.Ordinal(rapid.IntRange(1, 3).Draw(m.t, "ordinal"))
	}
	for range some("tasks done") {
		run, o := task()
		a.TasksDone = append(a.TasksDone, ports.TaskRef{Run: run, Ordinal: o, Attempt: 1})
	}
	for range some("tasks") {
		run, o := task()
		a.Tasks = append(a.Tasks, ports.Task{Run: run, Ordinal: o, Attempt: 1, Queue: model.TaskQueue(m.oneOf("queue", "q", "r"))})
	}
	for range some("counts") {
		a.Counts = append(a.Counts, ports.RunCount{Namespace: a.Key.Namespace, Type: "T", Status: model.StatusRunning, N: int64(rapid.IntRange(0, 2).Draw(m.t, "n"))})
	}
}

// compare reads everything from both stores.
func (m *modelled) compare() {
	ctx := context.Background()
	same := func(what string, read func(ports.Store) (any, error)) {
		m.t.Helper()
		got, err := read(m.st)
		want, wantErr := read(m.mem)
		if g, w := fmt.Sprintf("%+v %v", got, err), fmt.Sprintf("%+v %v", want, wantErr); g != w {
			m.t.Fatalf("%s gives\n%s\nwant\n%s", what, g, w)
		}
	}
	same("feed", func(st ports.Store) (any, error) { return st.Feed(ctx, 0, m.from, 1<<20) })
	same("due", func(st ports.Store) (any, error) { return st.Due(ctx, 0, time.Unix(9, 0), nil, 10_000) })
	same("targets", func(st ports.Store) (any, error) { return st.InboxTargets(ctx, 0, nil, 10_000) })
	for i := range m.runs + 1 {
		id := m.runID(i)
		same("history", func(st ports.Store) (any, error) { return st.History(ctx, id, 2, 10) })
		same("run", func(st ports.Store) (any, error) { return st.Run(ctx, model.Namespace("a"+m.name), id) })
	}
	for _, ns := range []model.Namespace{model.Namespace("a" + m.name), model.Namespace("b" + m.name)} {
		same("counts", func(st ports.Store) (any, error) { return st.Count(ctx, ns) })
		for _, queue := range []model.TaskQueue{"q", "r"} {
			same("tasks", func(st ports.Store) (any, error) {
				ts, err := st.Tasks(ctx, ns, queue, 0, 100)
				for i := range ts {
					ts[i].Order = 0 // only its order is promised
				}
				return ts, err
			})
		}
		for _, q := range []ports.ListQuery{{}, {Type: "T"}, {Status: 2}, {Type: "U", Status: 1}, {Blocked: true}, {WorkflowID: "x"}, {WorkflowID: "y", Status: 1}} {
			q.Namespace, q.Limit = ns, 100
			same(fmt.Sprintf("list %+v", q), func(st ports.Store) (any, error) { return st.List(ctx, q) })
		}
		for _, wf := range []model.WorkflowID{"x", "y", "2024-01-02"} {
			key := model.ChainKey{Namespace: ns, WorkflowID: wf}
			same("chain", func(st ports.Store) (any, error) {
				c, r, err := st.Chain(ctx, key)
				return fmt.Sprintf("%+v %+v", c, r), err
			})
			same("inbox", func(st ports.Store) (any, error) {
				msgs, err := st.Inbox(ctx, key, 100)
				for i := range msgs {
					msgs[i].Pos = 0
				}
				return msgs, err
			})
			for _, id := range []model.RequestID{"k1", "k2", "k3"} {
				same("dedup", func(st ports.Store) (any, error) {
					d, found, err := st.Dedup(ctx, key, id, time.Unix(2, 0))
					return fmt.Sprint(d, found), err
				})
			}
		}
	}
}
