package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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

// heard counts what the engine tells telemetry.
type heard struct {
	ports.NoTelemetry
	parked, replayed, fired, started, closed atomic.Int64
	late                                     atomic.Int64
}

func (h *heard) Parked(string)               { h.parked.Add(1) }
func (h *heard) Replayed(time.Duration, int) { h.replayed.Add(1) }
func (h *heard) TimerFired(late time.Duration) {
	h.fired.Add(1)
	h.late.Store(max(h.late.Load(), int64(late)))
}
func (h *heard) RunStarted(model.Namespace, model.WorkflowType) { h.started.Add(1) }
func (h *heard) RunClosed(model.Namespace, model.WorkflowType, model.Status, time.Duration) {
	h.closed.Add(1)
}

// [D-9] Runs that wait leave memory when there is no room: no object stays behind, and whatever comes for them wakes them.
func TestParking(t *testing.T) {
	for name, limit := range map[string]func(o *aion.Options){
		"resident": func(o *aion.Options) { o.ResidentBytes = 1 },
		"cache":    func(o *aion.Options) { o.CacheBytes = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			var h heard
			var rt ports.Runtime
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen, sleeper, works}, Configure: func(o *aion.Options) {
				limit(o)
				o.Telemetry, rt = &h, o.Runtime
			}})
			var rs []ports.WorkflowRef
			for range 30 {
				rs = append(rs, ref(start(t, env, request(listen, 3))), ref(start(t, env, request(sleeper, 48*time.Hour))), ref(start(t, env, request(works, "x"))))
			}
			empty := func() {
				t.Helper()
				env.Wait()
				if n, s := env.Engine().Resident(), rt.Stats(); n != 0 || s.LiveInstances != 0 || s.LiveBytes != 0 {
					t.Fatalf("%d runs in memory, %+v", n, s)
				}
			}
			empty()
			for round := range 3 {
				for i := 0; i < len(rs); i += 3 {
					if err := signal(env, rs[i], fmt.Sprint(round), ""); err != nil {
						t.Fatal(err)
					}
				}
				empty()
				env.Advance(time.Hour)
			}
			aiontest.Handle(env, work, func(_ context.Context, s string) (string, error) { return s, nil })
			env.Advance(48 * time.Hour)
			empty()
			for i, r := range rs {
				if o := standing(t, env, r); string(o.Result.Data) != []string{`["0","1","2"]`, `"slept"`, `"x"`}[i%3] {
					t.Errorf("%d: %+v", i, o)
				}
			}
			if h.parked.Load() < 150 || h.replayed.Load() < 90 || h.fired.Load() != 30 || h.late.Load() != 0 || h.started.Load() != 90 || h.closed.Load() != 90 {
				t.Errorf("parked %d, replayed %d, fired %d at most %v late, %d started, %d closed", h.parked.Load(), h.replayed.Load(), h.fired.Load(), time.Duration(h.late.Load()), h.started.Load(), h.closed.Load())
			}
		})
	}
}

// [C-6] A long run that was parked is loaded from its checkpoint and the tail, and is what it was.
func TestParkedLongRun(t *testing.T) {
	var store ports.Store
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) { o.ResidentBytes, store = 1, o.Store }})
	const n = 200
	r := ref(start(t, env, request(listen, n)))
	text := strings.Repeat("x", 2000)
	for i := range n - 1 {
		if err := signal(env, r, fmt.Sprint(text, i), ""); err != nil {
			t.Fatal(err)
		}
	}
	env.Wait()
	cp, ok, err := store.Checkpoint(ctx, r.Run)
	if err != nil || !ok || cp.Seq < 200 {
		t.Fatalf("checkpoint %+v, %v, %v", cp.Seq, ok, err)
	}
	before := store.Stats().HistoryBytesRead
	if d, err := env.Engine().Describe(ctx, r); err != nil || int(d.Run.HeadSeq) != 2*n {
		t.Errorf("%+v, %v", d, err)
	}
	if read := store.Stats().HistoryBytesRead - before; read > 300<<10 {
		t.Errorf("%d bytes were read", read)
	}
	if err := signal(env, r, "last", ""); err != nil || standing(t, env, r).Status != model.StatusCompleted {
		t.Error(err)
	}
}

// [S-2] Boot reads what is due and no history of runs that merely wait, however many there are.
func TestBootReadsWhatIsDue(t *testing.T) {
	const parked, due = 3000, 20
	var store ports.Store
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen, sleeper}, Configure: func(o *aion.Options) { store = o.Store }})
	for range parked {
		start(t, env, request(listen, 1))
	}
	var rs []ports.WorkflowRef
	for range due {
		rs = append(rs, ref(start(t, env, request(sleeper, time.Hour))))
	}
	env.Engine().Close()
	env.Advance(2 * time.Hour)
	before := store.Stats()
	env.Restart()
	env.Wait()
	after := store.Stats()
	if reads := after.HistoryReads - before.HistoryReads; reads < due || reads > 3*due || after.ChainReads-before.ChainReads > due || after.OtherReads-before.OtherReads > 20 {
		t.Errorf("%d reads of histories, %d of chains, %d others", reads, after.ChainReads-before.ChainReads, after.OtherReads-before.OtherReads)
	}
	for _, r := range rs {
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("%+v", o)
		}
	}
	if n := env.Engine().Resident(); n != 0 {
		t.Errorf("%d runs in memory", n)
	}
	// An engine with nothing to do reads nothing.
	before = store.Stats()
	env.Advance(24 * time.Hour)
	if after := store.Stats(); after != before {
		t.Errorf("idle: %+v, then %+v", before, after)
	}
}

