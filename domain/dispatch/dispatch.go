// Package dispatch hands activity tasks to workers: queues, slots, sessions, and what is known of attempts that are out.
// It knows nothing of histories; the engine tells it what to offer and hears from it what workers answered.
package dispatch

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
	"github.com/aionrun/aion/ports"
)

// Sink is what the dispatcher tells the engine. Its methods must not block and must not call back into the dispatcher in the same call.
type Sink interface {
	// Result passes a worker's result on. done is called once: durable or void (ok), or not recorded (not ok: it must come again).
	Result(t Token, r ports.TaskResult, worker string, heartbeat model.Payload, done func(ok bool))
	// Expired says that a handed-out attempt ran into a time limit, or lost its worker (kind TimeoutUnspecified).
	Expired(t Token, kind model.TimeoutKind, worker string, heartbeat model.Payload)
	// Refill asks for the backlog of a queue that has room again, after the given order.
	Refill(q QueueKey, after int64)
	// Heartbeat passes details on that should be stored.
	Heartbeat(h ports.Heartbeat)
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
}

// Expect names the workers that may still hold tasks from before the start: once all of them have registered, nothing more is waited for
// (rule A-3). Call it before the first Register.
func (d *Dispatcher) Expect(identities []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.missing = map[string]bool{}
	for _, id := range identities {
		d.missing[id] = true
	}
	if len(d.missing) == 0 {
		d.bootUntil = d.opt.Clock.Now()
	}
}

// Missing lists the expected workers that did not come back within the window; empty while it runs.
func (d *Dispatcher) Missing() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	if !d.opt.Clock.Now().Before(d.bootUntil) {
		for id := range d.missing {
			out = append(out, id)
		}
	}
	return out
}

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
	draining  bool

	deadlines *timers.Queue[deadline]
}

// Task is an attempt that may be handed out.
type Task struct {
	ports.ActivityTask // Token is set at hand-out
	StartToClose       time.Duration
	Order              int64 // of its backlog row; 0 = it has none
	Bytes              int64 // its cost in a buffer; set by Offer
}

// Key names the task's attempt.
func (t *Task) Key() TaskKey { return TaskKey{t.Run, t.Ordinal, t.Attempt} }

type phase uint8

const (
	buffered phase = iota
	handedOut
	orphaned  // its worker is gone, the reattach window runs
	resolving // a result is on its way into the history
	inLimbo
	void // it has ended in the history, but its worker holds a slot until it answers
	gone
)

type task struct {
	Task
	phase    phase
	session  *Session
	nonce    uint64
	handedAt time.Time
	expires  time.Time // start-to-close
	beatBy   time.Time // heartbeat
	orphanAt time.Time
	details  model.Payload
	storedAt time.Time
	queue    *queue
	partial  bool // claimed by a worker before its run was loaded: only key and token are known
}

type deadline struct {
	t        *task
	session  *Session
	identity string // of a worker whose session ended
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
	d := &Dispatcher{opt: opt, sink: sink, queues: map[QueueKey]*queue{}, sessions: map[string]*Session{}, tasks: map[TaskKey]*task{}}
	var seed [8]byte
	opt.IDs.Random(seed[:])
	d.nonce = binary.LittleEndian.Uint64(seed[:])
	d.bootUntil = opt.Clock.Now().Add(opt.ReattachWindow)
	d.deadlines = timers.New(opt.Clock, d.expire)
	d.deadlines.Add(d.bootUntil, deadline{})
	return d
}

// Reserve takes n places in the queue's buffer, or none: then the tasks belong into the store's backlog (rule A-1).
func (d *Dispatcher) Reserve(q QueueKey, bytes int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	qu := d.queue(q)
	if qu.backlog || qu.count+qu.reserved >= d.opt.BufferTasks || qu.bytes+qu.reservedBytes+bytes > d.opt.BufferBytes {
		return false
	}
	qu.reserved++
	qu.reservedBytes += bytes
	return true
}

// Unreserve gives a place back that is not used after all.
func (d *Dispatcher) Unreserve(q QueueKey, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unreserve(q, bytes)
}

func (d *Dispatcher) unreserve(q QueueKey, bytes int64) {
	qu := d.queue(q)
	qu.reserved--
	qu.reservedBytes -= bytes
}

// Backlogged says that tasks of the queue were put into the store. The queue asks for them when it has room.
func (d *Dispatcher) Backlogged(q QueueKey) {
	d.mu.Lock()
	qu := d.queue(q)
	qu.backlog = true
	qu.again = qu.again || qu.refilling
	d.maybeRefill(qu)
	d.mu.Unlock()
}

