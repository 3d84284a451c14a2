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

// queueUp puts an append into the queue without waiting for its answer.
func queueUp(t testing.TB, st *Store, a *ports.Append) *request {
	t.Helper()
	r := &request{append: a, size: int64(a.Size()), done: make(chan struct{}, 1)}
	if err := st.queue.put(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// plug makes the writer stand still with an append in its hands, until the pause is unlocked: what is queued now becomes
// the next transaction.
func plug(t testing.TB, st *Store) *request {
	t.Helper()
	st.writer.pause.Lock()
	r := queueUp(t, st, creating(fmt.Sprint("plug", plugs.Add(1))))
	waitFor(t, func() bool { return r.state.Load() == taken })
	return r
}

// together makes one transaction of the appends, in order.
func together(t testing.TB, st *Store, as ...*ports.Append) (out []outcome) {
	t.Helper()
	first := plug(t, st)
	var rs []*request
	for _, a := range as {
		rs = append(rs, queueUp(t, st, a))
	}
	st.writer.pause.Unlock()
	<-first.done
	for _, r := range rs {
		<-r.done
		out = append(out, outcome{r.res, r.err})
	}
	return out
}

var plugs atomic.Int64

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
