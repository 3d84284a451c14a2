package dispatch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is a Sink that notes what it is told. Results are recorded at once unless refuse is set.
type told struct {
	d *Dispatcher

	mu      sync.Mutex
	refuse  bool
	results []ports.TaskResult
	expired []expired
	starts  []Token
	claimed []Token
	refills []int64
	beats   []ports.Heartbeat
	left    []string
	back    []Token
}

type expired struct {
	key     TaskKey
	kind    model.TimeoutKind
	worker  string
	details string
	at      time.Time
}

func (s *told) Result(t Token, r ports.TaskResult, _ string, _ model.Payload, done func(bool)) {
	s.mu.Lock()
	s.results = append(s.results, r)
	refuse := s.refuse
	s.mu.Unlock()
	if !refuse {
		s.d.Settled(t.Task, "")
	}
	done(!refuse)
}

func (s *told) Expired(t Token, kind model.TimeoutKind, worker string, details model.Payload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired = append(s.expired, expired{t.Task, kind, worker, string(details.Data), time.Now()})
}

func (s *told) Start(t Token, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts = append(s.starts, t)
}

func (s *told) Claimed(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed = append(s.claimed, t)
}

func (s *told) Refill(_ QueueKey, after Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refills = append(s.refills, after.First())
}

func (s *told) Heartbeat(h ports.Heartbeat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats = append(s.beats, h)
}

func (s *told) Returned(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.back = append(s.back, t)
}

func (s *told) Left(identity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, identity)
}

// look reads what was noted.
func look[T any](s *told, field func(*told) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return field(s)
}

// bench is a dispatcher under test, in a bubble of time. Unless booting, the window after the start has passed.
type bench struct {
	*testing.T
	*Dispatcher
	told *told
}

func run(t *testing.T, booting bool, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &told{}
		d := New(Options{Clock: system.Clock{}, IDs: random.IDs{}}, s)
		s.d = d
		defer d.Close()
		b := &bench{t, d, s}
		if !booting {
			b.pass(5 * time.Second)
		}
		f(b)
		b.check()
	})
}

// pass lets time go by, with what it brings.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func newTask(n int, change ...func(*Task)) Task {
	t := Task{ActivityTask: ports.ActivityTask{Key: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Run: "r", Ordinal: model.Ordinal(n), Attempt: 1, Type: "A", Queue: "q",
		ScheduledAt: time.Now().UTC()}}
	for _, f := range change {
		f(&t)
	}
	return t
}

func typed(typ model.ActivityType) func(*Task) { return func(t *Task) { t.Type = typ } }

func (b *bench) offer(n int, change ...func(*Task)) TaskKey {
	t := newTask(n, change...)
	b.Offer(t, false)
	return t.Key()
}

func (b *bench) reserve(q QueueKey, bytes int64) bool {
	return b.Reserve(&Task{ActivityTask: ports.ActivityTask{Key: model.ChainKey{Namespace: q.Namespace}, Queue: q.Queue}, Bytes: bytes})
}

// worker is a session with what it was sent.
type worker struct {
	b *bench
	*Session
	tasks   map[TaskKey]ports.ActivityTask
	order   []model.Ordinal
	acks    int
	cancels map[TaskKey]string
	drained bool
}

func registration(slots int) ports.WorkerRegistration {
	return ports.WorkerRegistration{Namespaces: []model.Namespace{"default"}, Queues: []model.TaskQueue{"q"}, ActivityTypes: []model.ActivityType{"A"}, Slots: slots, Identity: "me"}
}

func (b *bench) worker(slots int, change ...func(*ports.WorkerRegistration)) *worker {
	b.Helper()
	r := registration(slots)
	for _, f := range change {
		f(&r)
	}
	s, err := b.Register(r)
	if err != nil {
		b.Fatal(err)
	}
	w := &worker{b: b, Session: s, tasks: map[TaskKey]ports.ActivityTask{}, cancels: map[TaskKey]string{}}
	b.Cleanup(s.Close)
	return w
}

// frame takes the next frame, or an empty one when nothing is there.
func (w *worker) frame() ports.WorkerFrame {
	w.b.Helper()
	f, err := w.Next(noWait)
	if err != nil && err != noWait.Err() {
		w.b.Fatalf("the session ended: %v", err)
	}
	for _, t := range f.Tasks {
		k := TaskKey{t.Run, t.Ordinal, t.Attempt}
		if _, twice := w.tasks[k]; twice {
			w.b.Errorf("%v was handed out twice", k)
		}
		w.tasks[k] = t
		w.order = append(w.order, t.Ordinal)
	}
	w.acks += len(f.Acks)
	for _, c := range f.Cancels {
		tok, err := ParseToken(c.Token)
		if err != nil {
			w.b.Errorf("a cancel with the token %x", c.Token)
		}
		w.cancels[tok.Task] = c.Reason
	}
	w.drained = w.drained || f.Drain
	return f
}

// read takes all frames that are there.
func (w *worker) read() *worker {
	w.b.Helper()
	for {
		if f := w.frame(); len(f.Tasks)+len(f.Acks)+len(f.Cancels) == 0 && !f.Drain {
			return w
		}
	}
}

