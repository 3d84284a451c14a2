package dispatch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
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
	turn        int // whose turn it is of the queues
	turns       int // how many tasks it has taken in its turn
	connectedAt time.Time
	unknown     [][]byte

	// guarded by d.mu
	slots    int
	tasks    map[TaskKey]*task
	seenAt   time.Time
	silence  timers.Entry[deadline]
	draining bool
	closed   bool

	// the outgoing side, guarded by d.mu too
	out   ports.WorkerFrame
	ready chan struct{} // holds a token while out is not empty or the session has ended
	busy  bool          // out is not empty, or what was taken from it is being dealt with: Next has not come back for more
	left  bool          // nobody will call Next any more
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
	defer d.unlock()
	if d.draining {
		return nil, fault.New(fault.Draining, "the server is draining").Hinted("connect again")
	}
	d.sessions[s.id] = s
	for _, raw := range r.Executing {
		if !d.claim(s, raw) {
			s.unknown = append(s.unknown, raw)
		}
	}
	if s.closed {
		return nil, s.err
	}
	for _, ns := range r.Namespaces {
		for _, name := range r.Queues {
			q := d.queue(QueueKey{ns, name})
			if slices.Contains(q.sessions, s) {
				continue // named twice
			}
			q.sessions = append(q.sessions, s)
			s.queues = append(s.queues, q)
			d.maybeRefill(q)
		}
	}
	if !r.InProcess {
		s.silence.Key.session = s
		d.deadlines.Set(&s.silence, now.Add(d.opt.HeartbeatWindow))
		d.back(r.Identity)
	}
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
func (d *Dispatcher) claim(s *Session, raw []byte) bool {
	tok, err := ParseToken(raw)
	if err != nil || !s.namespaces[tok.Chain.Namespace] {
		return false
	}
	t := d.tasks[tok.Task]
	clocks := false // its time limits run already
	switch {
	case t == nil && !d.booting():
		return false
	case t == nil:
		// Nobody has told of it yet: its run is loaded to find out.
		t = &task{Task: Task{ActivityTask: ports.ActivityTask{Key: tok.Chain, Run: tok.Task.Run, Ordinal: tok.Task.Ordinal, Attempt: tok.Task.Attempt}}, partial: true}
		d.tasks[tok.Task] = t
		d.partials++
		d.told = append(d.told, func() { d.sink.Claimed(tok) })
	case t.phase == resolving:
		return true // its result is on its way
	case t.phase == void, t.phase == starting, t.phase == buffered && t.AtMostOnce && !t.Started:
		return false
	case t.phase == handedOut:
		if t.nonce != tok.Nonce || t.session == s {
			return false // the attempt was handed out again
		}
		delete(t.session.tasks, tok.Task) // the same worker on a new stream
		clocks = true
	case t.phase == orphaned:
		clocks = true
	case t.phase == buffered:
		q := d.queue(t.queueKey())
		q.remove(t)
		d.maybeRefill(q)
	}
	t.phase, t.session, t.worker, t.nonce, t.Token, t.sent = handedOut, s, s.reg.Identity, tok.Nonce, raw, true
	s.tasks[tok.Task] = t
	d.hold(t)
	if !clocks {
		d.startClocks(t)
	} else {
		if t.Heartbeat > 0 {
			t.beatBy = d.opt.Clock.Now().Add(t.Heartbeat)
		}
		d.watch(t)
	}
	if t.Canceling {
		s.cancel(raw, cancelReason)
	}
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

// pull takes the next task for the session, its queues in turn, each as often in its turn as its weight says.
func (s *Session) pull() (*task, *queue) {
	for range s.queues {
		q := s.queues[s.turn]
		if t := s.d.take(q, s); t != nil {
			if s.turns++; s.turns >= q.set.turns() {
				s.pass()
			}
			return t, q
		}
		s.pass()
	}
	return nil, nil
}

func (s *Session) pass() {
	s.turn, s.turns = (s.turn+1)%len(s.queues), 0
}

// wake tells Next that there is something.
func (s *Session) wake() {
	if !s.busy && !s.left {
		s.busy = true
		s.d.opt.Underway(1)
	}
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// rest says that everything was dealt with.
func (s *Session) rest() {
	if s.busy {
		s.busy = false
		s.d.opt.Underway(-1)
	}
}

func (s *Session) give(t ports.ActivityTask) {
	s.out.Tasks = append(s.out.Tasks, t)
	s.wake()
}

func (s *Session) cancel(token []byte, reason string) {
	s.out.Cancels = append(s.out.Cancels, ports.TaskCancel{Token: token, Reason: reason})
	s.sent()
}

func (s *Session) ack(token []byte) {
	s.d.mu.Lock()
	defer s.d.unlock()
	s.out.Acks = append(s.out.Acks, token)
	s.sent()
}

// sent ends the session of a worker that says much and reads nothing (rule B-1).
func (s *Session) sent() {
	if len(s.out.Acks)+len(s.out.Cancels) > 10_000+4*s.slots && !s.closed {
		s.out.Acks, s.out.Cancels = nil, nil
		s.d.end(s, fault.New(fault.Lagged, "the worker does not read what it is sent"))
		return
	}
	s.wake()
}

// Next waits for something to send.
func (s *Session) Next(ctx context.Context) (ports.WorkerFrame, error) {
	for {
		s.d.mu.Lock()
		f, ok := s.take()
		err := s.err
		if !ok && err == nil {
			s.rest()
		}
		s.d.unlock()
		switch {
		case ok:
			return f, nil
		case err != nil:
			return ports.WorkerFrame{}, err // the session stays busy until it is closed
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return ports.WorkerFrame{}, ctx.Err()
		}
	}
}

// take makes the next frame of what is there.
func (s *Session) take() (f ports.WorkerFrame, ok bool) {
	for {
		size := 0
		f.Acks = cut(&s.out.Acks, &size, func(a []byte) int { return len(a) + 8 })
		f.Cancels = cut(&s.out.Cancels, &size, func(c ports.TaskCancel) int { return len(c.Token) + len(c.Reason) + 16 })
		f.Tasks = s.leave(cut(&s.out.Tasks, &size, taskBytes))
		f.Drain, s.out.Drain = s.out.Drain, false
		switch {
		case len(f.Tasks)+len(f.Acks)+len(f.Cancels) > 0 || f.Drain:
			return f, true
		case len(s.out.Tasks)+len(s.out.Acks)+len(s.out.Cancels) == 0:
			return f, false
		}
	}
}

// leave notes that tasks are sent. Those that have ended while they waited to be are left out, and their slots are free again.
func (s *Session) leave(tasks []ports.ActivityTask) []ports.ActivityTask {
	over := func(at ports.ActivityTask) bool {
		t := s.tasks[TaskKey{at.Run, at.Ordinal, at.Attempt}]
		if t == nil || t.phase == void && !t.sent {
			if t != nil {
				s.d.release(t)
				s.d.forget(t)
			}
			return true
		}
		t.sent = true
		return false
	}
	return slices.DeleteFunc(tasks, over)
}

// cut takes as many items off a list as fit into the frame, which has size bytes so far; the first item of a frame always fits.
func cut[T any](list *[]T, size *int, bytes func(T) int) []T {
	all := *list
	for i := range all {
		n := bytes(all[i])
		if *size > 0 && *size+n > frameBytes {
			*list = all[i:]
			return all[:i:i]
		}
		*size += n
	}
	*list = nil
	return all
}

func taskBytes(t ports.ActivityTask) int {
	n := 512 + t.Input.Size() + t.LastDetails.Size()
	for k, v := range t.Header {
		n += len(k) + len(v)
	}
	return n
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
		details, expires := s.resolve(tok)
		r.Expires = expires
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

// resolve takes an attempt out of the hands of who answered, whose slot is free from now on. It gives the last heartbeat
// details, and when start-to-close passes.
func (s *Session) resolve(tok Token) (details model.Payload, expires time.Time) {
	d := s.d
	d.mu.Lock()
	defer d.unlock()
	s.seenAt = d.opt.Clock.Now()
	t := d.tasks[tok.Task]
	if t == nil {
		return model.Payload{}, time.Time{}
	}
	switch {
	case t.session != nil && (t.session != s || t.nonce != tok.Nonce):
		t.overtook = true // whoever has it now keeps its slot until it answers, too
	case t.phase == void:
		d.release(t)
		d.forget(t)
	case t.session != nil:
		d.release(t)
		d.watch(t)
		d.unhold(t)
	case t.phase == buffered:
		q := d.queue(t.queueKey())
		q.remove(t)
		d.maybeRefill(q)
		t.phase = resolving
	default:
		t.phase = resolving
		d.watch(t)
		d.unhold(t)
	}
	return t.details, t.expires
}

// Heartbeat says that an attempt is alive.
func (s *Session) Heartbeat(token []byte, details model.Payload) {
	tok, err := ParseToken(token)
	if err != nil || !s.namespaces[tok.Chain.Namespace] {
		return
	}
	d := s.d
	d.mu.Lock()
	defer d.unlock()
	now := d.opt.Clock.Now()
	s.seenAt = now
	t := d.tasks[tok.Task]
	if t == nil || t.session != s || t.phase != handedOut {
		s.cancel(token, "the attempt no longer counts")
		return
	}
	d.beat(t, details, now)
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
	defer s.d.unlock()
	s.slots = max(0, min(n, 1_000_000))
	s.d.fill(s)
}

// Drain: the worker takes no more tasks.
func (s *Session) Drain() {
	s.d.mu.Lock()
	s.draining = true
	s.d.mu.Unlock()
}

// Close ends the session. Next is not called afterwards.
func (s *Session) Close() {
	s.end(fault.New(fault.Unavailable, "the session is closed"))
	s.d.mu.Lock()
	defer s.d.unlock()
	s.left = true
	s.rest()
}

func (s *Session) end(err error) {
	s.d.mu.Lock()
	defer s.d.unlock()
	s.d.end(s, err)
}

// end takes a session out of the queues. Its tasks wait for the worker to come back for the reattach window; those that never left are
// offered to others.
func (d *Dispatcher) end(s *Session, err error) {
	if s.closed {
		return
	}
	s.closed, s.err = true, err
	delete(d.sessions, s.id)
	d.deadlines.Remove(&s.silence)
	if !s.reg.InProcess {
		d.deadlines.Add(d.opt.Clock.Now().Add(d.opt.ReattachWindow), deadline{identity: s.reg.Identity})
	}
	for _, q := range s.queues {
		if i := slices.Index(q.sessions, s); i >= 0 {
			q.sessions = slices.Delete(q.sessions, i, i+1)
		}
	}
	s.out.Tasks = nil
	held := slices.SortedFunc(maps.Values(s.tasks), func(a, b *task) int { return cmp.Compare(a.arrival, b.arrival) })
	clear(s.tasks)
	for _, t := range held {
		switch {
		case t.phase == void:
			d.forget(t)
		case t.phase == starting:
			t.session = nil // Started finds out
		case !t.sent:
			d.unsent(t)
		default:
			d.orphan(t)
		}
	}
	for _, q := range s.queues {
		d.tidy(q)
	}
	s.wake()
}
