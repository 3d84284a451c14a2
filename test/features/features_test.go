package features_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/features"
	"github.com/aionrun/aion/test/features/feature"
)

var update = flag.Bool("update", false, "renew the lists of features, and keep the histories of those that have none")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stores are what each script runs on.
var stores = []struct {
	name string
	open func(ctx context.Context, path string) (ports.Store, error)
}{
	{"memory", func(context.Context, string) (ports.Store, error) { return memory.New(), nil }},
	{"sqlite", func(ctx context.Context, path string) (ports.Store, error) {
		return sqlite.Open(ctx, sqlstore.Options{Path: path})
	}},
	{"libsql", func(ctx context.Context, path string) (ports.Store, error) {
		if !libsql.Available {
			return sqlite.Open(ctx, sqlstore.Options{Path: path}) // a build without CGO: the same files
		}
		return libsql.Open(ctx, sqlstore.Options{Path: path})
	}},
}

// code is all features, as a runtime has them.
type code struct {
	name    string
	runtime ports.Runtime
	program ports.Program
	archive []byte // to deploy; nil where the code is in the process
	close   func()
	err     error
}

func inProcess() *code {
	c := &code{name: "native", runtime: native.New(features.Workflows()...)}
	c.program, c.err = c.runtime.Load(context.Background(), model.NativePackage, nil)
	return c
}

func inSandbox(ctx context.Context) *code {
	c := &code{name: "wasm"}
	pkg, err := build.Package(ctx, ".", build.Options{Strict: true})
	if err != nil {
		c.err = err
		return c
	}
	a, err := archive.Read(pkg.Archive, archive.Limits{})
	if err != nil {
		c.err = err
		return c
	}
	rt, err := wasm.New(wasm.Options{})
	if err != nil {
		c.err = err
		return c
	}
	c.runtime, c.archive, c.close = rt, pkg.Archive, func() { _ = rt.Close(context.Background()) }
	c.program, c.err = rt.Load(ctx, a.Hash, a.Code)
	return c
}

// Every feature does what its script expects, in both runtimes and on every store, and is recorded in the same way each time. The histories that
// are kept replay in both runtimes, and would not if they were others [DET-1, DET-2, D-1, C-2].
func TestFeatures(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and compiles a package; leave out -short")
	}
	ctx := t.Context()
	packaged := sync.OnceValue(func() *code { return inSandbox(ctx) })
	built := make(chan struct{})
	go func() { // beside the scripts that need no package
		defer close(built)
		packaged()
	}()
	t.Cleanup(func() {
		<-built
		if c := packaged(); c.close != nil {
			c.close()
		}
	})
	compiled := inProcess()
	for name, fe := range features.Features() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first []recorded
			for _, c := range []func() *code{func() *code { return compiled }, packaged} {
				for _, s := range stores {
					c := c()
					if c.err != nil {
						t.Fatal(c.err)
					}
					var runs []recorded
					if !t.Run(c.name+"/"+s.name, func(t *testing.T) { runs = play(t, name, fe, c, s.open) }) {
						continue
					}
					if first == nil {
						first = runs
					} else if !fe.AnyOrder {
						same(t, c.name+" on "+s.name, first, runs)
					}
				}
			}
			if *update && !t.Failed() {
				keep(t, name, first)
			}
			t.Run("kept", func(t *testing.T) { kept(t, name, compiled, packaged()) })
		})
	}
}

// named gives the same identifiers and seeds to every run of a script.
type named struct {
	testing.TB
	name string
}

func (n named) Name() string { return n.name }

// play runs a script, and gives what was recorded.
func play(t *testing.T, name string, fe feature.Feature, c *code, open func(ctx context.Context, path string) (ports.Store, error)) []recorded {
	store, err := open(t.Context(), filepath.Join(t.TempDir(), "aion.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	env := aiontest.New(named{t, name}, aiontest.Options{Now: feature.Began, Configure: func(o *aion.Options) {
		o.Store, o.Runtime, o.Packages.Native = store, c.runtime, c.archive == nil
	}})
	if c.archive != nil {
		if _, err := env.Engine().Deploy(t.Context(), ports.DeployRequest{Archive: c.archive}); err != nil {
			t.Fatal(err)
		}
	}
	fe.Script(&feature.F{TB: t, Env: env})
	env.Wait()
	return record(t, store)
}

// recorded is a run and its history.
type recorded struct {
	ports.Run
	page []byte
}

// record reads every run that a script has made, in the order in which they were started.
func record(t *testing.T, store ports.Store) []recorded {
	var out []recorded
	namespaces, err := store.Namespaces(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range namespaces {
		runs, err := store.List(context.Background(), ports.ListQuery{Namespace: ns.Name, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			r := recorded{Run: run}
			for from := model.Seq(1); ; {
				rows, err := store.History(context.Background(), run.ID, from, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				if len(rows) == 0 {
					break
				}
				for i := range rows {
					r.page, from = append(r.page, rows[i].Bytes...), rows[i].Last+1
				}
			}
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b recorded) int {
		if c := a.StartedAt.Compare(b.StartedAt); c != 0 {
			return c
		}
		return strings.Compare(string(a.Key.WorkflowID)+string(a.ID), string(b.Key.WorkflowID)+string(b.ID))
	})
	return out
}

// same compares what two runs of a script have recorded.
func same(t *testing.T, where string, want, got []recorded) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d runs, and %d at first", where, len(got), len(want))
		return
	}
	for i := range want {
		a, b := comparable(t, want[i].page), comparable(t, got[i].page)
		for k := range max(len(a), len(b)) {
			if x, y := at(a, k), at(b, k); x != y {
				t.Errorf("%s: run %s is recorded in another way, from event %d on:\n at first %s\n      now %s", where, got[i].Key.WorkflowID, k+1, x, y)
				break
			}
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// file is the name of a feature's history; n counts its runs from 1.
func file(name string, n int) string {
	if n == 1 {
		return filepath.Join(name, "history.jsonl")
	}
	return filepath.Join(name, fmt.Sprintf("history-%d.jsonl", n))
}

// keep writes the histories of a feature that has none yet. Those that are there stay as they are: that they replay is what is promised.
func keep(t *testing.T, name string, runs []recorded) {
	if _, err := os.Stat(file(name, 1)); err == nil {
		return
	}
	for i, r := range runs {
		text := strings.Join(exported(t, r.page), "\n") + "\n"
		if err := os.WriteFile(file(name, i+1), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// kept replays the histories of a feature that are kept.
func kept(t *testing.T, name string, programs ...*code) {
	files, err := filepath.Glob(filepath.Join(name, "history*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no history is kept (%v): make one with go test ./test/features -run 'TestFeatures/%s$' -update", err, name)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		events := imported(t, b)
		for i, c := range programs {
			if c.err != nil {
				t.Fatal(c.err)
			}
			if err := replay(c.program, pageOf(t, events)); err != nil {
				t.Errorf("%s no longer replays in the runtime %s: %v", file, c.name, err)
				continue
			}
			commands := commandsOf(t, events)
			if i > 0 && len(commands) > 1 { // one is enough: the comparison is the same code
				commands = commands[len(commands)-1:]
			}
			for _, k := range commands {
				var m *history.Mismatch
				if err := replay(c.program, pageOf(t, corrupted(events, k))); !errors.As(err, &m) || m.Seq != model.Seq(events[k].GetSeq()) {
					t.Errorf("%s with another event %d gave %v in the runtime %s; the difference must be found", file, k+1, err, c.name)
				}
			}
		}
	}
}
