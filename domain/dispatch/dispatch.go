// Package dispatch hands activity tasks to workers: queues, slots, sessions, and what is known of attempts that are out.
// It knows nothing of histories; the engine tells it what to offer and hears from it what workers answered.
package dispatch

import (
	"encoding/binary"
	"sort"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
	"github.com/aionrun/aion/ports"
)

// Sink is what the dispatcher tells the engine. Its methods must not block. They are called without any lock of the dispatcher.
type Sink interface {
	// Result passes a worker's result on. done is called once: durable or void (ok), or not recorded (not ok: it must come again).
	Result(t Token, r ports.TaskResult, worker string, heartbeat model.Payload, done func(ok bool))
	// Expired says that a handed-out attempt ran into a time limit, or lost its worker (kind TimeoutUnspecified).
	Expired(t Token, kind model.TimeoutKind, worker string, heartbeat model.Payload)
	// Start asks for the durable record that comes before the hand-out of an at-most-once attempt; Started answers (rule A-2).
	Start(t Token, worker string)
	// Claimed says that a worker holds, since before the start, an attempt that nobody has told of yet: Recover or Settled answers (rule A-3).
	Claimed(t Token)
	// Refill asks for the backlog of a queue that has room again, behind what was taken; Refilled answers.
	Refill(q QueueKey, after Cursor)
	// Heartbeat passes details on that should be stored.
	Heartbeat(h ports.Heartbeat)
	// Returned gives an attempt back that nobody holds and that may not be handed out, because its run is held (Hold). It is not known here any more.
	Returned(t Token)
	// Left says that a worker has been gone for the whole reattach window.
	Left(identity string)
}

// QueueKey names a task queue.
type QueueKey struct {
	Namespace model.Namespace
	Queue     model.TaskQueue
}

// Options configure a Dispatcher. Zero fields take the defaults.
type Options struct {
	Clock           ports.Clock
	IDs             ports.IDs
	HeartbeatWindow time.Duration // how long a session may stay silent; default 30 s
	ReattachWindow  time.Duration // how long a lost worker's tasks wait for it; default 5 s
	BufferTasks     int           // per queue; default 10,000
	BufferBytes     int64         // per queue; default 64 MiB
	// Underway is told, by +1 and -1, while a frame waits for a session or is dealt with by it, and while a Refill is asked for. May be nil.
	Underway func(delta int)
	// Dispatched is told of each hand-out how long the attempt had waited for it. It must be cheap. May be nil.
	Dispatched func(waited time.Duration)
}

// Dispatcher holds the queues and sessions of one node. Safe for concurrent use.
type Dispatcher struct {
	opt  Options
	sink Sink

	mu        sync.Mutex
	queues    map[QueueKey]*queue
	sessions  map[string]*Session
	tasks     map[TaskKey]*task // every attempt that is buffered, handed out, orphaned or in limbo
	limbo     []*task           // attempts that a worker may hold since before the start (rule A-3)
	bootUntil time.Time
	missing   map[string]bool // workers that are expected back
	nonce     uint64
	arrivals  uint64
	draining  bool
	settings  map[QueueKey]*settings
	partials  int           // attempts that were claimed, and whose runs are not loaded yet
	closed    map[*key]bool // keys that wait until it is known who holds what
	told      []func()      // what the sink is told once the lock is free

	deadlines *timers.Queue[deadline]
}

// New makes a dispatcher. Attempts that Recover reports during the first ReattachWindow may still be held by workers.
func New(opt Options, sink Sink) *Dispatcher {
	if opt.HeartbeatWindow <= 0 {
		opt.HeartbeatWindow = 30 * time.Second
	}
	if opt.ReattachWindow <= 0 {
		opt.ReattachWindow = 5 * time.Second
	}
	if opt.BufferTasks <= 0 {
		opt.BufferTasks = 10_000
	}
	if opt.BufferBytes <= 0 {
		opt.BufferBytes = 64 << 20
	}
	if opt.Underway == nil {
		opt.Underway = func(int) {}
	}
	if opt.Dispatched == nil {
		opt.Dispatched = func(time.Duration) {}
	}
	d := &Dispatcher{opt: opt, sink: sink, queues: map[QueueKey]*queue{}, sessions: map[string]*Session{}, tasks: map[TaskKey]*task{},
		settings: map[QueueKey]*settings{}, closed: map[*key]bool{}}
	var seed [8]byte
	opt.IDs.Random(seed[:])
	d.nonce = binary.LittleEndian.Uint64(seed[:])
	d.bootUntil = opt.Clock.Now().Add(opt.ReattachWindow)
	d.deadlines = timers.New(opt.Clock, d.expire)
	d.deadlines.Add(d.bootUntil, deadline{})
	return d
}

