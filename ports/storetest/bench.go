package storetest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Benchmark measures the commit unit of a run with one activity (S-1): an append that creates the chain (started, scheduled)
// and one that ends it (completed), each a chain row, a run row and a history row of some 200 bytes; "counted" adds the
// counters and the pin that go with them. Reported: units/s, p50 and p99 of a unit in ms, commits per unit.
func Benchmark(b *testing.B, open func(b *testing.B) ports.Store) {
	for _, callers := range []int{1, 16, 64, 256} {
		for _, counted := range []bool{false, true} {
			name := fmt.Sprintf("callers=%d", callers)
			if counted {
				name += "/counted"
			}
			b.Run(name, func(b *testing.B) { benchUnits(b, open(b), callers, counted) })
		}
	}
}

func benchUnits(b *testing.B, st ports.Store, callers int, counted bool) {
	before := st.Stats()
	var next atomic.Int64
	var wg sync.WaitGroup
	took := make([][]time.Duration, callers)
	b.ReportAllocs()
	b.ResetTimer()
	for c := range callers {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				begin := time.Now()
				if err := benchUnit(b, st, n, counted); err != nil {
					b.Error(err)
					return
				}
				took[c] = append(took[c], time.Since(begin))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	after := st.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "units/s")
	b.ReportMetric(float64(after.Commits-before.Commits)/float64(b.N), "commits/unit")
	b.ReportMetric(float64(all[len(all)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100])/1e6, "p99-ms")
}

var benchEvents, benchDigest = make([]byte, 200), make([]byte, 32)

func benchUnit(b *testing.B, st ports.Store, n int64, counted bool) error {
	key := model.ChainKey{Namespace: "default", WorkflowID: model.WorkflowID(fmt.Sprintf("order-%08x", uint32(n)*2654435761))}
	now := time.Now()
	run := ports.Run{ID: uuidV7(now), Key: key, Type: "PlaceOrder", Status: model.StatusRunning, Package: "native", TaskQueue: "default",
		StartedAt: now, StartRequest: model.RequestID(key.WorkflowID), RequestDigest: benchDigest, HeadSeq: 3, HistoryBytes: 200}
	a := &ports.Append{Key: key, Chain: ports.Chain{Version: 1, CurrentRun: run.ID, HeadSeq: 3, WakeAt: now}, Runs: []ports.Run{run},
		History: []ports.HistoryRow{{Run: run.ID, First: 1, Last: 3, Bytes: benchEvents}}}
	count := func(s model.Status, n int64) ports.RunCount {
		return ports.RunCount{Namespace: key.Namespace, Type: run.Type, Status: s, N: n}
	}
	if counted {
		a.Counts, a.Pins = []ports.RunCount{count(model.StatusRunning, 1)}, []ports.Pin{{Package: run.Package, N: 1}}
	}
	if _, err := st.Append(b.Context(), a); err != nil {
		return err
	}
	run.Status, run.ClosedAt, run.HeadSeq, run.HistoryBytes = model.StatusCompleted, now, 6, 400
	a = &ports.Append{Key: key, Expect: 1, Chain: ports.Chain{Version: 2, CurrentRun: run.ID, HeadSeq: 6}, Runs: []ports.Run{run},
		History: []ports.HistoryRow{{Run: run.ID, First: 4, Last: 6, Bytes: benchEvents}}}
	if counted {
		a.Counts = []ports.RunCount{count(model.StatusRunning, -1), count(model.StatusCompleted, 1)}
	}
	_, err := st.Append(b.Context(), a)
	return err
}

func uuidV7(now time.Time) model.RunID {
	var u [16]byte
	if _, err := rand.Read(u[6:]); err != nil {
		panic(err) // crypto/rand does not fail
	}
	ms := now.UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6], u[8] = u[6]&0x0f|0x70, u[8]&0x3f|0x80
	s := hex.EncodeToString(u[:])
	return model.RunID(s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:])
}
