package kill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/kill/load"
	"github.com/aionrun/aion/test/verdict"
)

// size is how much is killed, and how much of it must count: kills of the server with enough runs open and a commit just before (at
// least a third of them with a result in flight), and half of the kills of workers.
type size struct {
	lanes                   int
	servers, workers        int // kills
	counted, inFlight, runs int // wanted
	limit                   time.Duration
}

var (
	small = size{lanes: 40, servers: 4, workers: 1, counted: 3, runs: 40, inFlight: 1, limit: 2 * time.Minute}
	full  = size{lanes: 60, servers: 60, workers: 20, counted: 30, runs: 200, inFlight: 10, limit: 8 * time.Minute}
)

// [START-4] [ACT-1] TestKill holds A-5, C-1, C-8, M-2 and S-6 on real processes: what was acknowledged is recorded, nothing runs after its result was
// recorded, and every run ends as its plan says, however often server and workers are killed.
func TestKill(t *testing.T) {
	z := small
	switch v := os.Getenv("KILL_TEST"); v {
	case "full":
		z = full
	case "":
	default:
		t.Fatalf("KILL_TEST=%q: it is full, or not set", v)
	}
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("KILL_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "aion-kill-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("KILL_SEED=%d, and everything that was seen is in %s", seed, dir)
		} else if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), z.limit)
	defer cancel()

	s, err := open(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{site: s, seed: seed, lanes: z.lanes}
	began := time.Now()
	if err := killAll(ctx, s, d, z); err != nil {
		t.Fatal(errors.Join(err, s.close()))
	}
	t.Logf("%d runs in %.0f s, %d queries; %d messages came again after the end", d.next.Load(), time.Since(began).Seconds(), d.queries.Load(), d.refused.Load())
	if err := export(ctx, s, d); err != nil {
		t.Fatal(errors.Join(err, s.close()))
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	judge(ctx, t, dir, d.plans, z)
}

// killAll drives the load and kills, until the kills are done and the open runs have ended.
func killAll(ctx context.Context, s *site, d *driver, z size) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	var both sync.WaitGroup
	var driven, killed error
	both.Go(func() {
		if driven = d.drive(ctx, stop); driven != nil {
			cancel(driven)
		}
	})
	both.Go(func() {
		defer close(stop)
		k := &killer{site: s, driver: d, rand: rand.New(rand.NewPCG(d.seed, 1))}
		killed = k.kill(ctx, z.servers, z.workers)
	})
	both.Wait()
	return errors.Join(driven, killed)
}

// export writes the histories of all runs into the folder.
func export(ctx context.Context, s *site, d *driver) error {
	for id := range d.plans {
		var events []*aionv1.HistoryEvent
		err := insist(ctx, func(ctx context.Context) error {
			events = nil
			for e, err := range s.client.History(ctx, client.ID(id)) {
				if err != nil {
					return err
				}
				events = append(events, e)
			}
			return nil
		})
		if client.ReasonOf(err) == client.NotFound {
			continue // the judge finds that out
		}
		if err != nil {
			return err
		}
		if err := evidence.WriteHistory(filepath.Join(s.dir, evidence.Histories), id, events); err != nil {
			return err
		}
	}
	return nil
}

// judge compares everything.
func judge(ctx context.Context, t *testing.T, dir string, plans map[string]load.Plan, z size) {
	f, err := evidence.ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := verdict.Judge(f)
	var ends []string
	for id, p := range plans {
		r := v.Runs[id]
		switch {
		case r == nil || r.Status != p.Status():
			ends = append(ends, fmt.Sprintf("%s: ended as %+v, and not as its plan says: %+v", id, r, p))
		case p.End == load.Complete:
			var d load.Done
			if err := json.Unmarshal(r.Result, &d); err != nil || d != p.Result() {
				ends = append(ends, fmt.Sprintf("%s: its result is %s, and not %+v", id, r.Result, p.Result()))
			}
		}
	}
	began := time.Now()
	strays, err := replay(ctx, dir, f.Histories)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d runs: %s; %d attempts, %d results, %d messages; replayed twice in %.0f s", len(v.Runs), v.StatusLine(), v.Attempts, v.ResultsRecorded, v.Messages, time.Since(began).Seconds())
	for what, found := range map[string][]string{"lost": v.Lost, "repeated": v.Repeated, "wrong": v.Wrong, "ended otherwise": ends, "not replayed": strays} {
		for i, line := range found {
			if i == 10 {
				t.Errorf("%s: and %d more", what, len(found)-i)
				break
			}
			t.Errorf("%s: %s", what, line)
		}
	}

	counts := func(k verdict.KillPoint) bool {
		return k.OpenRuns >= minOpen && k.SinceCommit >= 0 && k.SinceCommit <= maxCommit
	}
	counted := v.CountedKills(evidence.Server, counts)
	flying := v.CountedKills(evidence.Server, func(k verdict.KillPoint) bool { return counts(k) && k.InFlight > 0 })
	workers := v.CountedKills(evidence.Worker, func(k verdict.KillPoint) bool { return k.OpenRuns >= minOpen })
	t.Logf("kills that count: %d of the server (%d with a result in flight), %d of workers\n%s", counted, flying, workers, points(v, counts))
	if counted < z.counted || flying < z.inFlight || flying*3 < counted || workers < z.workers/2 || len(v.Runs) < z.runs {
		t.Errorf("too little was shown: wanted are %d kills of the server that count, %d and a third of them with a result in flight, %d of workers, and %d runs", z.counted, z.inFlight, z.workers/2, z.runs)
	}
}

// points is a table of what was going on at the kills.
func points(v *verdict.Verdict, counts func(verdict.KillPoint) bool) string {
	phases := map[evidence.Victim]map[string]int{evidence.Server: {}, evidence.Worker: {}}
	var b strings.Builder
	for _, k := range v.Kills {
		phases[k.Victim][k.Phase()]++
		mark := " "
		if k.Victim == evidence.Server && counts(k) {
			mark = "*"
		}
		fmt.Fprintf(&b, "  %s %-6s %s  %3d runs open, commit %4d ms before, %2d activities running, in flight: %2d results, %2d starts, %2d messages\n",
			mark, k.Victim, k.Time.Format("15:04:05.000"), k.OpenRuns, k.SinceCommit.Milliseconds(), k.Running, k.InFlight, k.Starting, k.Messaging)
	}
	for victim, of := range phases {
		for _, phase := range []string{"result in flight", "message in flight", "start in flight", "activity running", "only waiting", "idle"} {
			if of[phase] > 0 {
				fmt.Fprintf(&b, "  %-6s  %-17s  %3d\n", victim, phase, of[phase])
			}
		}
	}
	return b.String()
}