// [B-1] Very many runs that come due at the same moment are woken some at a time, all of them, in time.
func TestManyDueAtOnce(t *testing.T) {
	const n = 3000
	var h heard
	var most, loading atomic.Int64
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{sleeper}, Configure: func(o *aion.Options) {
		o.Telemetry, o.ResidentBytes = &h, 1
		o.Store = counting{o.Store, &loading, &most}
	}})
	for i := range n {
		start(t, env, request(sleeper, 2*time.Hour+time.Duration(i%3)*time.Nanosecond))
	}
	env.Advance(3 * time.Hour)
	if h.fired.Load() != n || h.closed.Load() != n || h.late.Load() != 0 {
		t.Errorf("%d fired, %d closed, at most %v late", h.fired.Load(), h.closed.Load(), time.Duration(h.late.Load()))
	}
	if most.Load() > 16 {
		t.Errorf("%d were loaded at the same time", most.Load())
	}
}

// counting counts how many chains are read at the same time.
type counting struct {
	ports.Store
	now, most *atomic.Int64
}

func (c counting) Chain(ctx context.Context, k model.ChainKey) (ports.Chain, ports.Run, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for m := c.most.Load(); n > m && !c.most.CompareAndSwap(m, n); m = c.most.Load() {
	}
	return c.Store.Chain(ctx, k)
}

// Draining starts nothing and hands nothing out; what is under way is recorded; nothing is lost.
func TestDrain(t *testing.T) {
	env := aiontest.New(t, defs(works, sleeper))
	r := ref(start(t, env, request(works, "x")))
	env.Wait() // its task is offered before the other one's
	b := ref(start(t, env, request(works, "y")))
	s := register(t, env, ports.WorkerRegistration{})
	x := s.task(1)
	if err := env.Engine().Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if !look(s, func(s *session) bool { return s.drained }) {
		t.Error("the worker was not told")
	}
	want(t, signal(env, r, "x", ""), fault.Draining)
	_, _, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: r, Package: model.NativePackage})
	want(t, err, fault.Draining)
	_, err = env.Engine().SetRoute(ctx, "x", "y")
	want(t, err, fault.Draining)
	_, err = env.Engine().Terminate(ctx, ports.EndRequest{Ref: r})
	want(t, err, fault.Draining)
	if s.complete(x, "ok"); s.acked() != 1 || standing(t, env, r).Status != model.StatusCompleted || len(s.holds()) != 0 {
		t.Errorf("%d acknowledged, holds %v", s.acked(), s.holds())
	}
	env.Restart()
	env.Advance(10 * time.Second)
	s = register(t, env, ports.WorkerRegistration{})
	if s.complete(s.task(1), "ok"); standing(t, env, b).Status != model.StatusCompleted {
		t.Error(kinds(t, env, b))
	}
}

// Drain gives up with its context, while the code of a run does not come to an end.
func TestDrainGivesUp(t *testing.T) {
	entered, release, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	hangs := workflow.Define("Hangs", func(workflow.Context, workflow.None) (workflow.None, error) {
		once.Do(func() { close(entered) })
		<-release
		return workflow.None{}, nil
	})
	env := aiontest.New(t, defs(hangs))
	done := make(chan error)
	go func() {
		_, err := env.Engine().Start(ctx, request(hangs, nil))
		done <- err
	}()
	<-entered
	c, cancel := context.WithCancel(ctx)
	cancel()
	want(t, env.Engine().Drain(c), fault.Unavailable, "given up")
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := env.Engine().Drain(ctx); err != nil {
		t.Error(err)
	}
}

// [O-3] Calls that wait hold no run in memory, hear of the end however it comes, give up with their context, and are answered when the engine ends.
func TestWaiters(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) { o.ResidentBytes = 1 }})
	r := ref(start(t, env, request(listen, 1)))
	var all sync.WaitGroup
	began := make(chan struct{}, 64)
	wait := func(c context.Context, ref ports.WorkflowRef, check func(o ports.Outcome, err error)) {
		all.Go(func() {
			began <- struct{}{}
			check(env.Engine().Result(c, ports.ResultRequest{Ref: ref, Wait: time.Hour}))
		})
	}
	for range 20 {
		for _, x := range []ports.WorkflowRef{r, {WorkflowID: r.WorkflowID}} {
			wait(ctx, x, func(o ports.Outcome, err error) {
				if err != nil || o.Status != model.StatusCompleted || string(o.Result.Data) != `["x"]` {
					t.Errorf("%+v, %v", o, err)
				}
			})
		}
	}
	for range 40 {
		<-began
	}
	for env.Engine().Waiting() != 40 || env.Engine().Resident() != 0 { // all wait, and the run leaves memory all the same
		runtime.Gosched()
	}
	if err := signal(env, r, "x", ""); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}

