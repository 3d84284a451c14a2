package dispatch

import (
	"context"
	"sort"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// frameBytes bounds the tasks of one frame.
const frameBytes = 1 << 20

// Session is one connected worker; it implements ports.WorkerSession.
type Session struct {
	d           *Dispatcher
	id          string
	reg         ports.WorkerRegistration
	types       map[model.ActivityType]bool
	namespaces  map[model.Namespace]bool
	queues      []*queue
	turn        int
	connectedAt time.Time
	unknown     [][]byte

	// guarded by d.mu
	slots    int
	tasks    map[TaskKey]*task
	seenAt   time.Time
	draining bool
	closed   bool

	// the outgoing side, guarded by d.mu too
	out   ports.WorkerFrame
	ready chan struct{} // holds a token while out is not empty or the session has ended
	err   error
}

var _ ports.WorkerSession = (*Session)(nil)

// Register begins a session.
func (d *Dispatcher) Register(r ports.WorkerRegistration) (*Session, error) {
	if err := checkRegistration(r); err != nil {
		return nil, err
	}
	now := d.opt.Clock.Now()
	s := &Session{d: d, id: d.opt.IDs.UUIDv7(), reg: r, types: map[model.ActivityType]bool{}, namespaces: map[model.Namespace]bool{}, connectedAt: now,
		slots: r.Slots, tasks: map[TaskKey]*task{}, seenAt: now, ready: make(chan struct{}, 1)}
	for _, t := range r.ActivityTypes {
		s.types[t] = true
	}
	for _, ns := range r.Namespaces {
		s.namespaces[ns] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draining {
		return nil, fault.New(fault.Draining, "the server is draining").Hinted("connect again")
	}
	d.sessions[s.id] = s
	for _, raw := range r.Executing {
		if !d.claim(s, raw, now) {
			s.unknown = append(s.unknown, raw)
		}
	}
	for _, ns := range r.Namespaces {
		for _, name := range r.Queues {
			q := d.queue(QueueKey{ns, name})
			q.sessions = append(q.sessions, s)
			s.queues = append(s.queues, q)
			d.maybeRefill(q)
		}
	}
	d.deadlines.Add(now.Add(d.opt.HeartbeatWindow), deadline{session: s})
	d.back(r.Identity)
	d.fill(s)
	return s, nil
}

func checkRegistration(r ports.WorkerRegistration) error {
	switch {
	case len(r.Namespaces) == 0 || len(r.Queues) == 0 || len(r.ActivityTypes) == 0:
		return fault.Invalidf("a worker registers at least one namespace, task queue and activity type")
	case r.Slots < 1 || r.Slots > 1_000_000:
		return fault.Invalidf("a worker has 1 to 1000000 slots, not %d", r.Slots)
	case len(r.Namespaces)*len(r.Queues) > 10_000 || len(r.ActivityTypes) > 10_000:
		return fault.Invalidf("a worker registers at most 10000 queues and 10000 activity types")
	}
	for _, q := range r.Queues {
		if err := model.ValidateID("task queue", string(q)); err != nil {
			return err
		}
	}
	for _, t := range r.ActivityTypes {
		if err := model.ValidateID("activity type", string(t)); err != nil {
			return err
		}
	}
	return nil
}

// claim takes a task over that the worker says it is executing (rule A-3); false when it no longer counts.
func (d *Dispatcher) claim(s *Session, raw []byte, now time.Time) bool {
	tok, err := ParseToken(raw)
	if err != nil || !s.namespaces[tok.Chain.Namespace] {
		return false
	}
	t := d.tasks[tok.Task]
	switch {
	case t == nil && now.Before(d.bootUntil):
		// Its run is not loaded: the engine completes the entry when it is.
		t = &task{Task: Task{ActivityTask: ports.ActivityTask{Key: tok.Chain, Run: tok.Task.Run, Ordinal: tok.Task.Ordinal, Attempt: tok.Task.Attempt}}, partial: true}
		d.tasks[tok.Task] = t
	case t == nil || t.phase == buffered || t.phase == resolving || t.phase == void:
		return t != nil && t.phase == resolving
	case t.phase == handedOut && t.session != nil && t.session != s:
		if t.nonce != tok.Nonce {
			return false // the attempt was handed out again, to another worker
		}
		delete(t.session.tasks, tok.Task) // the same worker on a new stream
	}
	t.Token = raw
	d.startClocks(t, s, tok.Nonce)
	return true
}

// Info is what the Registered frame carries.
func (s *Session) Info() ports.WorkerInfo {
	return ports.WorkerInfo{ID: s.id, HeartbeatWindow: s.d.opt.HeartbeatWindow, Unknown: s.unknown}
}

func (s *Session) free() int {
	if s.draining || s.closed {
		return 0
	}
	return s.slots - len(s.tasks)
}

// pull takes the next task for the session, its queues in turn.
func (s *Session) pull() *task {
	for i := range s.queues {
		at := (s.turn + i) % len(s.queues)
		if t := s.queues[at].oldest(s); t != nil {
			s.turn = (at + 1) % len(s.queues)
			return t
		}
	}
	return nil
}

func (s *Session) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

func (s *Session) give(t ports.ActivityTask) {
	s.out.Tasks = append(s.out.Tasks, t)
	s.wake()
}

func (s *Session) cancel(token []byte, reason string) {
	s.out.Cancels = append(s.out.Cancels, ports.TaskCancel{Token: token, Reason: reason})
	s.wake()
}

// Next waits for something to send.
func (s *Session) Next(ctx context.Context) (ports.WorkerFrame, error) {
	for {
		select {
		case <-s.ready:
		case <-ctx.Done():
			return ports.WorkerFrame{}, ctx.Err()
		}
		s.d.mu.Lock()
		f := s.out
		s.out = ports.WorkerFrame{}
		size := 0
		for i := range f.Tasks {
			if size += f.Tasks[i].Input.Size() + 512; size > frameBytes && i > 0 {
				s.out.Tasks = append(s.out.Tasks, f.Tasks[i:]...)
				f.Tasks = f.Tasks[:i]
				s.wake()
				break
			}
		}
		err := s.err
		s.d.mu.Unlock()
		if len(f.Tasks)+len(f.Acks)+len(f.Cancels) > 0 || f.Drain {
			if err != nil {
				s.wake()
			}
			return f, nil
		}
		if err != nil {
			s.wake()
			return ports.WorkerFrame{}, err
		}
	}
}

// Results hands results in.
func (s *Session) Results(results []ports.TaskResult) {
	for i := range results {
		r := results[i]
		tok, err := ParseToken(r.Token)
		if err != nil || !s.namespaces[tok.Chain.Namespace] {
			s.ack(r.Token) // it can never count
			continue
		}
		s.d.mu.Lock()
		s.seenAt = s.d.opt.Clock.Now()
		var details model.Payload
		if t := s.d.tasks[tok.Task]; t != nil {
			details = t.details
			if t.phase == buffered {
				t.queue.remove(t)
			}
			if t.session != nil {
				delete(t.session.tasks, tok.Task)
				if t.session != s {
					s.d.fill(t.session)
				}
			}
			if t.phase == void {
				delete(s.d.tasks, tok.Task)
			} else {
				t.phase = resolving
			}
			s.d.fill(s)
		}
		s.d.mu.Unlock()
		s.d.sink.Result(tok, r, s.reg.Identity, details, func(ok bool) {
			if ok {
				s.ack(r.Token)
				return
			}
			s.d.unresolved(tok.Task)
			s.end(fault.New(fault.Unavailable, "a result could not be recorded").Hinted("connect again and send it once more"))
		})
	}
}

func (s *Session) ack(token []byte) {
	s.d.mu.Lock()
	s.out.Acks = append(s.out.Acks, token)
	s.d.mu.Unlock()
	s.wake()
}

// Heartbeat says that an attempt is alive.
func (s *Session) Heartbeat(token []byte, details model.Payload) {
	tok, err := ParseToken(token)
	if err != nil || !s.namespaces[tok.Chain.Namespace] {
		return
	}
	s.d.mu.Lock()
	now := s.d.opt.Clock.Now()
	s.seenAt = now
	t := s.d.tasks[tok.Task]
	if t == nil || t.session != s || t.phase != handedOut {
		s.cancel(token, "the attempt no longer counts")
		s.d.mu.Unlock()
		return
	}
	if t.Heartbeat > 0 {
		t.beatBy = now.Add(t.Heartbeat)
	}
	var store *ports.Heartbeat
	if !details.IsZero() {
		t.details = details
		every := 5 * time.Second
		if t.Heartbeat > 0 {
			every = min(every, t.Heartbeat/2)
		}
		if now.Sub(t.storedAt) >= every { // rule A-4
			t.storedAt = now
			store = &ports.Heartbeat{Run: tok.Task.Run, Ordinal: tok.Task.Ordinal, Attempt: tok.Task.Attempt, Details: details, At: now}
		}
	}
	s.d.mu.Unlock()
	if store != nil {
		s.d.sink.Heartbeat(*store)
	}
}

// Alive says that something was heard from the worker.
func (s *Session) Alive() {
	s.d.mu.Lock()
	s.seenAt = s.d.opt.Clock.Now()
	s.d.mu.Unlock()
}

// SetSlots changes how many tasks the worker holds at once.
func (s *Session) SetSlots(n int) {
	s.d.mu.Lock()
	s.slots = max(0, min(n, 1_000_000))
	s.d.fill(s)
	s.d.mu.Unlock()
}

// Drain: the worker takes no more tasks.
func (s *Session) Drain() {
	s.d.mu.Lock()
	s.draining = true
	s.d.mu.Unlock()
}

func (s *Session) drainFrame() {
	s.d.mu.Lock()
	s.out.Drain, s.draining = true, true
	s.d.mu.Unlock()
	s.wake()
}

// Close ends the session.
func (s *Session) Close() { s.end(fault.New(fault.Unavailable, "the session is closed")) }

// end takes the session out of the queues. Its tasks wait for the worker to come back for the reattach window.
func (s *Session) end(err error) {
	d := s.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.err = true, err
	delete(d.sessions, s.id)
	for _, q := range s.queues {
		for i, x := range q.sessions {
			if x == s {
				q.sessions = append(q.sessions[:i:i], q.sessions[i+1:]...)
				break
			}
		}
	}
	at := d.opt.Clock.Now().Add(d.opt.ReattachWindow)
	d.deadlines.Add(at, deadline{identity: s.reg.Identity})
	unsent := map[TaskKey]bool{}
	for i := range s.out.Tasks {
		t := &s.out.Tasks[i]
		unsent[TaskKey{t.Run, t.Ordinal, t.Attempt}] = true
	}
	s.out.Tasks = nil
	for k, t := range s.tasks {
		switch {
		case t.phase == void:
			delete(d.tasks, k)
		case unsent[k]:
			d.enqueue(t) // it never left
		default:
			t.phase, t.orphanAt = orphaned, at
			d.deadlines.Add(at, deadline{t: t})
		}
	}
	clear(s.tasks)
	s.wake()
}

// Workers lists the sessions of a namespace ("" = all) by ID.
func (d *Dispatcher) Workers(ns model.Namespace) []ports.WorkerStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ports.WorkerStatus
	for _, s := range d.sessions {
		if ns == "" || s.namespaces[ns] {
			out = append(out, ports.WorkerStatus{ID: s.id, Registered: s.reg, Slots: s.slots, SlotsUsed: len(s.tasks), ConnectedAt: s.connectedAt, Draining: s.draining})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Queues lists the queues of a namespace ("" = all) that have workers or tasks, by name.
func (d *Dispatcher) Queues(ns model.Namespace) []ports.QueueStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ports.QueueStatus
	for k, q := range d.queues {
		if ns != "" && k.Namespace != ns || len(q.sessions) == 0 && q.count == 0 && !q.backlog {
			continue
		}
		st := ports.QueueStatus{Namespace: k.Namespace, Name: k.Queue, Workers: len(q.sessions), Buffered: int64(q.count), Oldest: q.since(), Backlog: q.backlog}
		for _, s := range q.sessions {
			st.Slots += s.slots
			st.SlotsUsed += len(s.tasks)
		}
		out = append(out, st)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Namespace < out[j].Namespace || out[i].Namespace == out[j].Namespace && out[i].Name < out[j].Name
	})
	return out
}

// Serves says whether a connected worker of the queue can do tasks of a type.
func (d *Dispatcher) Serves(k QueueKey, typ model.ActivityType) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.queues[k]; q != nil {
		for _, s := range q.sessions {
			if s.types[typ] {
				return true
			}
		}
	}
	return false
}