// unlock frees the lock and tells the sink what has come up meanwhile.
func (d *Dispatcher) unlock() {
	told := d.told
	d.told = nil
	d.mu.Unlock()
	for _, f := range told {
		f()
	}
}

// Expect names the workers that may still hold tasks from before the start: once all of them have registered, nothing more is waited for
// (rule A-3). Call it before the first Register.
func (d *Dispatcher) Expect(identities []string) {
	d.mu.Lock()
	defer d.unlock()
	d.missing = map[string]bool{}
	for _, id := range identities {
		d.missing[id] = true
	}
	if len(d.missing) == 0 {
		d.bootUntil = d.opt.Clock.Now()
		d.leaveLimbo()
	}
}

// Missing lists the expected workers that did not come back within the window; empty while it runs.
func (d *Dispatcher) Missing() []string {
	d.mu.Lock()
	defer d.unlock()
	var out []string
	if !d.booting() {
		for id := range d.missing {
			out = append(out, id)
		}
	}
	sort.Strings(out)
	return out
}

// booting says whether workers may still come back with what they hold since before the start.
func (d *Dispatcher) booting() bool { return d.opt.Clock.Now().Before(d.bootUntil) }

// back notes that an expected worker has registered; the last one ends the wait.
func (d *Dispatcher) back(identity string) {
	if len(d.missing) == 0 {
		return
	}
	if delete(d.missing, identity); len(d.missing) == 0 {
		d.bootUntil = d.opt.Clock.Now()
		d.leaveLimbo()
	}
}

// leaveLimbo deals with what no worker has claimed within the window after the start.
func (d *Dispatcher) leaveLimbo() {
	limbo := d.limbo
	d.limbo = nil
	for _, t := range limbo {
		if t.phase == inLimbo {
			d.unclaimed(t)
		}
	}
	d.openKeys()
}

// unclaimed offers an attempt that no worker holds. One that must not be handed out again has lost its worker.
func (d *Dispatcher) unclaimed(t *task) {
	if t.Started || t.Canceling {
		d.tasks[t.Task.Key()] = t
		t.phase, t.session = orphaned, nil
		d.watch(t)
		d.expired(t, model.TimeoutUnspecified)
		return
	}
	d.enqueue(t)
}

// flowReserve is how many tasks of a fairness key find a place in a buffer that others have filled.
const flowReserve = 100

// Reserve takes a place in the queue's buffer for a task, or none: then the task belongs into the store's backlog (rule A-1). A full buffer has as much
// room again for tasks that would otherwise wait behind others that they need not wait for: those of higher priority, and the first of a fairness key.
func (d *Dispatcher) Reserve(t *Task) bool {
	d.mu.Lock()
	defer d.unlock()
	q := d.queue(t.queueKey())
	n, bytes := q.count+q.reserved, q.bytes+q.reservedBytes+t.Bytes
	behind := q.backlog && level(t.Priority) <= q.top
	switch {
	case !behind && n < d.opt.BufferTasks && bytes <= d.opt.BufferBytes:
	case n >= 2*d.opt.BufferTasks || bytes > 2*d.opt.BufferBytes:
		return false
	case !behind && t.Priority > 0 && q.atLeast(level(t.Priority)) < d.opt.BufferTasks/2:
	case t.FairnessKey != "" && q.flowLen(t.FairnessKey) < flowReserve:
	default:
		return false
	}
	q.reserved++
	q.reservedBytes += t.Bytes
	return true
}

