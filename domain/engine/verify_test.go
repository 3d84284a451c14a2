package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// [D-10] [PKG-3] Runs of the routed package are replayed with another one, open and closed ones, of every namespace, as many as asked for; what differs is told event by
// event. No other run is read, and nothing is changed.
func TestVerify(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(o *aion.Options)) {
		staged := func(h model.PackageHash, d time.Duration) *native.Program {
			return native.NewProgram(h, workflow.Define("Stages", func(ctx workflow.Context, _ workflow.None) (string, error) {
				if err := workflow.Sleep(ctx, d); err != nil {
					return "", err
				}
				return note.Receive(ctx)
			}))
		}
		good, fits, differs := staged(hashA, time.Minute), staged(hashB, time.Minute), staged(hashC, time.Second)
		other := native.NewProgram(model.PackageHash(strings.Repeat("d", 64)), echo)
		var store ports.Store
		env := versions(t, func(o *aion.Options) {
			use(o)
			o.Namespaces.AutoCreate = true
			for _, p := range []*native.Program{good, fits, differs, other} {
				if err := o.Store.PutPackage(ctx, ports.Package{Hash: p.Hash(), Name: "p"}); err != nil {
					t.Fatal(err)
				}
			}
			store = o.Store
		}, good, fits, differs, other)
		if _, err := env.Engine().SetRoute(ctx, "Echo", string(other.Hash())); err != nil {
			t.Fatal(err)
		}
		var runs []ports.WorkflowRef
		for i := range 5 {
			r := ports.StartRequest{Type: "Stages"}
			if i == 4 {
				r.Namespace = "other"
			}
			res := start(t, env, r)
			runs = append(runs, ports.WorkflowRef{Namespace: r.Namespace, WorkflowID: res.WorkflowID, Run: res.Run})
			env.Advance(time.Second)
		}
		for i := range 20 {
			start(t, env, request(echo, fmt.Sprint(i))) // of another type
		}
		env.Advance(time.Minute)
		for _, r := range runs[:2] { // these end
			if err := signal(env, r, "go", ""); err != nil {
				t.Fatal(err)
			}
		}
		env.Advance(2 * time.Hour)
		moved := runs[2]
		if _, _, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: moved, Package: hashB}); err != nil {
			t.Fatal(err)
		}
		before := kinds(t, env, runs[3])
		ask := func(h model.PackageHash, o ports.VerifyOptions) (ports.Verification, ports.VerifiedType) {
			t.Helper()
			v, err := env.Engine().Verify(ctx, ports.VerifyRequest{Hash: string(h), Options: o})
			if err != nil || v.Package != h || len(v.Types) != 1 {
				t.Fatalf("%+v, %v", v, err)
			}
			return v, v.Types[0]
		}
		many := ports.VerifyOptions{Open: 100, Closed: 100}
		if v, got := ask(hashB, many); got.Routed != hashA || got.Open != 2 || got.Closed != 2 || got.Different != 0 || got.More || len(v.Differences) != 0 {
			t.Errorf("%+v", v)
		}
		v, got := ask(hashC, many)
		if got.Open != 2 || got.Closed != 2 || got.Different != 4 || len(v.Differences) != 4 {
			t.Errorf("%+v", v)
		}
		for _, d := range v.Differences {
			if d.AtSeq != 3 || d.Expected != "timer 1 of 1m0s" || d.Found != "timer 1 of 1s" || d.Type != "Stages" || d.Run == moved.Run {
				t.Errorf("%+v", d)
			}
		}
		reads := store.Stats().HistoryReads
		if _, got := ask(hashC, ports.VerifyOptions{Open: 1}); got.Open != 1 || got.Closed != 0 || !got.More {
			t.Errorf("%+v", got)
		}
		if n := store.Stats().HistoryReads - reads; n > 4 {
			t.Errorf("%d reads of histories to replay one run", n)
		}
		if _, got := ask(hashC, ports.VerifyOptions{Closed: 1}); got.Open != 0 || got.Closed != 1 || got.More {
			t.Errorf("%+v", got)
		}
		if _, got := ask(hashC, ports.VerifyOptions{AllOpen: true}); got.Open != 2 || got.More {
			t.Errorf("%+v", got)
		}
		if _, got := ask(hashA, many); got.Open != 0 || got.Different != 0 {
			t.Errorf("what is routed already: %+v", got)
		}
		if after := kinds(t, env, runs[3]); after != before {
			t.Errorf("the run was changed: %s", after)
		}
		if routes, err := env.Engine().Routes(ctx); err != nil || routes[1].Package != hashA {
			t.Errorf("%+v, %v", routes, err)
		}
		_, err := env.Engine().Verify(ctx, ports.VerifyRequest{Hash: "1234567"})
		want(t, err, fault.NotFound)
		_, err = env.Engine().Verify(ctx, ports.VerifyRequest{Archive: []byte("x")})
		want(t, err, fault.InvalidInput)
	})
}

