package aiontest

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/inprocess"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Options say what a test runs. The zero value runs no workflow at all.
type Options struct {
	Workflows  []workflow.Definition
	Now        time.Time // what the clock shows at first; zero = 2030-01-01 00:00 UTC
	TaskQueues []string  // queues that activities are put into beside "default" and those that their declarations name
	// Configure changes the engine's options, for tests of limits and of stores.
	Configure func(*aion.Options)
}

// Env is an engine with its clock and its activities. Safe for concurrent use; the methods and functions that fail the test must be called
// from the goroutine that runs it.
type Env struct {
	t    testing.TB
	opt  Options
	aopt aion.Options
	log  *testLog

	stir  *stir
	clock *clock

	mu      sync.Mutex
	engine  *aion.Engine
	workers []*worker

	turn sync.Mutex // held by who moves the clock
}

type worker struct {
	make func(e *aion.Engine) *inprocess.Worker
	w    *inprocess.Worker
	done chan struct{}
}

// New makes an Env. It ends with the test.
func New(t testing.TB, o Options) *Env {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	s := newStir()
	c := &clock{stir: s, now: o.Now.UTC().Round(0)}
	env := &Env{t: t, opt: o, stir: s, clock: c, log: &testLog{t: t}}
	env.aopt = aion.Options{
		Store: memory.New(), Runtime: native.New(o.Workflows...), Clock: c, IDs: newIDs(c, t.Name()), Underway: s.add,
		Logger:   slog.New(slog.NewTextHandler(env.log, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: withoutTime})),
		Packages: engine.PackageOptions{Native: len(o.Workflows) > 0}, KeepClosed: true,
	}
	if o.Configure != nil {
		o.Configure(&env.aopt)
	}
	env.open()
	t.Cleanup(env.close)
	return env
}

func (env *Env) open() {
	env.t.Helper()
	e, err := aion.New(env.aopt)
	if err == nil {
		err = e.Open(context.Background())
	}
	if err != nil {
		env.t.Fatalf("aiontest: the engine does not start: %v", err)
	}
	env.mu.Lock()
	env.engine = e
	workers := env.workers
	env.mu.Unlock()
	for _, w := range workers {
		env.run(w)
	}
}

// run begins a worker of the present engine.
func (env *Env) run(w *worker) {
	w.w, w.done = w.make(env.Engine()), make(chan struct{})
	env.stir.add(1)
	go func() {
		defer close(w.done)
		if err := w.w.Run(context.Background()); err != nil {
			env.t.Errorf("aiontest: %v", err)
		}
	}()
	w.w.Registered(context.Background())
	env.stir.add(-1)
}

// halt ends engine and workers as the end of their process would.
func (env *Env) halt() {
	env.mu.Lock()
	workers := env.workers
	env.mu.Unlock()
	for _, w := range workers {
		w.w.Kill()
		<-w.done
	}
	env.Engine().Close()
}

func (env *Env) close() {
	env.halt()
	env.replayAll()
	env.log.close()
}

// Restart ends the engine in the middle of whatever it does, as kill -9 would, and starts another one on the same store. Attempts that run
// are lost: their contexts end, and what they return is dropped.
func (env *Env) Restart() {
	env.t.Helper()
	env.turn.Lock()
	defer env.turn.Unlock()
	env.halt()
	env.open()
}

// Engine is the engine itself, for what this package has no function for.
func (env *Env) Engine() *aion.Engine {
	env.mu.Lock()
	defer env.mu.Unlock()
	return env.engine
}

// Handle gives the function that runs an activity, by inprocess.Handle. Activities without one wait for a worker for ever.
func Handle[I, O any](env *Env, a activity.Activity[I, O], fn func(ctx context.Context, in I) (O, error)) {
	env.t.Helper()
	queues := append([]string{string(model.DefaultTaskQueue)}, env.opt.TaskQueues...)
	if q := a.Options().TaskQueue; q != "" {
		queues = append(queues, q)
	}
	w := &worker{make: func(e *aion.Engine) *inprocess.Worker {
		w := inprocess.New(e, inprocess.Options{TaskQueues: queues, Slots: 100_000, Identity: "aiontest", Log: env.aopt.Logger, Underway: env.stir.add, Pause: env.pause})
		inprocess.Handle(w, a, func(ctx context.Context, in I) (O, error) { return fn(context.WithValue(ctx, envKey{}, env), in) })
		return w
	}}
	env.mu.Lock()
	env.workers = append(env.workers, w)
	env.mu.Unlock()
	env.run(w)
}

// pause lets a tenth of a second pass by the clock of the Env, for a worker that counts as under way when it is called.
func (env *Env) pause(ctx context.Context) {
	over := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { env.stir.add(1); close(over) }) }
	t := env.clock.AfterFunc(100*time.Millisecond, end)
	defer t.Stop()
	env.stir.add(-1)
	defer context.AfterFunc(ctx, end)()
	<-over
}

type envKey struct{}

// Forever is longer than any test.
const Forever = 200 * 365 * 24 * time.Hour

// Sleep lets an activity take time: it returns nil once d has passed by the clock of the Env, or the cause of ctx's end. While all activities
// that run are asleep, time may pass.
func Sleep(ctx context.Context, d time.Duration) error {
	env, _ := ctx.Value(envKey{}).(*Env)
	if env == nil {
		return context.Cause(ctx)
	}
	var stop func() bool
	defer func() {
		if stop != nil {
			stop()
		}
	}()
	return inprocess.Rest(ctx, func(wake func()) { stop = env.clock.AfterFunc(d, wake).Stop })
}

// Now is what the clock shows.
func (env *Env) Now() time.Time { return env.clock.Now() }

// Wait waits until nothing more happens unless time passes or the test does something. Activities that sleep do not count.
func (env *Env) Wait() {
	slow := time.AfterFunc(slowAfter, func() {
		env.log.say("aiontest: time does not pass, because an activity has been running for %v. One that is to wait calls aiontest.Sleep", slowAfter)
	})
	defer slow.Stop()
	env.stir.wait()
}

// slowAfter is after what (real) time a hint is logged. Nothing depends on it.
const slowAfter = 10 * time.Second

// Advance lets d pass, with everything that comes due on the way, and waits until nothing more happens.
func (env *Env) Advance(d time.Duration) {
	env.turn.Lock()
	defer env.turn.Unlock()
	env.Wait()
	until := env.clock.Now().Add(d)
	for env.clock.step(until) {
		env.Wait()
	}
	env.clock.set(until)
}

// testLog writes to the test's log until the test has ended.
type testLog struct {
	t  testing.TB
	mu sync.Mutex
	no bool
}

var _ io.Writer = (*testLog)(nil)

// Write implements io.Writer.
func (l *testLog) Write(b []byte) (int, error) {
	l.say("%s", b)
	return len(b), nil
}

func (l *testLog) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.no {
		l.t.Logf(format, args...)
	}
}

func (l *testLog) close() {
	l.mu.Lock()
	l.no = true
	l.mu.Unlock()
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
