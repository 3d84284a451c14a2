package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func createAndContinue(t *testing.T, st ports.Store) {
	s := numbered(1)
	equal(t, "result of creation", s.step(t, st, 3), ports.AppendResult{FirstPos: 1, LastPos: 1})
	s.check(t, st)

	a := s.append(2)
	addRow(a, s.run.ID, a.Chain.HeadSeq, 4, nil)
	run := s.run
	run.Status, run.ClosedAt, run.HeadSeq, run.HistoryBytes = model.StatusCompleted, epoch0.Add(1), 9, 77
	a.Runs = []ports.Run{run}
	equal(t, "result of two rows", s.do(t, st, a), ports.AppendResult{FirstPos: 2, LastPos: 3})
	s.check(t, st)

	// Without history only the chain's row changes.
	a = s.append(0)
	a.Chain.WakeAt, a.Chain.CheckpointSeq = epoch0.Add(5), 8
	equal(t, "result without rows", s.do(t, st, a), ports.AppendResult{})
	s.check(t, st)
	got := must[ports.Run](t)(st.Run(t.Context(), s.key.Namespace, s.run.ID))
	equalRun(t, got, s.run)
	last := must[ports.HistoryRow](t)(st.LastHistory(t.Context(), s.run.ID))
	equal(t, "last history row's first seq", last.First, 6)
}

func conflictNamesHead(t *testing.T, st ports.Store) {
	s := numbered(1)
	a := s.append(1)
	a.Expect, a.Chain.Version, a.History[0].First, a.History[0].Last, a.Chain.HeadSeq = 4, 5, 9, 9, 9
	f := refused(t, st, a, fault.Conflict)
	equal(t, "version of no chain", f.Metadata["version"]+"/"+f.Metadata["head_seq"], "0/0")

	first := s.append(3)
	s.do(t, st, first)
	f = refused(t, st, first, fault.Conflict)
	equal(t, "version and head", f.Metadata["version"]+"/"+f.Metadata["head_seq"], "1/3")
	stale := s.append(1)
	s.step(t, st, 4)
	f = refused(t, st, stale, fault.Conflict)
	equal(t, "version and head", f.Metadata["version"]+"/"+f.Metadata["head_seq"], "2/7")
	s.check(t, st)
}

func creation(t *testing.T, st ports.Store) {
	s := numbered(1)
	a := s.append(1)
	a.History[0].First, a.History[0].Last, a.Chain.HeadSeq = 2, 2, 2
	refused(t, st, a, fault.InvalidInput)
	refused(t, st, s.append(0), fault.InvalidInput)
	a = s.append(1)
	a.Runs = nil
	refused(t, st, a, fault.InvalidInput)
	a = s.append(1)
	a.Chain.Version = 7
	refused(t, st, a, fault.InvalidInput)
	if rows := history(t, st, s.run.ID); len(rows) != 0 {
		t.Fatalf("refused creations left %d history rows", len(rows))
	}
	s.step(t, st, 1)
	s.check(t, st)
}

func contradictions(t *testing.T, st ports.Store) {
	s, other := numbered(1), numbered(2)
	s.step(t, st, 5)
	other.step(t, st, 5)
	for name, change := range map[string]func(a *ports.Append){
		"gap to the head":         func(a *ports.Append) { a.History[0].First, a.History[0].Last, a.Chain.HeadSeq = 7, 7, 7 },
		"overlap with the head":   func(a *ports.Append) { a.History[0].First, a.History[0].Last, a.Chain.HeadSeq = 5, 6, 6 },
		"gap between rows":        func(a *ports.Append) { addRow(a, s.run.ID, 7, 1, nil) },
		"backward row":            func(a *ports.Append) { a.History[0].Last = 5 },
		"seq 0":                   func(a *ports.Append) { a.History[0].First = 0 },
		"head not at the end":     func(a *ports.Append) { a.Chain.HeadSeq = 9 },
		"head moved without rows": func(a *ports.Append) { a.History, a.Chain.HeadSeq = nil, 9 },
		"run moved without rows":  func(a *ports.Append) { a.History, a.Chain.CurrentRun = nil, "elsewhere" },
		"another run in the middle": func(a *ports.Append) {
			a.History[0].Run, a.Chain.CurrentRun = "elsewhere", "elsewhere"
		},
		"a second run in the middle": func(a *ports.Append) { addRow(a, "elsewhere", 3, 1, nil) },
		"a run without its row":      func(a *ports.Append) { addRow(a, "new", 0, 1, nil) },
		"the current run again": func(a *ports.Append) {
			a.History[0].First, a.History[0].Last, a.Chain.HeadSeq, a.Runs = 1, 6, 6, []ports.Run{s.run}
		},
		"another chain's run": func(a *ports.Append) {
			r := other.run
			r.Key = s.key
			a.Runs = []ports.Run{r}
		},
		"another chain's row":    func(a *ports.Append) { a.Runs = []ports.Run{other.run} },
		"another chain's events": func(a *ports.Append) { a.History[0].Run, a.Chain.CurrentRun = other.run.ID, other.run.ID },
		"wrong version after":    func(a *ports.Append) { a.Chain.Version = 9 },
	} {
		t.Run(name, func(t *testing.T) {
			a := s.append(1)
			change(a)
			refused(t, st, a, fault.InvalidInput)
			s.check(t, st)
			other.check(t, st)
		})
	}
}

