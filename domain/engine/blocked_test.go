package engine_test

import (
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
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	hashA = model.PackageHash(strings.Repeat("a", 64))
	hashB = model.PackageHash(strings.Repeat("b", 64))
	hashC = model.PackageHash(strings.Repeat("c", 64))
)

// versions makes an engine that runs packages which are compiled into the test, routed to the first.
func versions(t testing.TB, configure func(o *aion.Options), programs ...*native.Program) *aiontest.Env {
	t.Helper()
	var store ports.Store
	env := aiontest.New(t, aiontest.Options{Configure: func(o *aion.Options) {
		o.Runtime = native.Of(programs...)
		store = o.Store
		for _, p := range programs {
			if err := store.PutPackage(ctx, ports.Package{Hash: p.Hash(), Name: "p"}); err != nil {
				t.Fatal(err)
			}
		}
		if configure != nil {
			configure(o)
		}
	}})
	for _, w := range programs[0].Info().Workflows {
		if _, err := env.Engine().SetRoute(ctx, w.Type, string(programs[0].Hash())); err != nil {
			t.Fatal(err)
		}
	}
	return env
}

// stages is a workflow that is the same in every version up to a signal, and then does what the version does.
func stages(hash model.PackageHash, before, after func(ctx workflow.Context) error) *native.Program {
	return native.NewProgram(hash, workflow.Define("Stages", func(ctx workflow.Context, _ workflow.None) (string, error) {
		if err := before(ctx); err != nil {
			return "", err
		}
		if _, err := note.Receive(ctx); err != nil {
			return "", err
		}
		return string(hash[:1]), after(ctx)
	}))
}

func nap(d time.Duration) func(ctx workflow.Context) error {
	return func(ctx workflow.Context) error { return workflow.Sleep(ctx, d) }
}

func panics(workflow.Context) error { panic("a bug in line 7") }

// [DET-3] [D-10] A panic blocks the run, with its message and stack; it disturbs no other, makes no step, and is shown, listed and told to who waits.
func TestPanicBlocks(t *testing.T) {
	env := aiontest.New(t, defs(stuck, echo))
	res := start(t, env, request(stuck, nil))
	r := ref(res)
	for _, restart := range []bool{false, true} {
		if restart {
			env.Restart()
			env.Advance(time.Hour)
		}
		o := standing(t, env, r)
		if o.Status != model.StatusRunning || o.Blocked == nil || o.Blocked.What != "panic" || o.Blocked.Message != "stuck" || !strings.Contains(o.Blocked.Stack, "signal_test.go") || o.Blocked.Since.IsZero() {
			t.Errorf("%+v", o)
		}
		if o, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: r, Wait: time.Hour}); err != nil || o.Blocked == nil || !strings.Contains(o.WaitingFor, "Blocked (panic): stuck") {
			t.Errorf("waiting: %+v, %v", o, err)
		}
		runs, _, err := env.Engine().List(ctx, ports.ListQuery{Blocked: true})
		if err != nil || len(runs) != 1 || runs[0].Blocked != "panic" || runs[0].Status != model.StatusRunning {
			t.Errorf("%+v, %v", runs, err)
		}
		if d, err := env.Engine().Describe(ctx, r); err != nil || d.Blocked == nil || !strings.HasPrefix(d.Summary, "Blocked (panic): stuck") || d.Undelivered != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		if got := kinds(t, env, r); got != "Started Blocked" {
			t.Errorf("no command and no boundary of a failed activation is kept: %s", got)
		}
		if o := standing(t, env, ref(start(t, env, request(echo, "x")))); o.Status != model.StatusCompleted {
			t.Errorf("another run: %+v", o)
		}
	}
	if err := signal(env, r, "x", "r"); err != nil {
		t.Errorf("what arrives is recorded: %v", err)
	}
	if got := kinds(t, env, r); got != "Started Blocked SignalReceived" {
		t.Error(got)
	}
}

