package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// epoch0 is the first moment of the suite's own clock.
var epoch0 = time.Date(2024, 1, 2, 3, 4, 5, 678901234, time.UTC)

// subject drives one chain as an engine would: it knows what the store should hold.
type subject struct {
	key   model.ChainKey
	chain ports.Chain
	run   ports.Run
	rows  []ports.HistoryRow // of the current run
}

func newSubject(ns, workflow, run string) *subject {
	key := model.ChainKey{Namespace: model.Namespace(ns), WorkflowID: model.WorkflowID(workflow)}
	return &subject{key: key, run: ports.Run{
		ID: model.RunID(run), Key: key, Type: "Order", Status: model.StatusRunning, Package: "native", TaskQueue: "default", StartedAt: epoch0,
	}}
}

// numbered is a subject whose names end in n.
func numbered(n int) *subject {
	return newSubject("ns", fmt.Sprintf("wf-%05d", n), fmt.Sprintf("run-%05d", n))
}

// append gives the next append of the chain with one history row of so many events; zero events means no row.
// The first append creates the chain and brings the run's row.
func (s *subject) append(events int) *ports.Append {
	a := &ports.Append{Key: s.key, Expect: s.chain.Version, ID: appendID(s.key, s.chain.Version)}
	a.Chain = s.chain
	a.Chain.Version++
	a.Chain.CurrentRun = s.run.ID
	if s.chain.Version == 0 {
		a.Runs = []ports.Run{s.run}
	}
	if events > 0 {
		addRow(a, s.run.ID, s.chain.HeadSeq, events, nil)
	}
	return a
}

// addRow adds a history row after head and moves the chain's head to its end. nil bytes are replaced by telling ones.
func addRow(a *ports.Append, run model.RunID, head model.Seq, events int, bytes []byte) {
	row := ports.HistoryRow{Run: run, First: head + 1, Last: head + model.Seq(events), Bytes: bytes}
	if bytes == nil {
		row.Bytes = fmt.Appendf(nil, "%s %d-%d", run, row.First, row.Last)
	}
	a.History = append(a.History, row)
	a.Chain.CurrentRun, a.Chain.HeadSeq = run, row.Last
}

// committed takes over what a wrote, so that the next append continues there.
func (s *subject) committed(a *ports.Append) {
	s.chain = a.Chain
	for _, r := range a.Runs {
		if r.ID == a.Chain.CurrentRun {
			s.run = r
		}
	}
	for _, h := range a.History {
		if len(s.rows) > 0 && s.rows[0].Run != h.Run {
			s.rows = nil
		}
		h.AppendID = a.ID
		s.rows = append(s.rows, h)
	}
}

// do appends and must succeed.
func (s *subject) do(t testing.TB, st ports.Store, a *ports.Append) ports.AppendResult {
	t.Helper()
	res, err := st.Append(t.Context(), a)
	if err != nil {
		t.Fatalf("append to %q at version %d: %v", a.Key.WorkflowID, a.Expect, err)
	}
	s.committed(a)
	return res
}

// step is append and do in one.
func (s *subject) step(t testing.TB, st ports.Store, events int) ports.AppendResult {
	t.Helper()
	return s.do(t, st, s.append(events))
}

// check compares what the store has with what the subject expects.
func (s *subject) check(t testing.TB, st ports.Store) {
	t.Helper()
	chain, run, err := st.Chain(t.Context(), s.key)
	if err != nil {
		t.Fatalf("chain %q: %v", s.key.WorkflowID, err)
	}
	equal(t, "chain row", chain, s.chain)
	equalRun(t, run, s.run)
	rows := history(t, st, s.run.ID)
	if len(rows) != len(s.rows) {
		t.Fatalf("run %q has %d history rows, want %d", s.run.ID, len(rows), len(s.rows))
	}
	for i, h := range rows {
		if w := s.rows[i]; h.Run != w.Run || h.First != w.First || h.Last != w.Last || string(h.Bytes) != string(w.Bytes) || h.AppendID != w.AppendID {
			t.Fatalf("history row %d is %+v, want %+v", i, h, w)
		}
	}
}

func appendID(key model.ChainKey, version uint64) (id ports.AppendID) {
	copy(id[8:], key.WorkflowID)
	binary.BigEndian.PutUint64(id[:], version+1)
	return id
}

// history reads a whole run in small pages.
func history(t testing.TB, st ports.Store, run model.RunID) (out []ports.HistoryRow) {
	t.Helper()
	for from := model.Seq(1); ; {
		rows, err := st.History(t.Context(), run, from, 1<<20)
		if err != nil {
			t.Fatalf("history of %q from %d: %v", run, from, err)
		}
		if len(rows) == 0 {
			return out
		}
		out = append(out, rows...)
		from = rows[len(rows)-1].Last + 1
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is\n\t%+v, want\n\t%+v", what, got, want)
	}
}

func equalRun(t testing.TB, got, want ports.Run) {
	t.Helper()
	if string(got.RequestDigest) != string(want.RequestDigest) {
		t.Fatalf("request digest of run %q is %x, want %x", want.ID, got.RequestDigest, want.RequestDigest)
	}
	got.RequestDigest, want.RequestDigest = nil, nil
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fatalf("run row is\n\t%s, want\n\t%s", g, w)
	}
}

func equalSlices[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s are\n\t%+v, want\n\t%+v", what, got, want)
	}
}

// refused runs an append that must fail with reason r and leave the chain as it was.
func refused(t testing.TB, st ports.Store, a *ports.Append, r fault.Reason) *fault.Error {
	t.Helper()
	before, _, errBefore := st.Chain(t.Context(), a.Key)
	_, err := st.Append(t.Context(), a)
	if !fault.Has(err, r) {
		t.Fatalf("append gave %v, want reason %s", err, r)
	}
	after, _, errAfter := st.Chain(t.Context(), a.Key)
	if (errBefore == nil) != (errAfter == nil) {
		t.Fatalf("a refused append made or removed the chain: %v, then %v", errBefore, errAfter)
	}
	equal(t, "chain row after a refused append", after, before)
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no fault", err)
	}
	return f
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// together runs f(0) … f(n-1) at once and fails with the first error.
func together(t testing.TB, n int, f func(ctx context.Context, i int) error) {
	t.Helper()
	errs := make(chan error, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			errs <- f(t.Context(), i)
		}()
	}
	close(start)
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		t.Fatal(first)
	}
}
