package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// forks does an activity, waits for a note and an hour from its start, does another activity, and ends with all of it. Between the two it may do something
// that only a version does.
func forks(extra func(ctx workflow.Context) (string, error)) workflow.Definition {
	return workflow.Define("Forks", func(ctx workflow.Context, _ workflow.None) (string, error) {
		dice := workflow.Rand(ctx)
		out := fmt.Sprint(dice.IntN(1_000_000), " ")
		timer := workflow.NewTimer(ctx, time.Hour)
		a, err := work.Execute(ctx, "a")
		if err != nil {
			return "", err
		}
		n, err := note.Receive(ctx)
		if err != nil {
			return "", err
		}
		more, err := extra(ctx)
		if err != nil {
			return "", err
		}
		b, err := work.Execute(ctx, "b"+n)
		if err != nil {
			return "", err
		}
		if _, err := timer.Get(ctx); err != nil {
			return "", err
		}
		return out + a + n + more + b + fmt.Sprint(" ", dice.IntN(1_000_000)), nil
	})
}

func noExtra(workflow.Context) (string, error) { return "", nil }

// worded splits what forks ends with: the random number before and after, and what is in between.
func worded(t testing.TB, o ports.Outcome) (before, words, after string) {
	t.Helper()
	parts := strings.Fields(strings.Trim(string(o.Result.Data), `"`))
	if o.Status != model.StatusCompleted || len(parts) != 3 {
		t.Fatalf("%+v %s", o, o.Result.Data)
	}
	return parts[0], parts[1], parts[2]
}

// boundaries lists the activations of a run.
func boundaries(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) (out []model.Seq) {
	for _, e := range events(t, env, r) {
		if e.Kind() == history.KindActivated {
			out = append(out, e.Seq)
		}
	}
	return out
}

// [D-7] [FORK-1] [FORK-2] A run forks at each of its activations, closed or open: the copy has the same beginning, does what was pending again, keeps the due time of its timer, and has
// other random numbers from there on; the run itself stays as it is. Over restarts, on every store; the same request makes one fork.
func TestFork(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(o *aion.Options)) {
		for _, restart := range []bool{false, true} {
			store := func(o *aion.Options) {
				if !restart {
					use(o)
				}
			}
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{forks(noExtra)}, Configure: store})
			began := env.Now()
			r := ref(start(t, env, ports.StartRequest{Type: "Forks", RunTimeout: 3 * time.Hour}))
			s := register(t, env, ports.WorkerRegistration{Slots: 9})
			s.complete(s.task(2), "A")
			if err := signal(env, r, "n", ""); err != nil {
				t.Fatal(err)
			}
			s.complete(s.task(3), "B")
			env.Advance(time.Hour)
			before, words, after := worded(t, standing(t, env, r))
			whole := kinds(t, env, r)
			at := boundaries(t, env, r)
			if words != "AnB" || len(at) != 5 {
				t.Fatalf("%s: %s %v", whole, words, at)
			}
			for i, seq := range at {
				req := ports.ForkRequest{Ref: r, At: seq, RequestID: model.RequestID(fmt.Sprint("f", i)), Reason: "why", Identity: "ada"}
				res, err := env.Engine().Fork(ctx, req)
				if i == 4 {
					want(t, err, fault.InvalidInput, "the nearest one before it is event")
					continue
				}
				if err != nil || res.At != seq || res.Package != model.NativePackage {
					t.Fatalf("%+v, %v", res, err)
				}
				if again, err := env.Engine().Fork(ctx, req); err != nil || again.Run != res.Run || again.WorkflowID != res.WorkflowID {
					t.Errorf("the same request: %+v, %v", again, err)
				}
				req.ReapplySignals = true
				_, err = env.Engine().Fork(ctx, req)
				want(t, err, fault.RequestIDReused)
				f := ports.WorkflowRef{WorkflowID: res.WorkflowID, Run: res.Run}
				if got := find[*history.Forked](t, env, f); len(got) != 1 || got[0].SourceRun != r.Run || got[0].SourceSeq != seq || got[0].Identity != "ada" {
					t.Errorf("%+v", got)
				}
				if restart {
					env.Restart()
					s = register(t, env, ports.WorkerRegistration{Slots: 9})
					env.Advance(10 * time.Second) // until no worker from before can hold anything
				}
				env.Wait()
				if d, err := env.Engine().Describe(ctx, f); err != nil || len(d.Timers) == 1 && !d.Timers[0].DueAt.Equal(began.Add(time.Hour)) {
					t.Errorf("%+v, %v", d, err)
				}
				if i == 0 {
					x := s.task(2)
					if x.Attempt != 1 || x.Run != f.Run {
						t.Errorf("%+v", x)
					}
					s.complete(x, "A")
				}
				if i <= 1 {
					if err := signal(env, f, "n", ""); err != nil {
						t.Fatal(err)
					}
				}
				if i <= 2 {
					s.complete(s.task(3), "B")
				}
				env.Wait()
				b, w, a := worded(t, standing(t, env, f))
				if b != before || w != "AnB" || a == after {
					t.Errorf("fork %d: %s %s %s; the run: %s %s %s", i, b, w, a, before, words, after)
				}
				if got := kinds(t, env, f); !strings.Contains(got, "Forked") || strings.Count(got, "Started ") < 1 {
					t.Error(got)
				}
			}
			if got := kinds(t, env, r); got != whole {
				t.Errorf("the run was changed: %s", got)
			}
			if runs, _, err := env.Engine().List(ctx, ports.ListQuery{Type: "Forks"}); err != nil || len(runs) != 5 {
				t.Errorf("%d runs, %v", len(runs), err)
			}
		}
	})
}

