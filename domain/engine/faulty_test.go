package engine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// faulty is a store that fails as a test wishes.
type faulty struct {
	*memory.Store

	mu     sync.Mutex
	append func(a *ports.Append) how
	read   func(what string) error
	fatal  []error
}

// how an append goes.
type how int

const (
	fine        how = iota
	unavailable     // nothing is written
	overloaded
	conflict   // nothing is written, because of another writer that is not there
	unknown    // nothing is written, and nobody knows
	unknownYes // it is written, and nobody knows
	lostAnswer // it is written, and the answer is that it is not (a store that breaks its contract)
)

func (f *faulty) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	f.mu.Lock()
	h := fine
	if f.append != nil {
		h = f.append(a)
	}
	f.mu.Unlock()
	switch h {
	case unavailable:
		return ports.AppendResult{}, fault.New(fault.Unavailable, "the disk is asleep")
	case overloaded:
		return ports.AppendResult{}, fault.New(fault.Overloaded, "the queue is full")
	case conflict:
		return ports.AppendResult{}, a.VersionConflict(99, 99)
	case unknown:
		return ports.AppendResult{}, fault.New(fault.UnknownOutcome, "the commit got lost")
	}
	res, err := f.Store.Append(ctx, a)
	if err == nil && h == unknownYes {
		return ports.AppendResult{}, fault.New(fault.UnknownOutcome, "the commit got lost")
	}
	if err == nil && h == lostAnswer {
		return ports.AppendResult{}, fault.New(fault.Unavailable, "the answer got lost")
	}
	return res, err
}

func (f *faulty) failing(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read == nil {
		return nil
	}
	return f.read(what)
}

func (f *faulty) Chain(ctx context.Context, k model.ChainKey) (ports.Chain, ports.Run, error) {
	if err := f.failing("Chain"); err != nil {
		return ports.Chain{}, ports.Run{}, err
	}
	return f.Store.Chain(ctx, k)
}

func (f *faulty) History(ctx context.Context, run model.RunID, from model.Seq, n int) ([]ports.HistoryRow, error) {
	if err := f.failing("History"); err != nil {
		return nil, err
	}
	return f.Store.History(ctx, run, from, n)
}

func (f *faulty) Due(ctx context.Context, s ports.ShardID, until time.Time, after *ports.Due, limit int) ([]ports.Due, error) {
	if err := f.failing("Due"); err != nil {
		return nil, err
	}
	return f.Store.Due(ctx, s, until, after, limit)
}

func (f *faulty) Tasks(ctx context.Context, ns model.Namespace, q model.TaskQueue, after int64, limit int) ([]ports.Task, error) {
	if err := f.failing("Tasks"); err != nil {
		return nil, err
	}
	return f.Store.Tasks(ctx, ns, q, after, limit)
}