// [PKG-3] A run whose code ends otherwise than by a difference is told, too.
func TestVerifyPanic(t *testing.T) {
	env := versions(t, nil, stages(hashA, nap(time.Minute), nap(time.Hour)), stages(hashB, panics, panics))
	start(t, env, ports.StartRequest{Type: "Stages"})
	v, err := env.Engine().Verify(ctx, ports.VerifyRequest{Hash: string(hashB), Options: ports.VerifyOptions{Open: 1}})
	if err != nil || len(v.Differences) != 1 || !v.Differences[0].Open || v.Differences[0].AtSeq != 0 || !strings.Contains(v.Differences[0].Problem, "a bug in line 7") {
		t.Errorf("%+v, %v", v, err)
	}
}

// [PKG-4] Every route remembers the one before, over restarts; a package that only a rollback needs may be unloaded.
func TestRollback(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(o *aion.Options)) {
		var all []*native.Program
		for _, h := range []model.PackageHash{hashA, hashB, hashC} {
			all = append(all, native.NewProgram(h, workflow.Define("W", func(workflow.Context, workflow.None) (string, error) { return string(h[:1]), nil })))
		}
		env := versions(t, func(o *aion.Options) {
			use(o)
			for _, p := range all {
				if err := o.Store.PutPackage(ctx, ports.Package{Hash: p.Hash(), Name: "p"}); err != nil {
					t.Fatal(err)
				}
			}
		}, all...)
		_, err := env.Engine().Rollback(ctx, "W")
		want(t, err, fault.NotFound, "never routed to another")
		_, err = env.Engine().Rollback(ctx, "Nope")
		want(t, err, fault.NotFound)
		routed := func(h model.PackageHash) {
			t.Helper()
			res := start(t, env, ports.StartRequest{Type: "W"})
			if res.Package != h {
				t.Errorf("a new run uses %s, not %s", res.Package, h)
			}
		}
		for _, h := range []model.PackageHash{hashB, hashC, hashC} {
			if _, err := env.Engine().SetRoute(ctx, "W", string(h)); err != nil {
				t.Fatal(err)
			}
		}
		env.Restart()
		res, err := env.Engine().Rollback(ctx, "W")
		if err != nil || res.Route.Package != hashB || res.Route.Previous != hashC {
			t.Fatalf("%+v, %v", res, err)
		}
		routed(hashB)
		if res, err := env.Engine().Rollback(ctx, "W"); err != nil || res.Route.Package != hashC {
			t.Fatalf("a rollback is taken back by another: %+v, %v", res, err)
		}
		routed(hashC)
		if res, err := env.Engine().Rollback(ctx, "W"); err != nil || res.Route.Package != hashB {
			t.Fatalf("%+v, %v", res, err)
		}
		list, err := env.Engine().Packages(ctx)
		for _, p := range list {
			if (len(p.PreviousTypes) == 1) != (p.Hash == hashC) || (len(p.RoutedTypes) == 1) != (p.Hash == hashB) {
				t.Errorf("%+v", p)
			}
		}
		if err != nil || len(list) != 3 {
			t.Errorf("%+v, %v", list, err)
		}
		if err := env.Engine().Unload(ctx, string(hashA)); err != nil {
			t.Error(err)
		}
	})
}