// [D-7] [FORK-1] Into its own workflow ID a run forks when it is closed; the fork is the chain's current run then. Later signals are dropped or given again. The time
// limit begins anew.
func TestForkInPlace(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	sr := request(listen, 2)
	sr.WorkflowID, sr.RunTimeout = "w", time.Hour
	r := ref(start(t, env, sr))
	if err := signal(env, r, "one", ""); err != nil {
		t.Fatal(err)
	}
	in := ports.ForkRequest{Ref: r, NewID: "w"}
	_, err := env.Engine().Fork(ctx, in)
	want(t, err, fault.AlreadyExists, "is running")
	env.Advance(2 * time.Hour)
	if o := standing(t, env, r); o.Status != model.StatusTimedOut {
		t.Fatalf("%+v", o)
	}
	in.At, in.ReapplySignals = 2, true
	res, err := env.Engine().Fork(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	env.Advance(30 * time.Minute)
	f := ports.WorkflowRef{WorkflowID: "w"}
	if o := standing(t, env, f); o.Run != res.Run || o.Status != model.StatusRunning {
		t.Errorf("%+v", o)
	}
	if err := signal(env, f, "two", ""); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	if o := standing(t, env, f); o.Status != model.StatusCompleted || string(o.Result.Data) != `["one","two"]` {
		t.Errorf("%+v %s", o, o.Result.Data)
	}
	// Without the signals, and with the time limit from the fork on.
	in.ReapplySignals = false
	if res, err = env.Engine().Fork(ctx, in); err != nil {
		t.Fatal(err)
	}
	if got, _ := listing(t, env, f); len(got) != 0 {
		t.Errorf("%v", got)
	}
	env.Restart()
	env.Advance(59 * time.Minute)
	if o := standing(t, env, f); o.Run != res.Run || o.Status != model.StatusRunning {
		t.Errorf("%+v", o)
	}
	env.Advance(time.Minute)
	if o := standing(t, env, f); o.Status != model.StatusTimedOut {
		t.Errorf("%+v", o)
	}
}

// [D-7] [FORK-3] A fork may have other code, which must make the copied decisions again: otherwise nothing is made, and the difference is told.
func TestForkWithOtherCode(t *testing.T) {
	old := native.NewProgram(hashA, forks(func(workflow.Context) (string, error) { panic("a bug in line 7") }))
	fixed := native.NewProgram(hashB, forks(func(workflow.Context) (string, error) { return "!", nil }))
	other := native.NewProgram(hashC, workflow.Define("Forks", func(ctx workflow.Context, _ workflow.None) (string, error) { return work.Execute(ctx, "z") }))
	env := versions(t, nil, old, fixed, other)
	r := ref(start(t, env, ports.StartRequest{Type: "Forks"}))
	s := register(t, env, ports.WorkerRegistration{Slots: 9})
	s.complete(s.task(2), "A")
	if err := signal(env, r, "n", ""); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	if standing(t, env, r).Blocked == nil {
		t.Fatal("it is not blocked")
	}
	_, err := env.Engine().Fork(ctx, ports.ForkRequest{Ref: r, Package: hashC[:8]})
	want(t, err, fault.Blocked, "does not replay the run up to event")
	_, err = env.Engine().Fork(ctx, ports.ForkRequest{Ref: r, Package: "1234567"})
	want(t, err, fault.NotFound)
	_, err = env.Engine().Fork(ctx, ports.ForkRequest{Ref: ports.WorkflowRef{WorkflowID: "nobody"}})
	want(t, err, fault.NotFound)
	_, err = env.Engine().Fork(ctx, ports.ForkRequest{Ref: r, At: 3})
	want(t, err, fault.InvalidInput, "event 3", "event 2")
	res, err := env.Engine().Fork(ctx, ports.ForkRequest{Ref: r, Package: hashB[:8], ReapplySignals: true, NewID: "fixed"})
	if err != nil || res.Package != hashB || res.WorkflowID != "fixed" {
		t.Fatalf("%+v, %v", res, err)
	}
	s.complete(s.task(3), "B")
	env.Advance(time.Hour)
	f := ports.WorkflowRef{WorkflowID: "fixed"}
	if _, words, _ := worded(t, standing(t, env, f)); words != "An!B" {
		t.Error(words)
	}
	if o := standing(t, env, r); o.Blocked == nil {
		t.Errorf("the run was changed: %+v", o)
	}
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
		t.Fatal(err)
	}
	pins := map[model.PackageHash]int64{}
	all, err := env.Engine().Packages(ctx)
	for _, p := range all {
		pins[p.Hash] = p.Pins
	}
	if err != nil || pins[hashA] != 1 || pins[hashB] != 1 || pins[hashC] != 0 {
		t.Errorf("%v, %v", pins, err)
	}
}

