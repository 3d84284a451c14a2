package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func gosched() { runtime.Gosched() }

// [C-1] Several appends to one chain in one transaction: the second sees the first.
func TestOneChainTwiceInOneTransaction(t *testing.T) {
	st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
	before := st.Stats().Commits
	out := together(t, st, creating("a"), continuing("a", 1), continuing("a", 2), continuing("a", 2), creating("b"), creating("a"))
	expectReasons(t, out, fine, fine, fine, fault.Conflict, fine, fault.Conflict)
	if n := st.Stats().Commits - before; n != 2 { // the plug's and the batch's
		t.Errorf("%d commits, want 2", n)
	}
	var f *fault.Error
	if errors.As(out[3].err, &f); f.Metadata["version"] != "3" || f.Metadata["head_seq"] != "3" {
		t.Errorf("the loser was told %v", f.Metadata)
	}
	if c, _ := chainOf(t, st, "a"); c.Version != 3 || c.HeadSeq != 3 {
		t.Errorf("the chain is %+v", c)
	}
}

// Positions are dense and in order of effect, whatever was refused in between.
func TestPositionsInOneTransaction(t *testing.T) {
	st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
	var as []*ports.Append
	for i := range 90 {
		as = append(as, creating(fmt.Sprint("wf", i)))
		if i%5 == 4 {
			as = append(as, creating(fmt.Sprint("wf", i-1)), continuing(fmt.Sprint("wf", i-2), 1), continuing(fmt.Sprint("none", i), 1))
		}
	}
	seen := map[int64]bool{}
	won := 0
	for i, o := range together(t, st, as...) {
		if o.err != nil {
			if !fault.Has(o.err, fault.Conflict) {
				t.Fatal(o.err)
			}
			continue
		}
		won++
		if o.res.FirstPos != o.res.LastPos || seen[o.res.FirstPos] {
			t.Errorf("append %d has the positions %+v", i, o.res)
		}
		seen[o.res.FirstPos] = true
	}
	rows, err := st.Feed(t.Context(), 0, 0, 1<<20)
	if err != nil || len(rows) != won+1 || won != 90+18 {
		t.Fatalf("%d appends won, %d rows: %v", won, len(rows), err)
	}
	for i, h := range rows {
		if h.Pos != int64(i+1) {
			t.Fatalf("row %d has position %d", i, h.Pos)
		}
	}
}

// An append that fails in the middle of a transaction for a reason of its own fails alone, and the transaction is still one.
func TestCulpritFailsAlone(t *testing.T) {
	again := creating("again")
	again.Runs[0].ID, again.Chain.CurrentRun, again.History[0].Run = "run-first", "run-first", "run-first" // it has history
	taking := creating("taking")
	taking.Take = []ports.MessageRef{{DedupKey: "none"}}
	elsewhere := creating("elsewhere")
	elsewhere.Runs = append(elsewhere.Runs, ports.Run{ID: "run-first", Key: keyOf("elsewhere"), StartedAt: time.Unix(1, 0)})
	for name, c := range map[string]struct {
		bad  *ports.Append
		want fault.Reason
	}{
		"a run that has history":      {again, fault.InvalidInput},
		"a message that is not there": {taking, fault.Conflict},
		"another chain's run":         {elsewhere, fault.InvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
			expectReasons(t, together(t, st, creating("first")), fine)
			c.bad.Send = []ports.Message{{Target: keyOf("target"), DedupKey: "bad"}}
			c.bad.Counts = []ports.RunCount{{Namespace: "ns", Type: "Bad", Status: model.StatusRunning, N: 1}}
			good := creating("x")
			good.Send = []ports.Message{{Target: keyOf("target"), DedupKey: "good"}}
			before := st.Stats().Commits
			out := together(t, st, good, c.bad, continuing("x", 1), continuing("first", 1), creating("y"))
			expectReasons(t, out, fine, c.want, fine, fine, fine)
			if n := st.Stats().Commits - before; n != 2 {
				t.Errorf("%d commits, want 2", n)
			}
			if _, found := chainOf(t, st, string(c.bad.Key.WorkflowID)); found {
				t.Error("the culprit left a chain")
			}
			msgs, err := st.Inbox(t.Context(), keyOf("target"), 10)
			if err != nil || len(msgs) != 1 || msgs[0].DedupKey != "good" {
				t.Errorf("messages are %v (%v)", msgs, err)
			}
			counts, err := st.Count(t.Context(), "ns")
			if err != nil || len(counts) != 1 || counts[0].N != 5 { // two plugs, first, x and y
				t.Errorf("counts are %v (%v)", counts, err)
			}
			rows, err := st.Feed(t.Context(), 0, 0, 1<<20)
			if err != nil || len(rows) != 7 || rows[6].Pos != 7 {
				t.Errorf("%d rows (%v)", len(rows), err)
			}
		})
	}
}

