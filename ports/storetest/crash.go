package storetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	crashVar     = "AION_STORETEST_CRASH" // directory and round of a child that is to be killed
	crashWorkers = 8
	crashSteps   = 3 // appends to each chain
)

// CrashChild must be the first call of TestMain where RunCrash is used. In a child process of RunCrash it appends until it is
// killed; elsewhere it does nothing.
func CrashChild(open Opener) {
	var round int
	var dir string
	if n, _ := fmt.Sscanf(os.Getenv(crashVar), "%d %s", &round, &dir); n != 2 {
		return
	}
	st, err := open(dir)
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for w := range crashWorkers {
		go func() {
			for n := 0; ; n++ {
				s := crashSubject(round, w, n)
				for range crashSteps {
					a := crashAppend(s)
					if _, err := st.Append(context.Background(), a); err != nil {
						say("failed: %v", err)
						return
					}
					s.committed(a)
					say("ack %s %d", s.key.WorkflowID, s.chain.Version)
				}
			}
		}()
	}
	select {}
}

func crashSubject(round, worker, n int) *subject {
	name := fmt.Sprintf("r%d-w%d-c%d", round, worker, n)
	return newSubject("crash", name, "run-"+name)
}

// crashAppend is an append with a part in every table.
func crashAppend(s *subject) *ports.Append {
	a := s.append(1)
	addRow(a, s.run.ID, a.Chain.HeadSeq, 2, nil)
	run := s.run
	run.HeadSeq = a.Chain.HeadSeq
	a.Runs = []ports.Run{run}
	step := fmt.Sprint(a.Chain.Version)
	a.Send = []ports.Message{{Target: crashSink(s.key), DedupKey: step}}
	a.Tasks = []ports.Task{{Run: run.ID, Ordinal: model.Ordinal(a.Chain.Version), Attempt: 1, Queue: model.TaskQueue(s.key.WorkflowID)}}
	a.Dedup = []ports.Dedup{{ID: model.RequestID(step), Run: run.ID, Expires: epoch0.Add(1)}}
	a.Counts = []ports.RunCount{{Namespace: s.key.Namespace, Type: run.Type, Status: run.Status, N: 1}}
	return a
}

func crashSink(key model.ChainKey) model.ChainKey {
	return model.ChainKey{Namespace: key.Namespace, WorkflowID: "sink-" + key.WorkflowID}
}

// RunCrash kills a process in the middle of its appends, several times on the same data: every acknowledged append is there
// as a whole, and of the others each is there as a whole or not at all.
func RunCrash(t *testing.T, open Opener) {
	dir := t.TempDir()
	acked := map[model.WorkflowID]uint64{}
	total := int64(0)
	for round := range 5 {
		crash(t, dir, round, 60+71*round, acked)
		st := reopen(t, open, dir)
		appends := int64(0)
		for r := range round + 1 {
			for w := range crashWorkers {
				for n := 0; ; n++ {
					v := crashed(t, st, crashSubject(r, w, n), acked)
					appends += int64(v)
					if v == 0 {
						break
					}
				}
			}
		}
		if appends < total {
			t.Fatalf("%d appends after round %d, there were %d before", appends, round, total)
		}
		total = appends
		equal(t, "counter", must[[]ports.RunCount](t)(st.Count(t.Context(), "crash"))[0].N, total)
		last := must[[]ports.HistoryRow](t)(st.Feed(t.Context(), 0, 2*total-1, 1<<20))
		equal(t, "rows at the feed's end", len(last), 1)
		ok(t, st.Close())
	}
	t.Logf("%d appends acknowledged, %d found", sum(acked), total)
}

func sum(m map[model.WorkflowID]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// crash runs a child and kills it when it has acknowledged enough; it records what was acknowledged.
func crash(t *testing.T, dir string, round, enough int, acked map[model.WorkflowID]uint64) {
	t.Helper()
	self := must[string](t)(os.Executable())
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", crashVar, round, dir))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); {
		var workflow model.WorkflowID
		var version uint64
		if strings.HasPrefix(lines.Text(), "failed") {
			t.Errorf("child in round %d: %s", round, lines.Text())
			break
		}
		if k, _ := fmt.Sscanf(lines.Text(), "ack %s %d", &workflow, &version); k != 2 {
			continue
		}
		acked[workflow] = version
		if n++; n == enough {
			ok(t, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); err == nil || t.Failed() {
		t.Fatalf("the child of round %d ended by itself: %v", round, err)
	}
}

// crashed checks one chain, and gives its version: 0 when it is not there.
func crashed(t *testing.T, st ports.Store, s *subject, acked map[model.WorkflowID]uint64) uint64 {
	t.Helper()
	ctx := t.Context()
	chain, run, err := st.Chain(ctx, s.key)
	if err != nil && !fault.Has(err, fault.NotFound) {
		t.Fatal(err)
	}
	v := chain.Version
	if v < acked[s.key.WorkflowID] || v > acked[s.key.WorkflowID]+1 {
		t.Fatalf("chain %q has version %d, %d was acknowledged and at most one more was in flight", s.key.WorkflowID, v, acked[s.key.WorkflowID])
	}
	rows := history(t, st, s.run.ID)
	next := model.Seq(1)
	for _, h := range rows {
		equal(t, "seq", h.First, next)
		next = h.Last + 1
	}
	msgs := must[[]ports.Message](t)(st.Inbox(ctx, crashSink(s.key), 10))
	tasks := must[[]ports.Task](t)(st.Tasks(ctx, s.key.Namespace, model.TaskQueue(s.key.WorkflowID), 0, 10))
	dedups := 0
	for i := range crashSteps {
		if _, found, _ := st.Dedup(ctx, s.key, model.RequestID(fmt.Sprint(i+1)), epoch0); found {
			dedups++
		}
	}
	got := fmt.Sprintf("head %d, run's head %d, %d rows to seq %d, %d messages, %d tasks, %d dedup rows", chain.HeadSeq, run.HeadSeq, len(rows), next-1, len(msgs), len(tasks), dedups)
	want := fmt.Sprintf("head %d, run's head %d, %d rows to seq %d, %d messages, %d tasks, %d dedup rows", 3*v, 3*v, 2*v, 3*v, v, v, v)
	equal(t, "chain "+string(s.key.WorkflowID), got, want)
	return v
}