func (f *faulty) set(append func(a *ports.Append) how, read func(what string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.append, f.read = append, read
}

// times lets the next n appends go one way.
func times(n int, h how) func(*ports.Append) how {
	return func(*ports.Append) how {
		if n--; n >= 0 {
			return h
		}
		return fine
	}
}

func withFaults(t testing.TB, configure func(o *aion.Options), d ...workflow.Definition) (*aiontest.Env, *faulty) {
	t.Helper()
	f := &faulty{Store: memory.New()}
	env := aiontest.New(t, aiontest.Options{Workflows: d, Configure: func(o *aion.Options) {
		o.Store = f
		o.Fatal = func(err error) { f.mu.Lock(); f.fatal = append(f.fatal, err); f.mu.Unlock() }
		if configure != nil {
			configure(o)
		}
	}})
	t.Cleanup(func() { f.set(nil, nil) }) // before the end of the Env, which replays
	return env, f
}

// [HIS-2] [START-4] [C-7] What is not committed is not seen: the caller hears unavailable, and the same call made again takes effect once.
func TestFailedCommit(t *testing.T) {
	for h, reason := range map[how]fault.Reason{unavailable: fault.Unavailable, overloaded: fault.Overloaded, conflict: fault.Unavailable, unknown: fault.Unavailable, unknownYes: fault.Unavailable, lostAnswer: fault.Unavailable} {
		t.Run(fmt.Sprint(h), func(t *testing.T) {
			env, f := withFaults(t, nil, listen)
			sr := request(listen, 3)
			sr.RequestID = "s"
			f.set(times(4, h), nil)
			n := 0
			var res ports.StartResult
			for {
				var err error
				if res, err = env.Engine().Start(ctx, sr); err == nil {
					break
				}
				want(t, err, reason)
				if n++; n > 5 {
					t.Fatal("it never works again")
				}
			}
			r := ref(res)
			if res.Started == (h == unknownYes || h == lostAnswer) {
				t.Errorf("%+v", res)
			}
			for i := range 3 {
				f.set(times(4, h), nil)
				id := model.RequestID(fmt.Sprint("r", i))
				for n := 0; ; n++ {
					err := signal(env, r, fmt.Sprint(i), id)
					if err == nil {
						break
					}
					want(t, err, reason)
					if n > 5 {
						t.Fatal("it never works again")
					}
				}
			}
			f.set(nil, nil)
			env.Advance(time.Minute)
			o := standing(t, env, r)
			if string(o.Result.Data) != `["0","1","2"]` || len(find[*history.SignalReceived](t, env, r)) != 3 {
				t.Errorf("%+v; %s", o, kinds(t, env, r))
			}
			if runs, _, _ := env.Engine().List(ctx, ports.ListQuery{}); len(runs) != 1 {
				t.Errorf("%d runs", len(runs))
			}
			if unknown := h == unknown || h == unknownYes; unknown != (len(f.fatal) == 1) {
				t.Errorf("[C-8] the process was told to end %d times: %v", len(f.fatal), f.fatal)
			}
		})
	}
}

// [C-7] Whatever becomes of a commit, the run goes on by itself as soon as the store does: timers, retries, hand-outs and results are not forgotten.
func TestGoesOnAfterFailedCommits(t *testing.T) {
	w := workflow.Define("Goes", func(ctx workflow.Context, _ workflow.None) (string, error) {
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return "", err
		}
		a, err := work.With(activity.Options{Retry: activity.Retry{InitialInterval: 10 * time.Second}, StartToClose: time.Hour}).Execute(ctx, "a")
		if err != nil {
			return "", err
		}
		b, err := work.With(activity.Options{AtMostOnce: true}).Execute(ctx, "b")
		return a + b, err
	})
	for _, h := range []how{unavailable, overloaded, conflict, unknown, unknownYes, lostAnswer} {
		for every := 1; every <= 3; every++ {
			t.Run(fmt.Sprint(h, every), func(t *testing.T) {
				env, f := withFaults(t, nil, w)
				var mu sync.Mutex
				calls := map[string]int{}
				aiontest.Handle(env, work, func(_ context.Context, s string) (string, error) {
					mu.Lock()
					defer mu.Unlock()
					if calls[s]++; s == "a" && calls[s] == 1 {
						return "", busy
					}
					return s, nil
				})
				n := 0
				f.set(func(*ports.Append) how {
					if n++; n%(every+1) != 0 && n < 30 { // most of the first appends fail
						return h
					}
					return fine
				}, nil)
				sr := request(w, nil)
				sr.RequestID = "s"
				var r ports.WorkflowRef
				for {
					if res, err := env.Engine().Start(ctx, sr); err == nil {
						r = ref(res)
						break
					}
				}
				env.Advance(time.Hour)
				if o := standing(t, env, r); string(o.Result.Data) != `"ab"` {
					t.Fatalf("%+v; %s; %v", o, kinds(t, env, r), calls)
				}
				if len(find[*history.ActivityCompleted](t, env, r)) != 2 || len(find[*history.TimerFired](t, env, r)) != 1 {
					t.Error(kinds(t, env, r))
				}
				if calls["b"] != 1 {
					t.Errorf("[A-2] the at-most-once activity was called %d times", calls["b"])
				}
			})
		}
	}
}

// [C-8] A commit that happened although nobody knows goes on from there by itself: nobody has to repeat the call.
func TestUnknownCommitGoesOn(t *testing.T) {
	w := workflow.Define("Noted", func(ctx workflow.Context, _ workflow.None) (string, error) {
		s, err := note.Receive(ctx)
		if err != nil {
			return "", err
		}
		return work.Execute(ctx, s)
	})
	for _, h := range []how{unknownYes, lostAnswer} {
		env, f := withFaults(t, nil, w)
		aiontest.Handle(env, work, func(_ context.Context, s string) (string, error) { return s, nil })
		r := ref(start(t, env, request(w, nil)))
		env.Wait() // what is due was read
		f.set(times(1, h), nil)
		want(t, signal(env, r, "x", ""), fault.Unavailable)
		env.Advance(time.Minute)
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("%+v", o)
		}
	}
}

// [ACT-1] [ACT-9] A result is acknowledged only when it is in the history: while it is not, the worker comes back with it.
func TestResultIsAcknowledgedWhenDurable(t *testing.T) {
	env, f := withFaults(t, nil, works)
	r := ref(start(t, env, request(works, "x")))
	s := register(t, env, ports.WorkerRegistration{})
	x := s.task(1)
	f.set(func(*ports.Append) how { return unavailable }, nil)
	s.complete(x, "ok")
	if s.acked() != 0 || s.err == nil {
		t.Fatalf("%d acknowledged, %v", s.acked(), s.err)
	}
	s = register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
	if s.complete(x, "ok"); s.acked() != 0 {
		t.Fatal("acknowledged")
	}
	f.set(nil, nil)
	s = register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
	if s.complete(x, "ok"); s.acked() != 1 || standing(t, env, r).Status != model.StatusCompleted {
		t.Errorf("%d acknowledged", s.acked())
	}
}