// A statement that fails for a reason that nobody knows is tried again with each request by itself.
func TestUnknownFailureHarmsNobodyElse(t *testing.T) {
	st, f := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
	f.hooks(func(sql string) error {
		if strings.HasPrefix(sql, "INSERT INTO inbox") {
			return errInjected
		}
		return nil
	}, nil)
	bad := creating("bad")
	bad.Send = []ports.Message{{Target: keyOf("t"), DedupKey: "m"}}
	out := together(t, st, creating("a"), bad, creating("b"))
	expectReasons(t, out, fine, fault.Internal, fine)
	if !strings.Contains(out[1].err.Error(), st.file.path) {
		t.Errorf("the message %q does not name the file", out[1].err)
	}
}

// SQLITE_FULL, I/O errors and locks before COMMIT are the database's: everything in the transaction is refused and undone,
// and the next one is tried again (C-8).
func TestRefusedTransaction(t *testing.T) {
	for _, at := range []string{"BEGIN", "INSERT INTO chain", "INSERT INTO run", "INSERT INTO history", "INSERT INTO counter"} {
		for text, say := range map[string]string{"database or disk is full": "make room", "disk I/O error": "the disk failed", "database is locked": "another process"} {
			t.Run(at+"/"+text, func(t *testing.T) {
				st, f := openFaulty(t, t.TempDir(), Options{OnFatal: func(err error) { t.Errorf("stopped: %v", err) }}, quick())
				f.hooks(failOn(at, 0, failure(text)), nil)
				out := together(t, st, creating("a"), continuing("none", 1), creating("b"))
				expectReasons(t, out, fault.Unavailable, fault.Unavailable, fault.Unavailable)
				if !strings.Contains(out[0].err.Error(), say) {
					t.Errorf("the message %q does not say %q", out[0].err, say)
				}
				f.hooks(nil, nil)
				if _, found := chainOf(t, st, "a"); found {
					t.Error("a refused append was written")
				}
				out = together(t, st, creating("a"), creating("b"))
				expectReasons(t, out, fine, fine)
				if out[1].res.LastPos != 3 {
					t.Errorf("positions after the refusal: %+v", out[1].res)
				}
			})
		}
	}
}

// [C-8] A COMMIT that fails because the disk is full, or that did not get its lock, is known not to have happened.
func TestCommitWithoutRoom(t *testing.T) {
	for _, text := range []string{"database or disk is full", "database is locked"} {
		for _, ended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/ended=%v", text, ended), func(t *testing.T) {
				st, f := openFaulty(t, t.TempDir(), Options{OnFatal: func(err error) { t.Errorf("stopped: %v", err) }}, quick())
				expectReasons(t, together(t, st, creating("a")), fine)
				failed := false
				f.hooks(func(sql string) error {
					switch {
					case sql == "COMMIT":
						failed = true
						return failure(text)
					case sql == "ROLLBACK" && ended && failed:
						failed = false // the database has ended the transaction by itself: there is none to roll back
						if _, err := st.writer.c.c.(*faultyConn).Conn.(driver.ExecerContext).ExecContext(context.Background(), sql, nil); err != nil {
							t.Error(err)
						}
						return failure("cannot rollback - no transaction is active")
					}
					return nil
				}, nil)
				expectReasons(t, together(t, st, continuing("a", 1), creating("b")), fault.Unavailable, fault.Unavailable)
				// A winner that rests on another one of the same transaction, which is put before it.
				expectReasons(t, together(t, st, continuing("c", 1), creating("c")), fault.Unavailable, fault.Unavailable)
				f.hooks(nil, nil)
				expectReasons(t, together(t, st, continuing("a", 1), creating("b")), fine, fine)
			})
		}
	}
}