// Refilled ends a Refill: last is the highest order seen, more whether the store may hold further tasks behind it.
func (d *Dispatcher) Refilled(q QueueKey, last int64, more bool) {
	d.mu.Lock()
	qu := d.queue(q)
	qu.refilling = false
	qu.after = max(qu.after, last)
	qu.backlog = more || qu.again
	qu.again, qu.check = false, false
	d.maybeRefill(qu)
	d.mu.Unlock()
}

// Offer makes an attempt available to workers. reserved says that a place was reserved for it, with t.Bytes. An attempt that is known already is not offered twice.
func (d *Dispatcher) Offer(t Task, reserved bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := QueueKey{t.ActivityTask.Key.Namespace, t.Queue}
	if reserved {
		d.unreserve(q, t.Bytes)
	}
	if old := d.tasks[t.Key()]; old != nil {
		d.fillIn(old, t)
		return
	}
	d.enqueue(&task{Task: t, queue: d.queue(q)})
}

// Recover tells of an attempt that may be handed out and that may be known, in a worker's hands since before the start, or new here.
func (d *Dispatcher) Recover(t Task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.tasks[t.Key()]; old != nil {
		d.fillIn(old, t)
		return
	}
	n := &task{Task: t, queue: d.queue(QueueKey{t.ActivityTask.Key.Namespace, t.Queue})}
	if d.opt.Clock.Now().Before(d.bootUntil) {
		n.phase = inLimbo
		d.tasks[t.Key()] = n
		d.limbo = append(d.limbo, n)
		return
	}
	d.enqueue(n)
}

// fillIn completes an attempt that a worker claimed before its run was loaded.
func (d *Dispatcher) fillIn(old *task, t Task) {
	if old.partial && old.phase == orphaned {
		token := old.Token
		old.Task, old.partial, old.queue = t, false, d.queue(QueueKey{t.ActivityTask.Key.Namespace, t.Queue})
		old.Token = token
		return
	}
	if old.partial && old.phase == handedOut {
		s, nonce, token := old.session, old.nonce, old.Token
		old.Task, old.partial, old.queue = t, false, d.queue(QueueKey{t.ActivityTask.Key.Namespace, t.Queue})
		old.Token = token
		d.startClocks(old, s, nonce)
	}
}

func (d *Dispatcher) enqueue(t *task) {
	t.phase = buffered
	if t.Bytes == 0 {
		t.Bytes = int64(t.Input.Size()) + 256
	}
	d.tasks[t.Task.Key()] = t
	if s := t.queue.idle(t.Type); s != nil && !d.draining {
		d.handOut(t, s)
		return
	}
	t.queue.push(t)
}

func (d *Dispatcher) handOut(t *task, s *Session) {
	d.nonce++
	t.Token = Token{Chain: t.ActivityTask.Key, Task: t.Task.Key(), Nonce: d.nonce}.Encode()
	d.startClocks(t, s, d.nonce)
	at := t.ActivityTask
	at.Deadline = t.expires
	s.give(at)
}

func (d *Dispatcher) startClocks(t *task, s *Session, nonce uint64) {
	now := d.opt.Clock.Now()
	t.phase, t.session, t.nonce, t.handedAt = handedOut, s, nonce, now
	s.tasks[t.Task.Key()] = t
	t.expires, t.beatBy = time.Time{}, time.Time{}
	if t.StartToClose > 0 {
		t.expires = now.Add(t.StartToClose)
		d.deadlines.Add(t.expires, deadline{t: t})
	}
	if t.Heartbeat > 0 {
		t.beatBy = now.Add(t.Heartbeat)
		d.deadlines.Add(t.beatBy, deadline{t: t})
	}
}

// Settled says that an attempt has ended in the history. A worker that still holds it keeps its slot until it answers, and is told to
// stop when reason is not "".
func (d *Dispatcher) Settled(k TaskKey, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[k]
	if t == nil {
		return
	}
	if t.phase == handedOut && t.session != nil {
		t.phase = void
		if reason != "" {
			t.session.cancel(t.Token, reason)
		}
		return
	}
	d.forget(t)
}

// unresolved says that a result could not be recorded: the attempt waits for its worker to come back with it.
func (d *Dispatcher) unresolved(k TaskKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tasks[k]; t != nil && t.phase == resolving {
		t.phase, t.session, t.orphanAt = orphaned, nil, d.opt.Clock.Now().Add(d.opt.ReattachWindow)
		d.deadlines.Add(t.orphanAt, deadline{t: t})
	}
}

// Cancel asks the worker that holds an attempt to stop it; the attempt stays known until it is settled.
func (d *Dispatcher) Cancel(k TaskKey, reason string) (held bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[k]
	if t == nil {
		return false
	}
	if t.phase == handedOut && t.session != nil {
		t.session.cancel(t.Token, reason)
	}
	return t.phase == handedOut || t.phase == orphaned || t.phase == resolving || t.phase == inLimbo
}