// [DET-4] [D-10] Deadlines and ends work in a blocked run, and what its workers answer is recorded; nothing is handed out.
func TestBlockedRunsGoOnBeingRecorded(t *testing.T) {
	w := workflow.Define("Half", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		work.Start(ctx, "a")
		work.With(activity.Options{Retry: activity.Retry{InitialInterval: time.Minute}}).Start(ctx, "b")
		workflow.NewTimer(ctx, time.Hour)
		_, _ = note.Receive(ctx)
		panic("half")
	})
	env := aiontest.New(t, defs(w))
	sr := request(w, nil)
	sr.RunTimeout = 3 * time.Hour
	r := ref(start(t, env, sr))
	s := register(t, env, ports.WorkerRegistration{Slots: 5})
	a, b := s.task(1), s.task(2)
	if err := signal(env, r, "x", ""); err != nil {
		t.Fatal(err)
	}
	if standing(t, env, r).Blocked == nil {
		t.Fatal("it is not blocked")
	}
	s.complete(a, "ok")
	s.fail(b, model.Failure{Message: "no", Retryable: true})
	if s.acked() != 2 {
		t.Errorf("%d acknowledged", s.acked())
	}
	env.Advance(2 * time.Hour)
	if len(s.holds()) != 0 {
		t.Errorf("%v was handed out", s.holds())
	}
	if got := kinds(t, env, r); !strings.HasSuffix(got, "Blocked ActivityCompleted ActivityAttemptFailed TimerFired") {
		t.Error(got)
	}
	env.Restart()
	s = register(t, env, ports.WorkerRegistration{Slots: 5})
	env.Advance(30 * time.Minute)
	if len(s.holds()) != 0 {
		t.Errorf("%v was handed out after a restart", s.holds())
	}
	env.Advance(time.Hour)
	if o := standing(t, env, r); o.Status != model.StatusTimedOut {
		t.Errorf("%+v", o)
	}
}

// [DET-2] [D-10] Code that does not replay blocks with the difference; the old code routed back, other code that fits, or a repin unblock it.
func TestNondeterminismBlocksAndUnblocks(t *testing.T) {
	good := stages(hashA, nap(time.Minute), nap(time.Hour))
	differs := func() *native.Program { return stages(hashA, nap(time.Second), nap(time.Hour)) }
	fits := stages(hashB, nap(time.Minute), nap(time.Second))
	other := stages(hashC, panics, panics)
	bring := func(t *testing.T) (*aiontest.Env, ports.WorkflowRef, func(p ...*native.Program)) {
		var opt *aion.Options
		env := versions(t, func(o *aion.Options) { opt = o }, good, fits, other)
		r := ref(start(t, env, ports.StartRequest{Type: "Stages"}))
		env.Advance(time.Minute)
		swap := func(p ...*native.Program) { opt.Runtime = native.Of(p...); env.Restart() }
		swap(differs(), fits, other)
		if err := signal(env, r, "go", ""); err != nil {
			t.Fatal(err)
		}
		env.Wait()
		o := standing(t, env, r)
		if b := o.Blocked; b == nil || b.What != "nondeterminism" || b.AtSeq != 3 || b.Expected != "timer 1 of 1m0s" || b.Found != "timer 1 of 1s" {
			t.Fatalf("%+v, %+v", o, o.Blocked)
		}
		return env, r, swap
	}
	completes := func(t *testing.T, env *aiontest.Env, r ports.WorkflowRef, by string) {
		t.Helper()
		env.Advance(2 * time.Hour)
		if o := standing(t, env, r); o.Status != model.StatusCompleted || string(o.Result.Data) != `"`+by+`"` {
			t.Errorf("%+v, %+v; %s", o, o.Blocked, kinds(t, env, r))
		}
	}
	t.Run("routing code that fits", func(t *testing.T) {
		env, r, _ := bring(t)
		res, err := env.Engine().SetRoute(ctx, "Stages", string(hashB))
		if err != nil || res.Tried != 1 || res.Unblocked != 1 || res.Route.Previous != hashA {
			t.Fatalf("%+v, %v", res, err)
		}
		completes(t, env, r, "b")
		if got := find[*history.Repinned](t, env, r); len(got) != 1 || got[0].Package != hashB || got[0].ReplayedThrough == 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("routing code that does not fit", func(t *testing.T) {
		env, r, _ := bring(t)
		res, err := env.Engine().SetRoute(ctx, "Stages", string(hashC))
		if err != nil || res.Tried != 1 || res.Unblocked != 0 {
			t.Fatalf("%+v, %v", res, err)
		}
		if standing(t, env, r).Blocked == nil {
			t.Error("it went on")
		}
		if start(t, env, ports.StartRequest{Type: "Stages"}).Package != hashC {
			t.Error("[D-6] new runs use the new route")
		}
	})
	t.Run("repin", func(t *testing.T) {
		env, r, _ := bring(t)
		_, _, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: hashC})
		want(t, err, fault.Blocked, "a bug in line 7")
		_, _, err = env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: hashA})
		want(t, err, fault.Blocked, "timer 1 of 1s")
		_, _, err = env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: "abcdef1"})
		want(t, err, fault.NotFound)
		if run, through, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: hashB[:8], Identity: "ada"}); err != nil || run != r.Run || through == 0 {
			t.Fatal(run, through, err)
		}
		if got := find[*history.Repinned](t, env, r); len(got) != 1 || got[0].Identity != "ada" {
			t.Errorf("%+v", got)
		}
		if run, _, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: hashB}); err != nil || run != r.Run || len(find[*history.Repinned](t, env, r)) != 1 {
			t.Errorf("again: %v", err)
		}
		completes(t, env, r, "b")
		_, _, err = env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: hashB})
		want(t, err, fault.NotRunning)
	})
	t.Run("the old code is back", func(t *testing.T) {
		env, r, swap := bring(t)
		swap(good, fits, other)
		env.Advance(time.Hour)
		if standing(t, env, r).Blocked == nil {
			t.Error("nobody has asked for it to go on")
		}
		if res, err := env.Engine().SetRoute(ctx, "Stages", string(hashA)); err != nil || res.Unblocked != 1 {
			t.Fatalf("%+v, %v", res, err)
		}
		completes(t, env, r, "a")
		if got := kinds(t, env, r); strings.Contains(got, "Repinned") || !strings.Contains(got, "Blocked Unblocked") {
			t.Error(got)
		}
	})
	t.Run("terminate", func(t *testing.T) {
		env, r, swap := bring(t)
		if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil || standing(t, env, r).Status != model.StatusTerminated {
			t.Error(err)
		}
		swap(good, fits, other) // for the replay at the end of the test
	})
}