// noWait lets Next give what is there.
var noWait = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// ended gives the error that the session ended with, nil while it goes on.
func (w *worker) ended() error {
	for {
		if _, err := w.Next(noWait); err == noWait.Err() {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// finish answers a task that the worker holds.
func (w *worker) finish(keys ...TaskKey) {
	w.b.Helper()
	var rs []ports.TaskResult
	for _, k := range keys {
		t, ok := w.tasks[k]
		if !ok {
			w.b.Fatalf("the worker does not hold %v", k)
		}
		delete(w.tasks, k)
		rs = append(rs, ports.TaskResult{Token: t.Token, Completed: &model.Payload{}})
	}
	w.Results(rs)
}

func (w *worker) tokens() (out [][]byte) {
	for _, t := range w.tasks {
		out = append(out, t.Token)
	}
	return out
}

// check holds what must always hold.
func (b *bench) check() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := invariants(b.Dispatcher, true); err != nil {
		b.Error(err)
	}
}

// invariants finds what must never be. resized says that workers have changed their slots, or claimed more than they have.
func invariants(d *Dispatcher, resized bool) error {
	count := map[QueueKey]int{}
	bytes := map[QueueKey]int64{}
	for k, t := range d.tasks {
		if t.Task.Key() != k {
			return fmt.Errorf("%v is filed as %v", t.Task.Key(), k)
		}
		switch t.phase {
		case buffered:
			count[t.queueKey()]++
			bytes[t.queueKey()] += t.Bytes
		case starting, handedOut, void:
			if t.phase == starting && t.session == nil {
				continue // its session ended meanwhile
			}
			if t.session == nil || t.session.tasks[k] != t || t.session.closed {
				return fmt.Errorf("%v in phase %d has no session that knows it", k, t.phase)
			}
		case gone:
			return fmt.Errorf("%v is gone and still there", k)
		}
	}
	for k, q := range d.queues {
		if q.count != count[k] || q.bytes != bytes[k] || q.reserved < 0 || q.reservedBytes < 0 {
			return fmt.Errorf("queue %v counts %d tasks and %d bytes, there are %d and %d; %d reserved", k, q.count, q.bytes, count[k], bytes[k], q.reserved)
		}
		placed := 0
		for typ, r := range q.types {
			for at := range r.heaps {
				for _, l := range r.heaps[at] {
					last := uint64(0)
					for _, w := range l.items.items[l.items.head:] {
						if w.valid(l) {
							placed++
							if w.arrival <= last || level(w.t.Priority) != at || w.t.Type != typ || w.t.FairnessKey != l.flow.name || q.flows[l.flow.name] != l.flow {
								return fmt.Errorf("queue %v is out of order", k)
							}
							last = w.arrival
						}
					}
				}
			}
		}
		flows := 0
		for _, f := range q.flows {
			flows += f.n
		}
		byLevel := 0
		for _, n := range q.at {
			byLevel += n
		}
		if placed != q.placed || flows != q.placed || byLevel != q.count || q.placed > q.count {
			return fmt.Errorf("queue %v holds %d placed tasks and counts %d, by flow %d; %d by level of %d", k, placed, q.placed, flows, byLevel, q.count)
		}
		for name, c := range q.keys {
			waits := 0
			for _, t := range d.tasks {
				if t.ConcurrencyKey == name && t.queueKey() == k && t.phase == buffered {
					if waits++; t.key != c {
						return fmt.Errorf("%v does not wait for its key", t.Task.Key())
					}
				}
			}
			for hk, t := range c.holders {
				if t.held != c || d.tasks[hk] != t || t.phase == buffered || t.phase == resolving || t.phase == gone {
					return fmt.Errorf("%v holds key %s in phase %d", hk, name, t.phase)
				}
			}
			if waits != c.n || waits == 0 && len(c.holders) == 0 {
				return fmt.Errorf("key %s counts %d waiting tasks, there are %d", name, c.n, waits)
			}
			if len(c.holders) < c.limit() && d.settledIn() {
				for typ, h := range c.waiting {
					if t := h.top(c); t != nil && t.lane == nil {
						return fmt.Errorf("key %s has a free place, and the first task of type %s is not placed", name, typ)
					}
				}
			}
		}
	}
	for k, t := range d.tasks {
		out := t.phase == starting || t.phase == handedOut || t.phase == orphaned || t.phase == void
		if t.ConcurrencyKey != "" && out != (t.held != nil) {
			return fmt.Errorf("%v in phase %d: holds a place %v", k, t.phase, t.held != nil)
		}
	}
	for _, s := range d.sessions {
		for k, t := range s.tasks {
			if d.tasks[k] != t || t.session != s {
				return fmt.Errorf("session %s holds %v, which is not its own", s.id, k)
			}
		}
		if len(s.tasks) > s.slots && !resized {
			return fmt.Errorf("session %s holds %d tasks with %d slots", s.id, len(s.tasks), s.slots)
		}
		if s.free() > 0 && !d.draining {
			for _, q := range s.queues {
				if q.set.rate() > 0 && q.limited {
					continue
				}
				for typ := range s.types {
					if r := q.types[typ]; r == nil {
						continue
					} else if l, _ := r.top(); l != nil {
						return fmt.Errorf("session %s has a free slot while queue %v holds a task for it", s.id, q.key)
					}
				}
			}
		}
	}
	return nil
}
