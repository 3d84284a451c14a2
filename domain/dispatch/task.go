package dispatch

import (
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
	"github.com/aionrun/aion/ports"
)

// Task is an attempt that may be handed out.
type Task struct {
	ports.ActivityTask // Token is set at hand-out
	StartToClose       time.Duration
	AtMostOnce         bool
	Priority           int32  // from model.MinPriority to model.MaxPriority; the highest is first
	FairnessKey        string // flows share the queue by weight
	ConcurrencyKey     string // "" = none
	Started            bool   // with AtMostOnce: its start is recorded
	Canceling          bool   // it is to be stopped: a worker that holds it is told, and nobody else gets it
	Held               bool   // its run is paused or Blocked: it is not handed out; a worker that has it may finish it
	Order              int64  // of its backlog row; 0 = it has none
	Bytes              int64  // its cost in a buffer; set by Offer
}

// Key names the task's attempt.
func (t *Task) Key() TaskKey { return TaskKey{t.Run, t.Ordinal, t.Attempt} }

func (t *Task) queueKey() QueueKey { return QueueKey{t.ActivityTask.Key.Namespace, t.Queue} }

type phase uint8

const (
	buffered  phase = iota
	starting        // a session has it, its start is being recorded (at most once)
	handedOut       // a session has it
	orphaned        // its worker is gone, the reattach window runs
	resolving       // a result is on its way into the history
	inLimbo         // a worker may hold it since before the start
	void            // it has ended in the history, but its worker holds a slot until it answers
	gone
)

type task struct {
	Task
	phase    phase
	session  *Session // set while starting, handedOut and void, and while a session of it resolves
	worker   string   // who had it last
	nonce    uint64
	expires  time.Time // start-to-close
	beatBy   time.Time // heartbeat
	orphanAt time.Time
	deadline timers.Entry[deadline] // the first of them
	details  model.Payload
	storedAt time.Time
	arrival  uint64 // its place in the queue, kept when it comes back unsent
	sent     bool   // it has left the server
	partial  bool   // claimed by a worker before its run was loaded: only key and token are known
	overtook bool   // a result came from somebody else than who has it now
	lane     *lane  // where it is placed among those that could be handed out
	key      *key   // the concurrency key that it waits for
	held     *key   // the concurrency key that it holds a place of
}

func (t *task) token() Token {
	return Token{Chain: t.ActivityTask.Key, Task: t.Task.Key(), Nonce: t.nonce}
}

// deadline is what has a time limit: an attempt, a silent session, a worker that may be gone; without any of them, the window after the start.
type deadline struct {
	t        *task
	session  *Session
	identity string
	queue    *queue // whose rate allows more
}

// expire looks at everything whose time has come.
func (d *Dispatcher) expire(due []deadline) {
	d.mu.Lock()
	defer d.unlock()
	now := d.opt.Clock.Now()
	for _, x := range due {
		switch {
		case x.session != nil:
			d.expireSession(x.session, now)
		case x.identity != "":
			if !d.connected(x.identity) {
				d.told = append(d.told, func() { d.sink.Left(x.identity) })
			}
		case x.queue != nil:
			if d.queues[x.queue.key] == x.queue {
				x.queue.unlimit(now)
				d.serve(x.queue)
			}
		case x.t != nil:
			d.expireTask(x.t, now)
		case !d.booting():
			d.leaveLimbo()
		}
	}
}

func (d *Dispatcher) expireSession(s *Session, now time.Time) {
	switch quiet := s.seenAt.Add(d.opt.HeartbeatWindow); {
	case s.closed:
	case now.Before(quiet):
		d.deadlines.Set(&s.silence, quiet)
	default:
		d.end(s, fault.New(fault.Unavailable, "nothing was heard from the worker for %v", d.opt.HeartbeatWindow))
	}
}

func (d *Dispatcher) expireTask(t *task, now time.Time) {
	passed := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	switch {
	case t.phase == orphaned && passed(t.orphanAt):
		d.expired(t, model.TimeoutUnspecified)
	case t.phase == handedOut && passed(t.expires):
		d.expired(t, model.TimeoutStartToClose)
	case t.phase == handedOut && passed(t.beatBy):
		d.expired(t, model.TimeoutHeartbeat)
	default:
		d.watch(t)
	}
}

// expired tells the sink that an attempt is over: its time, or its worker.
func (d *Dispatcher) expired(t *task, kind model.TimeoutKind) {
	token, worker, details := t.token(), t.worker, t.details
	d.told = append(d.told, func() { d.sink.Expired(token, kind, worker, details) })
}

func (d *Dispatcher) connected(identity string) bool {
	for _, s := range d.sessions {
		if s.reg.Identity == identity {
			return true
		}
	}
	return false
}