// [O-3] A caller that leaves is told so, and one that still waits when the engine ends hears that it may ask again.
func TestWaitersAtTheEnd(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := ref(start(t, env, request(listen, 1)))
	leaving, leave := context.WithCancel(ctx)
	left, stayed := make(chan error, 1), make(chan error, 1)
	wait := func(c context.Context, ended chan<- error) {
		_, err := env.Engine().Result(c, ports.ResultRequest{Ref: r, Wait: time.Hour})
		ended <- err
	}
	go wait(leaving, left)
	go wait(ctx, stayed)
	for env.Engine().Waiting() != 2 {
		runtime.Gosched()
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	env.Engine().Close()
	// Which one depends on how far it had come: both say that the call may be made again.
	if err := <-stayed; !fault.Has(err, fault.Draining) && !fault.Has(err, fault.Unavailable) {
		t.Error(err)
	}
	if n := env.Engine().Waiting(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// A run that waits is seen by everybody in the same words.
func TestWaitingFor(t *testing.T) {
	w := workflow.Define("Waits", func(ctx workflow.Context, n int) (workflow.None, error) {
		for range n {
			work.With(activity.Options{Retry: activity.Retry{MaximumAttempts: 4}}).Start(ctx, "x")
		}
		if n == 0 {
			workflow.NewTimer(ctx, time.Hour)
		}
		_, err := note.Receive(ctx)
		return workflow.None{}, err
	})
	env := aiontest.New(t, defs(w, listen))
	a, b, c := ref(start(t, env, request(w, 3))), ref(start(t, env, request(w, 0))), ref(start(t, env, request(listen, 1)))
	sentence := func(r ports.WorkflowRef, want string) {
		t.Helper()
		env.Wait()
		if o := standing(t, env, r); o.WaitingFor != want {
			t.Errorf("got %q, want %q", o.WaitingFor, want)
		}
		if d, err := env.Engine().Describe(ctx, r); err != nil || d.Summary != strings.ToUpper(want[:1])+want[1:] {
			t.Errorf("%+v, %v", d, err)
		}
	}
	sentence(a, "no worker serves queue default for Work (and 2 more activities)")
	sentence(b, "it waits for a timer, due in 1h0m0s, or a signal")
	sentence(c, "it waits for a signal")
	other := register(t, env, ports.WorkerRegistration{ActivityTypes: []model.ActivityType{"Other"}})
	sentence(a, "no worker serves queue default for Work (and 2 more activities)")
	other.Close()
	s := register(t, env, ports.WorkerRegistration{Identity: "ada"})
	sentence(a, "Work is running on ada, attempt 1 of 4 (and 2 more activities)")
	s.Drain()
	s.fail(s.task(1), model.Failure{Message: "no", Retryable: true})
	sentence(a, "Work waits for attempt 2 of 4, next in 1s: no (and 2 more activities)")
	env.Advance(time.Hour)
	sentence(a, "Work waits for a free slot in queue default (and 2 more activities)")
	if d, err := env.Engine().Describe(ctx, b); err != nil || len(d.Timers) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// [PKG-1] Two programs, one process: the identity of the code is the package's, and a history shows which it was.
func TestPackagesSideBySide(t *testing.T) {
	one := native.NewProgram(hashA, workflow.Define("One", func(workflow.Context, workflow.None) (int, error) { return 1, nil }))
	two := native.NewProgram(hashB, workflow.Define("Two", func(workflow.Context, workflow.None) (int, error) { return 2, nil }))
	env := versions(t, nil, one, two)
	_, err := env.Engine().SetRoute(ctx, "Two", string(hashA))
	want(t, err, fault.InvalidInput, `no workflow type "Two"`)
	_, err = env.Engine().SetRoute(ctx, "Two", "bbb")
	want(t, err, fault.InvalidInput, "too short")
	_, err = env.Engine().SetRoute(ctx, "Two", "zzzzzzzzz")
	want(t, err, fault.InvalidInput, "not a package hash")
	if _, err := env.Engine().SetRoute(ctx, "Two", string(hashB[:7])); err != nil {
		t.Fatal(err)
	}
	for i, w := range []model.WorkflowType{"One", "Two"} {
		r := start(t, env, ports.StartRequest{Type: w})
		if s := find[*history.Started](t, env, ref(r))[0]; s.Package != r.Package || r.Package != []model.PackageHash{hashA, hashB}[i] {
			t.Errorf("%+v, %+v", r, s)
		}
	}
	routes, err := env.Engine().Routes(ctx)
	if err != nil || len(routes) != 2 {
		t.Errorf("%+v, %v", routes, err)
	}
	env.Restart()
	if r := start(t, env, ports.StartRequest{Type: "Two"}); r.Package != hashB {
		t.Errorf("%+v", r)
	}
}
