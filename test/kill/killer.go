package kill

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/aionrun/aion/test/evidence"
)

// killer kills the server and the workers while runs are open.
type killer struct {
	site   *site
	driver *driver
	rand   *rand.Rand
	ledger *tail
}

// What a kill must meet to count, and so what the killer waits for.
const (
	minOpen   = 20                     // runs
	maxCommit = 100 * time.Millisecond // since the last commit
)

// kill kills the server and the workers so many times, as far as it can tell that the kills of the server count; on a machine so slow that
// they do not it gives up after three times as many. Two of three kills of the server are aimed at a result that is in flight.
func (k *killer) kill(ctx context.Context, servers, workers int) error {
	f, err := os.OpenFile(filepath.Join(k.site.dir, evidence.LedgerFile), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	k.ledger = &tail{file: f}
	every := servers / max(workers, 1) // a worker after each so many servers
	for n, counted := 1, 0; counted < servers && n <= 3*servers; n++ {
		pause(ctx, time.Duration(100+k.rand.IntN(700))*time.Millisecond)
		acked, err := k.wait(ctx, n%3 != 0)
		if err != nil {
			return err
		}
		at, err := k.site.kill(evidence.Server, k.site.server.Keeper)
		if err != nil {
			return err
		}
		if at.Sub(acked) < maxCommit/2 {
			counted++
		}
		if k.rand.IntN(6) == 0 { // again, while it starts: one more, which does not count
			pause(ctx, time.Duration(k.rand.IntN(300))*time.Millisecond)
			if _, err := k.site.kill(evidence.Server, k.site.server.Keeper); err != nil {
				return err
			}
		}
		if n%every == 0 && workers > 0 {
			workers--
			// Sometimes while the server is away, sometimes when it is back.
			pause(ctx, time.Duration(k.rand.IntN(2))*time.Second)
			if _, err := k.site.kill(evidence.Worker, k.site.workers[k.rand.IntN(len(k.site.workers))]); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits until enough runs are open and the result of an attempt that began since then was acknowledged just now (so there was a
// commit), and, if aimed, until a worker has a result that is not acknowledged. It gives the time of that acknowledgement.
func (k *killer) wait(ctx context.Context, aimed bool) (acked time.Time, err error) {
	if _, err := k.ledger.read(); err != nil { // what is old
		return acked, err
	}
	begun := map[evidence.Step]bool{}
	for {
		steps, err := k.ledger.read()
		if err != nil {
			return acked, err
		}
		ended := false
		for _, s := range steps {
			attempt := evidence.Step{Workflow: s.Workflow, Activity: s.Activity, Attempt: s.Attempt, PID: s.PID}
			switch s.Phase {
			case evidence.Begin:
				begun[attempt] = true
			case evidence.Acked:
				if begun[attempt] {
					acked = s.Time
				}
			case evidence.End:
				ended = true
			}
		}
		if k.driver.open.Load() >= minOpen+10 && time.Since(acked) < maxCommit/3 && (ended || !aimed) {
			return acked, nil
		}
		select {
		case <-time.After(200 * time.Microsecond):
		case <-ctx.Done():
			return acked, context.Cause(ctx)
		}
	}
}

// tail reads what is appended to the ledger.
type tail struct {
	file *os.File
	rest []byte
}

func (t *tail) read() (steps []evidence.Step, err error) {
	added, err := io.ReadAll(t.file)
	if err != nil {
		return nil, err
	}
	t.rest = append(t.rest, added...)
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
		if !whole {
			return steps, nil
		}
		var s evidence.Step
		if err := json.Unmarshal(line, &s); err != nil {
			return nil, err
		}
		steps, t.rest = append(steps, s), rest
	}
}
