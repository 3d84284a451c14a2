// Package engine runs workflows: it takes the inputs of a run, lets its code decide, commits the step, and only then lets anything be
// seen. One chain is one logical actor; a goroutine works for it only while it has inputs.
package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/events"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/namespace"
	"github.com/aionrun/aion/domain/timers"
	"github.com/aionrun/aion/ports"
)

// Options are the engine's parts and bounds. Store, Runtime, Clock and IDs are required; zero bounds take the defaults.
type Options struct {
	Store     ports.Store
	Runtime   ports.Runtime
	Clock     ports.Clock
	IDs       ports.IDs
	Telemetry ports.Telemetry
	Logger    *slog.Logger
	// Underway is told, by +1 and -1, of everything that goes on: steps, background work, frames that workers take and deal with. At zero nothing
	// happens without time or somebody from outside. It must not block. May be nil; tests that skip time set it.
	Underway func(delta int)
	// Fatal is called once when the store no longer knows whether a commit happened (rule C-8): the process must end.
	Fatal func(error)

	Limits          Limits
	QueryTimeout    time.Duration // default 10 s
	HeartbeatWindow time.Duration // default 30 s
	ReattachWindow  time.Duration // default 5 s
	CacheBytes      int64         // live instances; default 1 GiB
	ResidentBytes   int64         // loaded runs; default 256 MiB
	DedupWindow     time.Duration // how long request IDs are remembered; default 24 h

	// KeepClosed keeps closed runs for good, whatever the retention of their namespace. For tests, which look at them at any time.
	KeepClosed bool

	Namespaces namespace.Options
	Packages   PackageOptions
}

// Limits bound what a run and its code may use.
type Limits struct {
	PayloadBytes      int   // default 2 MiB
	PendingActivities int   // default 10,000
	StepFuel          int64 // default 1e8
	MemoryBytes       int64 // default 128 MiB
	StepEvents        int   // default 16,384
	StepBytes         int   // default 16 MiB
	HistoryEvents     int   // default 200,000
	HistoryBytes      int64 // default 256 MiB
	BacklogEvents     int   // default 10,000
	BacklogBytes      int64 // default 16 MiB
}

func orDefault[T int | int64 | time.Duration](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}