func revival(t *testing.T, st ports.Store) {
	s := numbered(1)
	s.step(t, st, 2)
	s.step(t, st, 2)
	// Nobody may begin the chain again …
	again := numbered(1)
	refused(t, st, again.append(1), fault.Conflict)
	// … nor write to a chain that is not there with a version that it once had …
	gone := numbered(2)
	gone.chain = ports.Chain{Version: 3, CurrentRun: gone.run.ID, HeadSeq: 9}
	refused(t, st, gone.append(1), fault.Conflict)
	if _, _, err := st.Chain(t.Context(), gone.key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("chain gave %v, want not_found", err)
	}
	// … nor begin a run of the chain a second time.
	next := newSubject("ns", "wf-00001", "run-next")
	a := s.append(1)
	a.Runs = []ports.Run{next.run}
	addRow(a, next.run.ID, 0, 1, nil)
	old := s.run
	s.do(t, st, a)
	a = s.append(1)
	a.Runs = []ports.Run{old}
	addRow(a, old.ID, 0, 1, nil)
	refused(t, st, a, fault.InvalidInput)
	s.check(t, st)
}

func severalRuns(t *testing.T, st ports.Store) {
	s := numbered(1)
	s.step(t, st, 3)
	first := s.run
	// Continue as new: the end of the old run and the beginning of the new one are one append.
	closed, second := s.run, s.run
	closed.Status, closed.HeadSeq = model.StatusContinuedAsNew, 4
	second.ID, second.StartedAt = "second", epoch0.Add(1)
	a := s.append(1)
	a.Runs = []ports.Run{closed, second}
	addRow(a, second.ID, 0, 2, nil)
	equal(t, "positions", s.do(t, st, a), ports.AppendResult{FirstPos: 2, LastPos: 3})
	s.check(t, st)
	got := must[ports.Run](t)(st.Run(t.Context(), "ns", first.ID))
	equalRun(t, got, closed)
	equal(t, "rows of the closed run", len(history(t, st, first.ID)), 2)

	// A chain may also be created with two runs at once.
	s = numbered(2)
	other := s.run
	other.ID = "other"
	a = s.append(2)
	a.Runs = append(a.Runs, other)
	addRow(a, other.ID, 0, 2, nil)
	s.do(t, st, a)
	s.check(t, st)
}

func staleEpoch(t *testing.T, st ports.Store) {
	s := numbered(1)
	a := s.append(1)
	a.Epoch = 7
	refused(t, st, a, fault.Stale)
	a = s.append(1)
	a.Shard = ports.ShardID(st.Info().Shards)
	refused(t, st, a, fault.NotOwner)
	s.step(t, st, 1)
	s.check(t, st)
}

