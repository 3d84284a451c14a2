package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// retained is an Env that removes closed runs an hour after their end.
func retained(t *testing.T, configure func(*aion.Options)) *aiontest.Env {
	o := defs(echo, sleeper, listen)
	o.Configure = func(o *aion.Options) {
		o.KeepClosed, o.Namespaces.Retention, o.Namespaces.AutoCreate = false, time.Hour, true
		if configure != nil {
			configure(o)
		}
	}
	return aiontest.New(t, o)
}

// removed expects that a run is as unknown as one that has never been.
func removed(t *testing.T, env *aiontest.Env, r ports.WorkflowRef) {
	t.Helper()
	e := env.Engine()
	never := ports.WorkflowRef{Namespace: r.Namespace, WorkflowID: "never"}
	if r.Run != "" {
		never.WorkflowID, never.Run = r.WorkflowID, "0"+r.Run[1:]
	}
	for name, call := range map[string]func(ports.WorkflowRef) error{
		"describe": func(r ports.WorkflowRef) error { _, err := e.Describe(ctx, r); return err },
		"history":  func(r ports.WorkflowRef) error { _, err := e.History(ctx, ports.HistoryRequest{Ref: r}); return err },
		"result":   func(r ports.WorkflowRef) error { _, err := e.Result(ctx, ports.ResultRequest{Ref: r}); return err },
		"query": func(r ports.WorkflowRef) error {
			_, err := e.Query(ctx, ports.QueryRequest{Ref: r, Name: "Notes"})
			return err
		},
		"signal": func(r ports.WorkflowRef) error {
			_, err := e.Signal(ctx, ports.SignalRequest{Ref: r, Name: "Note"})
			return err
		},
		"terminate": func(r ports.WorkflowRef) error { _, err := e.Terminate(ctx, ports.EndRequest{Ref: r}); return err },
	} {
		err, other := call(r), call(never)
		if !fault.Has(err, fault.NotFound) || fault.ReasonOf(other) != fault.NotFound {
			t.Errorf("%s of a removed run gave %v, of one that never was %v", name, err, other)
		}
	}
	list, _, err := e.List(ctx, ports.ListQuery{Namespace: r.Namespace, WorkflowID: r.WorkflowID, Limit: 10})
	if err != nil || len(list) > 0 {
		t.Errorf("a removed run is listed: %v, %v", list, err)
	}
}

// [RET-1] [RET-2] [S-6] [C-1] Closed runs are gone after their namespace's retention, over restarts; open ones stay, whatever their age, and the workflow ID is free again.
func TestRetention(t *testing.T) {
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
			env := retained(t, func(o *aion.Options) { o.Store = store })
			var closed []ports.WorkflowRef
			for i := range 250 { // more than a batch
				r := request(echo, "x")
				r.WorkflowID = model.WorkflowID(fmt.Sprint("closed-", i))
				closed = append(closed, ref(start(t, env, r)))
			}
			other := request(echo, "x")
			other.Namespace = "other"
			elsewhere := ref(start(t, env, other))
			elsewhere.Namespace = "other"
			if _, err := env.Engine().UpdateNamespace(ctx, ports.NamespaceUpdate{Name: "other", Retention: new(24 * time.Hour)}); err != nil {
				t.Fatal(err)
			}
			awake := ref(start(t, env, request(sleeper, 100*time.Hour)))
			env.Advance(30 * time.Minute)
			late := ref(start(t, env, request(echo, "late")))
			env.Advance(29 * time.Minute)
			standing(t, env, closed[0])
			env.Restart()
			env.Advance(2 * time.Minute)
			for _, r := range closed[:3] {
				removed(t, env, r)
				removed(t, env, ports.WorkflowRef{WorkflowID: r.WorkflowID})
			}
			standing(t, env, late)
			standing(t, env, elsewhere)
			counts, err := env.Engine().Count(ctx, "")
			if got := fmt.Sprint(counts); err != nil || got != "[{default Echo Completed 1} {default Sleeper Running 1}]" {
				t.Errorf("counts %v, %v", got, err)
			}
			r := request(echo, "again")
			r.WorkflowID, r.Reuse = closed[0].WorkflowID, ports.ReuseReject
			again := start(t, env, r)
			if !again.Started || again.Run == closed[0].Run {
				t.Errorf("the workflow ID of a removed run gave %+v", again)
			}
			env.Advance(time.Hour)
			removed(t, env, late)
			standing(t, env, elsewhere)
			env.Advance(200 * time.Hour)
			removed(t, env, elsewhere)
			removed(t, env, awake) // it has ended, and then its hour was over
			if rows, err := store.Feed(ctx, 0, 0, 1<<20); !fault.Has(err, fault.HistoryCompacted) {
				t.Errorf("the feed gave %d rows, %v", len(rows), err)
			}
		})
	}
}

// [PKG-1] [D-6] A package whose last run was removed can be unloaded.
func TestRetentionPins(t *testing.T) {
	env := versions(t, func(o *aion.Options) { o.KeepClosed, o.Namespaces.Retention = false, time.Hour },
		native.NewProgram(hashA, echo), native.NewProgram(hashB, echo))
	start(t, env, request(echo, "x"))
	if _, err := env.Engine().SetRoute(ctx, "Echo", string(hashB)); err != nil {
		t.Fatal(err)
	}
	if err := env.Engine().Unload(ctx, string(hashA)); !fault.Has(err, fault.PackagePinned) {
		t.Fatalf("unloading the package of a closed run gave %v", err)
	}
	env.Advance(2 * time.Hour)
	if err := env.Engine().Unload(ctx, string(hashA)); err != nil {
		t.Error(err)
	}
}

// unwilling fails what the retention asks for, a few times.
type unwilling struct {
	*memory.Store
	left atomic.Int64
}

func (u *unwilling) RemoveClosed(ctx context.Context, ns model.Namespace, until time.Time, limit int) (int, time.Time, error) {
	if u.left.Add(-1) >= 0 {
		return 0, time.Time{}, fault.New(fault.Unavailable, "the disk is asleep")
	}
	return u.Store.RemoveClosed(ctx, ns, until, limit)
}

func (u *unwilling) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	if u.left.Add(-1) >= 0 {
		return 0, fault.New(fault.Unavailable, "the disk is asleep")
	}
	return u.Store.Sweep(ctx, now, limit)
}

// [RET-1] A store that fails delays the removal and nothing else.
func TestRetentionFails(t *testing.T) {
	store := &unwilling{Store: memory.New()}
	env := retained(t, func(o *aion.Options) { o.Store = store })
	r := ref(start(t, env, request(echo, "x")))
	env.Wait()
	store.left.Store(5)
	env.Advance(time.Hour + time.Second)
	standing(t, env, r)
	env.Advance(5 * time.Minute)
	removed(t, env, r)
}

// [RET-4] An engine with nothing to remove reads one index for each namespace, once an hour.
func TestRetentionIdles(t *testing.T) {
	store := &unwilling{Store: memory.New()}
	env := retained(t, func(o *aion.Options) { o.Store = store })
	env.Wait()
	store.left.Store(1 << 40)
	env.Advance(0)
	store.left.Store(0)
	env.Advance(24 * time.Hour)
	if n := -store.left.Load(); n > 2*24 {
		t.Errorf("%d calls in 24 hours", n)
	}
}