func (q *queue) flowLen(name string) int {
	if f := q.flows[name]; f != nil {
		return f.n
	}
	return 0
}

// atLeast counts the tasks in the buffer of a level or above.
func (q *queue) atLeast(level int) (n int) {
	for _, x := range q.at[level:] {
		n += x
	}
	return n
}

// Unreserve gives a place back that is not used after all.
func (d *Dispatcher) Unreserve(q QueueKey, bytes int64) {
	d.mu.Lock()
	defer d.unlock()
	d.unreserve(q, bytes)
	d.tidy(d.queue(q))
}

func (d *Dispatcher) unreserve(q QueueKey, bytes int64) {
	qu := d.queue(q)
	qu.reserved--
	qu.reservedBytes -= bytes
}

// Backlogged says that tasks of the queue were put into the store, the most urgent of them with this priority. The queue asks for them when it
// has room.
func (d *Dispatcher) Backlogged(q QueueKey, priority int32) {
	d.mu.Lock()
	defer d.unlock()
	qu, at := d.queue(q), level(priority)
	if qu.refilling {
		if !qu.again || at > qu.againTop {
			qu.againTop = at
		}
		qu.again = true
	}
	if !qu.check && (!qu.backlog || at > qu.top) {
		qu.top = at
	}
	qu.backlog = true
	d.maybeRefill(qu)
}

// Refilled ends a Refill: last is the highest order up to which everything was offered, of its level and of those above; more says whether the
// store may hold tasks behind it.
func (d *Dispatcher) Refilled(q QueueKey, last int64, more bool) {
	d.mu.Lock()
	defer d.unlock()
	qu := d.queue(q)
	qu.refilling, qu.check = false, false
	qu.backlog = more
	if last > 0 {
		at := level(ports.TaskPriority(last))
		qu.after[at] = max(qu.after[at], last)
		qu.top = at
	}
	if qu.again {
		if !qu.backlog || qu.againTop > qu.top {
			qu.top = qu.againTop
		}
		qu.backlog, qu.again = true, false
	}
	d.maybeRefill(qu)
	d.tidy(qu)
}

// room says whether tasks of the backlog find a place.
func (d *Dispatcher) room(q *queue) bool {
	if q.count >= 2*d.opt.BufferTasks || q.bytes >= 2*d.opt.BufferBytes {
		return false
	}
	return q.check || q.placed < d.opt.BufferTasks/2 || q.atLeast(q.top) < d.opt.BufferTasks/2
}

func (d *Dispatcher) maybeRefill(q *queue) {
	if (q.backlog || q.check) && !q.refilling && len(q.sessions) > 0 && d.room(q) {
		q.refilling = true
		d.opt.Underway(1)
		key, after := q.key, Cursor{q.top, q.after}
		d.told = append(d.told, func() {
			d.sink.Refill(key, after)
			d.opt.Underway(-1)
		})
	}
}

// Cursor says what was taken from the backlog of a queue: nothing above a level, and of each level what is not above an order.
type Cursor struct {
	top   int
	after [levels]int64
}

// First is the order behind which to read first.
func (c *Cursor) First() int64 { return c.behind(c.top) }

// Below is the order behind which to read the level of the task with an order that the store gave when it was asked for what is behind another one.
func (c *Cursor) Below(order int64) int64 { return c.behind(level(ports.TaskPriority(order))) }

func (c *Cursor) behind(at int) int64 {
	return max(c.after[at], ports.TaskOrder(int32(at)+model.MinPriority, 0))
}

// Drain stops handing out; sessions are told to finish.
func (d *Dispatcher) Drain() {
	d.mu.Lock()
	defer d.unlock()
	d.draining = true
	for _, s := range d.sessions {
		s.out.Drain, s.draining = true, true
		s.wake()
	}
}

// Close ends all sessions. Nothing is handed out, and nothing expires, any more.
func (d *Dispatcher) Close() {
	d.deadlines.Close()
	d.mu.Lock()
	defer d.unlock()
	d.draining = true
	for _, s := range d.sessions {
		d.end(s, fault.New(fault.Draining, "the server is shutting down"))
	}
}