func contention(t *testing.T, st ports.Store) {
	const writers, rounds = 24, 12
	s := numbered(1)
	for round := range rounds {
		won := make(chan *ports.Append, writers)
		together(t, writers, func(ctx context.Context, i int) error {
			a := *s.append(1 + i%3)
			a.ID[15] = byte(i)
			a.Send = []ports.Message{{Target: numbered(99).key, DedupKey: fmt.Sprintf("%d/%d", round, i)}}
			a.Counts = []ports.RunCount{{Namespace: "ns", Type: "Order", Status: model.StatusRunning, N: 1}}
			_, err := st.Append(ctx, &a)
			var f *fault.Error
			switch {
			case err == nil:
				won <- &a
			case !errors.As(err, &f) || f.Reason != fault.Conflict:
				return fmt.Errorf("loser got %w, want a conflict", err)
			case f.Metadata["version"] != fmt.Sprint(round+1):
				return fmt.Errorf("loser was told version %s in round %d", f.Metadata["version"], round)
			}
			return nil
		})
		close(won)
		if len(won) != 1 {
			t.Fatalf("%d winners in round %d, want 1", len(won), round)
		}
		s.committed(<-won)
		s.check(t, st)
	}
	msgs := must[[]ports.Message](t)(st.Inbox(t.Context(), numbered(99).key, 1000))
	equal(t, "messages of winners", len(msgs), rounds)
	equal(t, "count of winners", must[[]ports.RunCount](t)(st.Count(t.Context(), "ns"))[0].N, int64(rounds))
}

// badAppends are appends that a store must refuse, by name; each tries to write to every kind of row. victim exists.
func badAppends(victim *subject) map[string]*ports.Append {
	all := func(a *ports.Append) *ports.Append {
		a.Runs = append(a.Runs, victim.run)
		a.Dedup = []ports.Dedup{{ID: "bad", Run: "bad", Expires: epoch0.Add(1000)}}
		a.Send = []ports.Message{{Target: model.ChainKey{Namespace: "bad", WorkflowID: "bad"}, DedupKey: "bad"}}
		a.Tasks = []ports.Task{{Run: "bad", Ordinal: 1, Attempt: 1, Queue: "bad"}}
		a.Counts = []ports.RunCount{{Namespace: "bad", Type: "bad", Status: model.StatusRunning, N: 1}}
		a.Pins = []ports.Pin{{Package: "bad", N: 1}}
		return a
	}
	conflict := victim.append(1)
	conflict.Expect, conflict.Chain.Version = 50, 51
	gap := victim.append(1)
	gap.History[0].First, gap.History[0].Last, gap.Chain.HeadSeq = 70, 70, 70
	taken := victim.append(1)
	taken.Take = []ports.MessageRef{{DedupKey: "not there"}}
	half := victim.append(1)
	half.Take = []ports.MessageRef{{DedupKey: "there"}, {DedupKey: "not there"}}
	twice := victim.append(1)
	twice.Take = []ports.MessageRef{{DedupKey: "there"}, {DedupKey: "there"}}
	again := victim.append(1)
	again.History[0].First, again.History[0].Last, again.Chain.HeadSeq = 1, 1, 1
	return map[string]*ports.Append{"conflict": all(conflict), "gap": all(gap), "missing message": all(taken),
		"one message of two": all(half), "a message twice": all(twice), "begun again": all(again)}
}

// noTrace fails if anything of badAppends was written.
func noTrace(t *testing.T, st ports.Store, victim *subject) {
	t.Helper()
	victim.check(t, st)
	ctx := t.Context()
	if _, found, err := st.Dedup(ctx, victim.key, "bad", epoch0); err != nil || found {
		t.Fatalf("a refused append left a dedup row (%v)", err)
	}
	if msgs := must[[]ports.Message](t)(st.Inbox(ctx, model.ChainKey{Namespace: "bad", WorkflowID: "bad"}, 10)); len(msgs) > 0 {
		t.Fatal("a refused append left a message")
	}
	if ts := must[[]ports.Task](t)(st.Tasks(ctx, victim.key.Namespace, "bad", 0, 10)); len(ts) > 0 {
		t.Fatal("a refused append left a task")
	}
	if cs := must[[]ports.RunCount](t)(st.Count(ctx, "bad")); len(cs) > 0 {
		t.Fatal("a refused append changed a counter")
	}
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "bad"}))
	equal(t, "pins of refused appends", must[ports.Package](t)(st.Package(ctx, "bad")).Pins, 0)
	ok(t, st.DeletePackage(ctx, "bad"))
	msgs := must[[]ports.Message](t)(st.Inbox(ctx, victim.key, 10))
	equal(t, "messages that a refused append took", len(msgs), 1)
}