// An at-most-once attempt whose start cannot be recorded is not handed out; it is, once it can.
func TestAtMostOnceNeedsTheStore(t *testing.T) {
	w := calling(activity.Options{AtMostOnce: true})
	env, f := withFaults(t, nil, w)
	r := ref(start(t, env, request(w, "x")))
	f.set(func(*ports.Append) how { return unavailable }, nil)
	s := register(t, env, ports.WorkerRegistration{})
	env.Advance(time.Minute)
	if len(s.holds()) != 0 {
		t.Fatal("handed out without a record")
	}
	f.set(nil, nil)
	env.Advance(2 * time.Second)
	if s.complete(s.task(1), "ok"); standing(t, env, r).Status != model.StatusCompleted {
		t.Error(kinds(t, env, r))
	}
}

// Places in a queue that were reserved for a step which is not committed are given back.
func TestReservationsAreGivenBack(t *testing.T) {
	tooMuch := workflow.Define("TooMuch", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		work.Start(ctx, "x")
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return workflow.None{}, err
		}
		panic("later")
	})
	env, f := withFaults(t, nil, works, tooMuch)
	for h := unavailable; h <= lostAnswer; h++ {
		f.set(func(*ports.Append) how { return h }, nil)
		for range 2000 {
			if _, err := env.Engine().Start(ctx, request(works, "x")); err == nil && h != conflict {
				t.Fatal("it was started")
			}
		}
	}
	f.set(nil, nil)
	start(t, env, request(works, "x"))
	env.Advance(time.Minute)
	if q, err := env.Engine().TaskQueues(ctx, ""); err != nil || len(q) != 1 || q[0].Backlog {
		t.Errorf("%+v, %v", q, err)
	}
}

// What cannot be read is tried again: due times, backlogs, histories. The callers hear unavailable.
func TestFailedReads(t *testing.T) {
	env, f := withFaults(t, func(o *aion.Options) { o.ResidentBytes = 1 }, sleeper, works, listen)
	a, b, c := ref(start(t, env, request(sleeper, time.Hour))), ref(start(t, env, request(works, "x"))), ref(start(t, env, request(listen, 1)))
	env.Wait()
	f.set(nil, func(string) error { return fault.New(fault.Unavailable, "the disk is asleep") })
	env.Restart()
	want(t, signal(env, c, "x", ""), fault.Unavailable)
	_, err := env.Engine().Describe(ctx, b)
	want(t, err, fault.Unavailable)
	s := register(t, env, ports.WorkerRegistration{})
	env.Advance(2 * time.Hour)
	if len(s.holds()) != 0 {
		t.Error("handed out")
	}
	f.set(nil, nil)
	env.Advance(10 * time.Second)
	s.complete(s.task(1), "ok")
	if err := signal(env, c, "x", ""); err != nil {
		t.Error(err)
	}
	for _, r := range []ports.WorkflowRef{a, b, c} {
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("%+v", o)
		}
	}
}

// [C-2] Where the host cannot run code, what comes in is recorded and acknowledged all the same, and the code is tried again.
func TestHostTrouble(t *testing.T) {
	var sick *sickRuntime
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) {
		sick = &sickRuntime{Runtime: o.Runtime}
		o.Runtime = sick
	}})
	for _, what := range []string{"new", "activate"} {
		r := ref(start(t, env, request(listen, 2)))
		if what == "new" {
			env.Restart() // it has no instance any more
		}
		sick.set(what)
		for i := range 2 {
			if err := signal(env, r, "x", model.RequestID(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		env.Advance(10 * time.Second)
		if o := standing(t, env, r); !o.Status.Open() || o.Blocked != nil || len(find[*history.SignalReceived](t, env, r)) != 2 {
			t.Errorf("%s: %+v", what, o)
		}
		sick.set("")
		env.Advance(2 * time.Second)
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("%s: %+v", what, o)
		}
	}
}

// sickRuntime is a runtime whose host has trouble.
type sickRuntime struct {
	ports.Runtime
	mu   sync.Mutex
	what string
}

func (s *sickRuntime) set(what string) { s.mu.Lock(); defer s.mu.Unlock(); s.what = what }

func (s *sickRuntime) trouble(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.what == what {
		return fmt.Errorf("no memory to %s", what)
	}
	return nil
}

func (s *sickRuntime) Load(ctx context.Context, h model.PackageHash, code []byte) (ports.Program, error) {
	p, err := s.Runtime.Load(ctx, h, code)
	return sickProgram{p, s}, err
}

type sickProgram struct {
	ports.Program
	s *sickRuntime
}

func (p sickProgram) New(ctx context.Context, seed [32]byte) (ports.Instance, error) {
	if err := p.s.trouble("new"); err != nil {
		return nil, err
	}
	i, err := p.Program.New(ctx, seed)
	return sickInstance{i, p.s}, err
}

type sickInstance struct {
	ports.Instance
	s *sickRuntime
}

func (i sickInstance) Activate(ctx context.Context, a ports.Activation) (ports.ActivationResult, error) {
	if err := i.s.trouble("activate"); err != nil {
		return ports.ActivationResult{}, err
	}
	return i.Instance.Activate(ctx, a)
}
