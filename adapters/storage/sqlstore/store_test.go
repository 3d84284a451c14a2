package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The suite on a driver with every pitfall of the real ones: whatever relies on better behaviour fails.
func TestConformanceOnFaultyDriver(t *testing.T) {
	storetest.Run(t, func(t *testing.T) ports.Store {
		st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
		return st
	})
}

func keyOf(name string) model.ChainKey {
	return model.ChainKey{Namespace: "ns", WorkflowID: model.WorkflowID(name)}
}

// creating gives an append that creates a chain.
func creating(name string) *ports.Append {
	run := model.RunID("run-" + name)
	return &ports.Append{Key: keyOf(name), Chain: ports.Chain{Version: 1, CurrentRun: run, HeadSeq: 1},
		Runs:    []ports.Run{{ID: run, Key: keyOf(name), Type: "T", Status: model.StatusRunning, StartedAt: time.Unix(1, 0)}},
		History: []ports.HistoryRow{{Run: run, First: 1, Last: 1, Bytes: []byte("1")}},
		Counts:  []ports.RunCount{{Namespace: "ns", Type: "T", Status: model.StatusRunning, N: 1}}}
}

// continuing gives an append to a chain that creating made, from a version on.
func continuing(name string, expect uint64) *ports.Append {
	a := creating(name)
	a.Expect, a.Chain.Version, a.Chain.HeadSeq, a.Counts = expect, expect+1, model.Seq(expect+1), nil
	a.History[0].First, a.History[0].Last = model.Seq(expect+1), model.Seq(expect+1)
	return a
}

// outcome is what an append answered.
type outcome struct {
	res ports.AppendResult
	err error
}

// together makes one transaction of the appends: they queue up, in order, while the writer is held still.
func together(t testing.TB, st *Store, as ...*ports.Append) []outcome {
	t.Helper()
	out := make([]outcome, len(as))
	done := make(chan int, len(as))
	st.writer.pause.Lock()
	// What the writer has taken already must not be part of the batch: it stands at the pause with a first append.
	plug := make(chan error, 1)
	go func() {
		_, err := st.Append(context.Background(), creating(fmt.Sprint("plug", plugs.Add(1))))
		plug <- err
	}()
	waitFor(t, func() bool { return len(plug) > 0 || st.queue.taken() })
	for i, a := range as {
		go func() {
			out[i].res, out[i].err = st.Append(context.Background(), a)
			done <- i
		}()
		waitFor(t, func() bool { return st.queue.length() == i+1 })
	}
	st.writer.pause.Unlock()
	<-plug
	for range as {
		<-done
	}
	return out
}

var plugs atomic.Int64

// taken says that the writer has emptied the queue of something that is not answered yet.
func (q *queue) taken() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0 && q.held.Load() > 0
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// waitFor lets others run until a condition that they will bring about holds.
func waitFor(t testing.TB, cond func() bool) {
	t.Helper()
	for !cond() {
		if t.Context().Err() != nil {
			t.Fatal("what was waited for did not happen")
		}
		gosched()
	}
}

func chainOf(t testing.TB, st *Store, name string) (ports.Chain, bool) {
	t.Helper()
	c, _, err := st.Chain(context.Background(), keyOf(name))
	if err != nil && !fault.Has(err, fault.NotFound) {
		t.Fatal(err)
	}
	return c, err == nil
}

func reasons(out []outcome) (rs []fault.Reason) {
	for _, o := range out {
		rs = append(rs, fault.ReasonOf(o.err))
	}
	return rs
}

func expectReasons(t testing.TB, out []outcome, want ...fault.Reason) {
	t.Helper()
	if got := reasons(out); !slices.Equal(got, want) {
		for _, o := range out {
			t.Log(o.err)
		}
		t.Fatalf("answers are %v, want %v", got, want)
	}
}

const fine = fault.Unspecified

var errInjected = errors.New("injected failure")