// victimWithMessage is a chain with history, whose inbox holds the message "there".
func victimWithMessage(t *testing.T, st ports.Store) *subject {
	t.Helper()
	victim := numbered(1)
	a := victim.append(3)
	a.Send = []ports.Message{{Target: victim.key, DedupKey: "there"}}
	victim.do(t, st, a)
	return victim
}

// [HIS-2] [HIS-5]
func failingLeavesNothing(t *testing.T, st ports.Store) {
	victim := victimWithMessage(t, st)
	for name, a := range badAppends(victim) {
		t.Run(name, func(t *testing.T) {
			if _, err := st.Append(t.Context(), a); err == nil {
				t.Fatal("the append was not refused")
			}
			noTrace(t, st, victim)
		})
	}
	s := numbered(2)
	equal(t, "position after refused appends", s.step(t, st, 1).FirstPos, 2)
}

func neighbours(t *testing.T, st ports.Store) {
	const good, rounds = 40, 6
	victim := victimWithMessage(t, st)
	subjects := make([]*subject, good)
	for i := range subjects {
		subjects[i] = numbered(100 + i)
	}
	for range rounds {
		bad := badAppends(victim)
		names := make([]string, 0, len(bad))
		for name := range bad {
			names = append(names, name)
		}
		together(t, good+len(bad), func(ctx context.Context, i int) error {
			if i < len(bad) {
				if _, err := st.Append(ctx, bad[names[i]]); !fault.Has(err, fault.Conflict) && !fault.Has(err, fault.InvalidInput) {
					return fmt.Errorf("%s: %w, want a refusal", names[i], err)
				}
				return nil
			}
			s := subjects[i-len(bad)]
			a := s.append(1 + i%4)
			if _, err := st.Append(ctx, a); err != nil {
				return fmt.Errorf("a neighbour of failing appends failed: %w", err)
			}
			s.committed(a)
			return nil
		})
	}
	noTrace(t, st, victim)
	for _, s := range subjects {
		s.check(t, st)
	}
}

func givenUp(t *testing.T, st ports.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := numbered(1)
	if _, err := st.Append(ctx, s.append(1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("an append given up before it began gave %v, want context.Canceled", err)
	}
	if _, _, err := st.Chain(t.Context(), s.key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("it was written all the same: %v", err)
	}
	if _, _, err := st.Chain(ctx, s.key); !errors.Is(err, context.Canceled) {
		t.Fatalf("a read given up before it began gave %v, want context.Canceled", err)
	}

	// Given up at any moment, it is there as a whole or not at all, and the answer is true.
	for i := range 50 {
		s := numbered(10 + i)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		a := s.append(2)
		a.Send = []ports.Message{{Target: s.key, DedupKey: "m"}}
		go func() { _, err := st.Append(ctx, a); done <- err }()
		cancel()
		err := <-done
		msgs := must[[]ports.Message](t)(st.Inbox(t.Context(), s.key, 10))
		rows := history(t, st, s.run.ID)
		if err == nil != (len(rows) == 1) || len(rows) != len(msgs) {
			t.Fatalf("append answered %v, and there are %d rows and %d messages", err, len(rows), len(msgs))
		}
	}
}

func keepsNothing(t *testing.T, st ports.Store) {
	s := numbered(1)
	a := s.append(1)
	body := bytes.Repeat([]byte{'a'}, 100)
	a.History[0].Bytes = body
	a.Runs[0].RequestDigest = body[:32]
	a.Send = []ports.Message{{Target: s.key, DedupKey: "m", Bytes: body}}
	if _, err := st.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	clear(body)
	want := strings.Repeat("a", 100)
	equal(t, "history bytes", string(history(t, st, s.run.ID)[0].Bytes), want)
	equal(t, "message bytes", string(must[[]ports.Message](t)(st.Inbox(t.Context(), s.key, 1))[0].Bytes), want)
	equal(t, "digest", string(must[ports.Run](t)(st.Run(t.Context(), "ns", s.run.ID)).RequestDigest), want[:32])
}

func fatRows(t *testing.T, st ports.Store) {
	s := numbered(1)
	a := s.append(0)
	for i := range 4 {
		addRow(a, s.run.ID, a.Chain.HeadSeq, 1000, bytes.Repeat([]byte{byte('a' + i)}, 1<<20))
	}
	s.do(t, st, a)
	s.check(t, st)
}