func (o *Options) defaults() {
	l := &o.Limits
	orDefault(&l.PayloadBytes, 2<<20)
	orDefault(&l.PendingActivities, 10_000)
	orDefault(&l.StepFuel, 100_000_000)
	orDefault(&l.MemoryBytes, 128<<20)
	orDefault(&l.StepEvents, 16_384)
	orDefault(&l.StepBytes, 16<<20)
	orDefault(&l.HistoryEvents, 200_000)
	orDefault(&l.HistoryBytes, 256<<20)
	orDefault(&l.BacklogEvents, 10_000)
	orDefault(&l.BacklogBytes, 16<<20)
	orDefault(&o.QueryTimeout, 10*time.Second)
	orDefault(&o.ReattachWindow, 5*time.Second)
	orDefault(&o.DedupWindow, 24*time.Hour)
	orDefault(&o.CacheBytes, 1<<30)
	orDefault(&o.ResidentBytes, 256<<20)
	if o.Telemetry == nil {
		o.Telemetry = ports.NoTelemetry{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Fatal == nil {
		o.Fatal = func(error) {}
	}
	if o.Underway == nil {
		o.Underway = func(int) {}
	}
}

// Bounds of one activation (rule C-3) and of one history row (rule C-5).
const (
	activationEvents = 256
	activationBytes  = 1 << 20
	rowEvents        = 1000
	rowBytes         = 1 << 20
	pageBytes        = 1 << 20
	maxPageBytes     = 4 << 20
	maxRounds        = 10_000
	replayFuelFactor = 4         // rule D-2
	checkpointBytes  = 256 << 10 // rule C-6
	checkpointEvents = 100       // below it folding is as cheap as a checkpoint

	// retryPause is how long what failed because of the host waits before it is tried again.
	retryPause = time.Second
)

// Engine runs the chains of one shard. It implements ports.Service. Safe for concurrent use.
type Engine struct {
	opt   Options
	store ports.Store
	tel   ports.Telemetry
	log   *slog.Logger

	ns       *namespace.Resolver
	dispatch *dispatch.Dispatcher
	packages *packages
	wakes    *timers.Queue[model.ChainKey]
	registry ports.WorkerRegistry // nil when the store has none
	waiters  waiters
	events   *events.Hub
	updates  updateWaiters
	lru      lru

	stripes   [64]stripe
	work      work
	loads     chan struct{} // bounds concurrent loads and rebuilds
	verifying chan struct{} // bounds replays for verification
	waking    chan struct{} // bounds chains that are woken at the same time
	window    window
	removal   removal
	mail      mail
	forget    ports.Timer // of expectWorkers

	state   atomic.Uint32
	base    context.Context
	cancel  context.CancelFunc
	fatal   sync.Once
	setting sync.Mutex // held while the settings of a queue are changed
	opened  int64      // when Open was called (unix ns)
}

type stripe struct {
	mu     sync.Mutex
	chains map[model.ChainKey]*chain
}

const (
	stateNew uint32 = iota
	stateRunning
	stateDraining
	stateClosed
)

var _ ports.Service = (*Engine)(nil)

// New makes an engine. Nothing runs before Open.
func New(o Options) (*Engine, error) {
	if o.Store == nil || o.Runtime == nil || o.Clock == nil || o.IDs == nil {
		return nil, fault.Invalidf("the engine needs a store, a runtime, a clock and IDs")
	}
	o.defaults()
	e := &Engine{opt: o, store: o.Store, tel: o.Telemetry, log: o.Logger}
	for i := range e.stripes {
		e.stripes[i].chains = map[model.ChainKey]*chain{}
	}
	e.base, e.cancel = context.WithCancel(context.Background())
	e.loads = make(chan struct{}, 16)
	e.verifying = make(chan struct{}, verifyAtOnce)
	e.waking = make(chan struct{}, wakeAtOnce)
	e.mail.turns, e.mail.at.Key = make(chan struct{}, wakeAtOnce), noInbox
	e.removal.timer.Key = noRemoval
	e.work.told = o.Underway
	e.waiters.init()
	e.events = events.NewHub(e.base, o.Store, o.Clock)
	e.lru.init()
	e.ns = namespace.New(o.Store, o.Clock, o.Namespaces)
	e.packages = newPackages(e, o.Packages)
	e.wakes = timers.New(o.Clock, e.wake)
	e.dispatch = dispatch.New(dispatch.Options{Clock: o.Clock, IDs: o.IDs, HeartbeatWindow: o.HeartbeatWindow, ReattachWindow: o.ReattachWindow, Dispatched: o.Telemetry.Dispatched,
		Underway: o.Underway}, sink{e})
	return e, nil
}

// Open loads what is due and begins to serve. It reads no history of runs that merely wait (rule S-2).
func (e *Engine) Open(ctx context.Context) error {
	e.opened = e.opt.Clock.Now().UnixNano()
	if err := e.ns.Load(ctx); err != nil {
		return err
	}
	if err := e.packages.load(ctx); err != nil {
		return err
	}
	if err := e.loadQueues(ctx); err != nil {
		return err
	}
	if err := e.expectWorkers(ctx); err != nil {
		return err
	}
	if !e.state.CompareAndSwap(stateNew, stateRunning) {
		return fault.Internalf("the engine was opened twice")
	}
	e.background(func() { e.scan(e.base) })
	e.background(func() { e.openInboxes(e.base) })
	if !e.opt.KeepClosed {
		e.background(func() { e.removeClosed(e.base) })
	}
	return nil
}

// Drain stops new starts and hand-outs and waits until no step is under way, or ctx ends. What is open stays as it is in the store.
func (e *Engine) Drain(ctx context.Context) error {
	e.state.CompareAndSwap(stateRunning, stateDraining)
	e.dispatch.Drain()
	if err := e.work.wait(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, err, "draining was given up")
	}
	return nil
}

// Close stops everything and gives instances back. The store is the caller's to close, afterwards.
func (e *Engine) Close() {
	if e.state.Swap(stateClosed) == stateClosed {
		return
	}
	e.wakes.Close()
	e.dispatch.Close()
	e.waiters.close()
	e.cancel()
	e.work.close()
	_ = e.work.wait(context.Background()) // which does not end
	if e.forget != nil {
		e.forget.Stop()
	}
	for i := range e.stripes {
		s := &e.stripes[i]
		s.mu.Lock()
		for _, c := range s.chains {
			c.dropInstance()
		}
		s.chains = map[model.ChainKey]*chain{}
		s.mu.Unlock()
	}
}

// expectWorkers tells the dispatcher which workers may still hold tasks, where the store remembers them.
func (e *Engine) expectWorkers(ctx context.Context) error {
	reg, ok := e.store.(ports.WorkerRegistry)
	if !ok {
		return nil
	}
	known, err := reg.KnownWorkers(ctx)
	if err != nil {
		return err
	}
	e.registry = reg
	e.dispatch.Expect(known)
	if len(known) > 0 {
		// Those that stayed away are forgotten, so that the next start does not wait for them again.
		e.forget = e.opt.Clock.AfterFunc(e.opt.ReattachWindow+time.Second, func() {
			for _, id := range e.dispatch.Missing() {
				e.left(id)
			}
		})
	}
	return nil
}

// left forgets a worker that has gone for good.
func (e *Engine) left(identity string) {
	if e.registry == nil {
		return
	}
	e.background(func() {
		if err := e.registry.WorkerLeft(e.base, identity); err != nil && e.base.Err() == nil {
			e.log.Warn("a worker that has left could not be forgotten", "identity", identity, "error", err)
		}
	})
}

// accepting refuses calls before Open and after Drain.
func (e *Engine) accepting() error {
	switch e.state.Load() {
	case stateNew:
		return fault.New(fault.Starting, "the server is starting").Hinted("try again in a moment")
	case stateRunning:
		return nil
	}
	return errClosed()
}

// background runs f until it returns; Close waits for it. After Close nothing is run.
func (e *Engine) background(f func()) {
	if !e.work.begin() {
		return
	}
	go func() {
		defer e.work.end()
		f()
	}()
}

// died reports an unknown outcome once (rule C-8).
func (e *Engine) died(err error) { e.fatal.Do(func() { e.opt.Fatal(err) }) }

func (e *Engine) stripe(k model.ChainKey) *stripe {
	h := uint32(2166136261)
	for i := 0; i < len(k.WorkflowID); i++ {
		h = (h ^ uint32(k.WorkflowID[i])) * 16777619
	}
	return &e.stripes[h%uint32(len(e.stripes))]
}

// submit gives inputs to a chain and makes sure that a goroutine works on them.
func (e *Engine) submit(k model.ChainKey, in ...input) {
	s := e.stripe(k)
	for {
		s.mu.Lock()
		c := s.chains[k]
		if c == nil && !e.work.isClosed() {
			c = &chain{e: e, key: k}
			s.chains[k] = c
		}
		s.mu.Unlock()
		how := putClosed
		if c != nil {
			how = c.put(in)
		}
		switch how {
		case putTaken:
			return
		case putClosed:
			for _, i := range in {
				i.fail(errClosed())
			}
			return
		}
	}
}

// later submits an input again after a pause, for what must not be given up before the engine ends.
func (e *Engine) later(k model.ChainKey, in input) {
	if e.base.Err() == nil {
		e.opt.Clock.AfterFunc(retryPause, func() {
			if e.base.Err() == nil {
				e.submit(k, in)
			}
		})
	}
}

func errClosed() error {
	return fault.New(fault.Draining, "the server is shutting down").Hinted("try again; another or the restarted server will answer")
}

// remove forgets a chain that is marked dead.
func (e *Engine) remove(c *chain) {
	s := e.stripe(c.key)
	s.mu.Lock()
	if s.chains[c.key] == c {
		delete(s.chains, c.key)
	}
	s.mu.Unlock()
}

// Resident counts the chains in memory.
func (e *Engine) Resident() int {
	n := 0
	for i := range e.stripes {
		s := &e.stripes[i]
		s.mu.Lock()
		n += len(s.chains)
		s.mu.Unlock()
	}
	return n
}

// Attempts counts the attempts of activities that are known in memory: waiting for a worker, with one, or being settled.
func (e *Engine) Attempts() int { return e.dispatch.Len() }
