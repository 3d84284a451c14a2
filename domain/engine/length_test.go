package engine_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// lengths counts warnings.
type lengths struct {
	ports.NoTelemetry
	mu sync.Mutex
	n  int
}

func (l *lengths) HistoryLarge(model.Namespace, model.WorkflowType) {
	l.mu.Lock()
	l.n++
	l.mu.Unlock()
}

// churn starts and cancels as many timers as a signal says, and tells by a query how many rounds it made.
var churn = workflow.Define("Churn", func(ctx workflow.Context, rounds int) (int, error) {
	made := 0
	notes.Handle(ctx, func(workflow.None) ([]string, error) { return make([]string, made), nil })
	for made < rounds {
		n, err := note.Receive(ctx)
		if err != nil {
			return made, err
		}
		for range len(n) {
			workflow.NewTimer(ctx, time.Hour).Cancel()
		}
		made++
	}
	return made, nil
})

// [B-1] [HIS-6] Before a history meets its limit it is told, once: by a metric, in the log, by describe; also over a restart.
func TestHistoryWarning(t *testing.T) {
	var tel lengths
	var log bytes.Buffer
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{churn}, Configure: func(o *aion.Options) {
		o.Telemetry, o.Limits.HistoryEvents, o.Logger = &tel, 100, slog.New(slog.NewTextHandler(&log, nil))
	}})
	r := ref(start(t, env, request(churn, 9)))
	say := func(timers int, warned bool) {
		t.Helper()
		if err := signal(env, r, strings.Repeat("x", timers), ""); err != nil {
			t.Fatal(err)
		}
		d, err := env.Engine().Describe(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(d.HistoryWarning, "of at most 100 events"); got != warned {
			t.Errorf("after %d events the warning is %q", d.Run.HeadSeq, d.HistoryWarning)
		}
	}
	say(10, false) // 26 events or so
	say(14, true)
	env.Restart()
	say(1, true)
	if tel.n != 1 || strings.Count(log.String(), "a history comes near its limit") != 1 {
		t.Errorf("%d warnings counted; log %s", tel.n, log.String())
	}
	say(40, true)
	if o := standing(t, env, r); o.Blocked == nil || o.Blocked.What != "history_limit" {
		t.Errorf("%+v", o)
	}
}

// [B-1] [C-5] [C-6] A history of 100,000 events is recorded, read page by page, folded and replayed after a restart, and goes on.
func TestLongHistory(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) ports.Store{
		"memory": func(*testing.T) ports.Store { return memory.New() },
		"sqlite": func(t *testing.T) ports.Store {
			st, err := sqlite.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "aion.db")})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			return st
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{churn}, Configure: func(o *aion.Options) { o.Store = store }})
			const rounds, timers = 8, 7000
			r := ref(start(t, env, request(churn, rounds)))
			for i := range rounds {
				if i == rounds-1 {
					env.Restart()
				}
				if err := signal(env, r, strings.Repeat("x", timers), ""); err != nil {
					t.Fatal(err)
				}
			}
			if o := standing(t, env, r); o.Status != model.StatusCompleted || string(o.Result.Data) != "8" {
				t.Fatalf("%+v", o)
			}
			if n := len(events(t, env, r)); n < 100_000 {
				t.Errorf("only %d events", n)
			}
			if q, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: r, Name: "Notes"}); err != nil || strings.Count(string(q.Output.Data), `""`) != rounds {
				t.Errorf("the query of the closed run gave %s, %v", q.Output.Data, err)
			}
		})
	}
}