// [D-7] [FORK-1] A child of the copied part belongs to the source run: in the fork it has failed, and the code may start another one.
func TestForkWithChild(t *testing.T) {
	child := workflow.Define("Child", func(ctx workflow.Context, _ workflow.None) (string, error) { return note.Receive(ctx) })
	parent := workflow.Define("Parent", func(ctx workflow.Context, _ workflow.None) (string, error) {
		out, err := child.ExecuteChild(ctx, workflow.None{})
		if err != nil {
			return "without: " + err.Error(), nil
		}
		return "with " + out, nil
	})
	env := aiontest.New(t, defs(child, parent))
	r := ref(start(t, env, request(parent, nil)))
	env.Wait()
	d, err := env.Engine().Describe(ctx, r)
	if err != nil || len(d.Children) != 1 {
		t.Fatalf("%+v, %v", d.Children, err)
	}
	fork, err := env.Engine().Fork(ctx, ports.ForkRequest{Ref: r, NewID: "fork"})
	if err != nil {
		t.Fatal(err)
	}
	o := standing(t, env, ports.WorkflowRef{WorkflowID: "fork", Run: fork.Run})
	if o.Status != model.StatusCompleted || !strings.Contains(string(o.Result.Data), "without: ") || !strings.Contains(string(o.Result.Data), "fork of run") {
		t.Errorf("the fork: %+v %s", o, o.Result.Data)
	}
	// The source goes on as it was.
	if err := signal(env, ports.WorkflowRef{WorkflowID: d.Children[0].WorkflowID}, "x", ""); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	if o := standing(t, env, r); string(o.Result.Data) != `"with x"` {
		t.Errorf("the source: %+v %s", o, o.Result.Data)
	}
}