// Withdraw takes an attempt back that waits in its queue; false when a worker has (or may have) it.
func (d *Dispatcher) Withdraw(k TaskKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[k]
	if t == nil {
		return true
	}
	if t.phase != buffered {
		return false
	}
	d.forget(t)
	return true
}

// Holder tells who holds an attempt, for people: the worker's identity, and whether it waits in a queue; ok is false when it is not known here.
func (d *Dispatcher) Holder(k TaskKey) (worker string, waiting bool, details model.Payload, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[k]
	if t == nil {
		return "", false, model.Payload{}, false
	}
	if t.session != nil {
		worker = t.session.reg.Identity
	}
	return worker, t.phase == buffered, t.details, true
}

func (d *Dispatcher) forget(t *task) {
	delete(d.tasks, t.Task.Key())
	was := t.phase
	t.phase = gone
	if was == buffered {
		t.queue.remove(t)
		d.maybeRefill(t.queue)
	}
}

// fill hands tasks to a session while it has free slots.
func (d *Dispatcher) fill(s *Session) {
	for !d.draining && s.free() > 0 {
		t := s.pull()
		if t == nil {
			return
		}
		q := t.queue
		d.handOut(t, s)
		d.maybeRefill(q)
	}
}

func (d *Dispatcher) maybeRefill(q *queue) {
	if (q.backlog || q.check) && !q.refilling && len(q.sessions) > 0 && q.count < d.opt.BufferTasks/2 {
		q.refilling = true
		go d.sink.Refill(q.key, q.after)
	}
}

// expire looks at everything whose time has come.
func (d *Dispatcher) expire(due []deadline) {
	type end struct {
		token   Token
		kind    model.TimeoutKind
		worker  string
		details model.Payload
	}
	var ends []end
	var lost []*Session
	var gone []string
	d.mu.Lock()
	now := d.opt.Clock.Now()
	for _, x := range due {
		switch {
		case x.session != nil:
			if s := x.session; !s.closed {
				if quiet := s.seenAt.Add(d.opt.HeartbeatWindow); now.Before(quiet) {
					d.deadlines.Add(quiet, x)
				} else {
					lost = append(lost, s)
				}
			}
			continue
		case x.identity != "":
			if !d.connected(x.identity) {
				gone = append(gone, x.identity)
			}
			continue
		case x.t == nil:
			d.leaveLimbo()
			continue
		}
		t := x.t
		var worker string
		if t.session != nil {
			worker = t.session.reg.Identity
		}
		e := end{token: Token{Chain: t.ActivityTask.Key, Task: t.Task.Key(), Nonce: t.nonce}, worker: worker, details: t.details}
		switch t.phase {
		case handedOut:
			switch {
			case !t.expires.IsZero() && !now.Before(t.expires):
				e.kind = model.TimeoutStartToClose
			case !t.beatBy.IsZero() && !now.Before(t.beatBy):
				e.kind = model.TimeoutHeartbeat
			case !t.beatBy.IsZero():
				d.deadlines.Add(t.beatBy, x)
				continue
			default:
				continue
			}
		case orphaned:
			if now.Before(t.orphanAt) {
				d.deadlines.Add(t.orphanAt, x)
				continue
			}
		default:
			continue
		}
		ends = append(ends, e)
	}
	d.mu.Unlock()
	for _, s := range lost {
		s.end(fault.New(fault.Unavailable, "nothing was heard from the worker for %v", d.opt.HeartbeatWindow))
	}
	for _, id := range gone {
		d.sink.Left(id)
	}
	for _, e := range ends {
		d.sink.Expired(e.token, e.kind, e.worker, e.details)
	}
}

func (d *Dispatcher) connected(identity string) bool {
	for _, s := range d.sessions {
		if s.reg.Identity == identity {
			return true
		}
	}
	return false
}

// leaveLimbo hands out what no worker has claimed within the window after the start.
func (d *Dispatcher) leaveLimbo() {
	limbo := d.limbo
	d.limbo = nil
	for _, t := range limbo {
		if t.phase == inLimbo {
			d.enqueue(t)
		}
	}
}

// Drain stops handing out; sessions are told to finish.
func (d *Dispatcher) Drain() {
	d.mu.Lock()
	d.draining = true
	all := make([]*Session, 0, len(d.sessions))
	for _, s := range d.sessions {
		all = append(all, s)
	}
	d.mu.Unlock()
	for _, s := range all {
		s.drainFrame()
	}
}

// Close ends all sessions and forgets all tasks.
func (d *Dispatcher) Close() {
	d.deadlines.Close()
	d.mu.Lock()
	d.draining = true
	all := make([]*Session, 0, len(d.sessions))
	for _, s := range d.sessions {
		all = append(all, s)
	}
	d.mu.Unlock()
	for _, s := range all {
		s.end(fault.New(fault.Draining, "the server is shutting down"))
	}
}