// [DET-4] An open run that is not blocked is moved to code that replays it, and keeps its package otherwise (D-6).
func TestRepinOpenRun(t *testing.T) {
	env := versions(t, nil, stages(hashA, nap(time.Minute), nap(time.Hour)), stages(hashB, nap(time.Minute), nap(time.Second)))
	a, b := ref(start(t, env, ports.StartRequest{Type: "Stages"})), ref(start(t, env, ports.StartRequest{Type: "Stages"}))
	if _, err := env.Engine().SetRoute(ctx, "Stages", string(hashB)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: b, Package: hashB}); err != nil {
		t.Fatal(err)
	}
	want(t, env.Engine().Unload(ctx, string(hashA)), fault.PackagePinned)
	for _, r := range []ports.WorkflowRef{a, b} {
		if err := signal(env, r, "go", ""); err != nil {
			t.Fatal(err)
		}
	}
	env.Advance(2 * time.Hour)
	if x, y := standing(t, env, a), standing(t, env, b); string(x.Result.Data) != `"a"` || string(y.Result.Data) != `"b"` {
		t.Errorf("%+v %+v", x, y)
	}
	pins := map[model.PackageHash]int64{}
	all, err := env.Engine().Packages(ctx)
	for _, p := range all {
		pins[p.Hash] = p.Pins
	}
	if err != nil || pins[hashA] != 1 || pins[hashB] != 1 {
		t.Errorf("pins %v, %v", pins, err)
	}
}

// [DET-3] [D-10] A package that is gone blocks the runs that need it, not the boot; once it is back they go on.
func TestMissingPackage(t *testing.T) {
	a := stages(hashA, nap(time.Minute), nap(time.Hour))
	b := native.NewProgram(hashB, echo)
	var opt *aion.Options
	env := versions(t, func(o *aion.Options) { opt = o }, a, b)
	if _, err := env.Engine().SetRoute(ctx, "Echo", string(hashB)); err != nil {
		t.Fatal(err)
	}
	due, parked := ref(start(t, env, ports.StartRequest{Type: "Stages"})), ref(start(t, env, ports.StartRequest{Type: "Stages"}))
	env.Advance(time.Minute)
	if err := signal(env, due, "go", ""); err != nil {
		t.Fatal(err)
	}
	opt.Runtime = native.Of(b)
	env.Restart()
	env.Advance(time.Hour)
	if o := standing(t, env, due); o.Blocked == nil || o.Blocked.What != "missing_package" || !strings.Contains(o.Blocked.Message, string(hashA)) {
		t.Errorf("%+v", o)
	}
	if o := standing(t, env, parked); o.Blocked != nil {
		t.Errorf("nothing has happened to it: %+v", o)
	}
	if o := standing(t, env, ref(start(t, env, request(echo, "x")))); o.Status != model.StatusCompleted {
		t.Errorf("another package: %+v", o)
	}
	_, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: due, Name: "x"})
	want(t, err, fault.Blocked, "is not there")
	opt.Runtime = native.Of(a, b)
	env.Restart()
	if _, err := env.Engine().SetRoute(ctx, "Stages", string(hashA)); err != nil {
		t.Fatal(err)
	}
	env.Advance(2 * time.Hour)
	if o := standing(t, env, due); o.Status != model.StatusCompleted {
		t.Errorf("%+v; %s", o, kinds(t, env, due))
	}
	if err := signal(env, parked, "go", ""); err != nil {
		t.Fatal(err)
	}
	env.Advance(2 * time.Hour)
	if o := standing(t, env, parked); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
}
