package dispatch

import (
	"time"
)

// Offer makes an attempt available to workers. reserved says that a place was reserved for it, with t.Bytes. An attempt that is known already is not offered twice.
func (d *Dispatcher) Offer(t Task, reserved bool) {
	d.mu.Lock()
	defer d.unlock()
	if reserved {
		d.unreserve(t.queueKey(), t.Bytes)
	}
	if old := d.tasks[t.Key()]; old != nil {
		d.fillIn(old, t)
		return
	}
	d.enqueue(&task{Task: t})
}

// Recover tells of an attempt that may be known here, may be in a worker's hands since before the start, or may be new. It is false for one that is
// held and that no worker can have: that stays the caller's.
func (d *Dispatcher) Recover(t Task) bool {
	d.mu.Lock()
	defer d.unlock()
	if old := d.tasks[t.Key()]; old != nil {
		d.fillIn(old, t)
		return true
	}
	n := &task{Task: t, details: t.LastDetails}
	if d.booting() {
		n.phase = inLimbo
		d.tasks[t.Key()] = n
		d.limbo = append(d.limbo, n)
		return true
	}
	if t.Held && !t.Started && !t.Canceling {
		return false
	}
	d.unclaimed(n)
	return true
}

// Recall says whether an attempt is known here. One that a worker claimed before its run was loaded is completed.
func (d *Dispatcher) Recall(t Task) bool {
	d.mu.Lock()
	defer d.unlock()
	old := d.tasks[t.Key()]
	if old != nil {
		d.fillIn(old, t)
	}
	return old != nil
}

// fillIn completes an attempt that a worker claimed before its run was loaded.
func (d *Dispatcher) fillIn(old *task, t Task) {
	if t.Canceling && !old.Canceling {
		d.cancel(old, cancelReason)
	}
	old.Held = t.Held
	if !old.partial {
		return
	}
	token := old.Token
	old.Task, old.partial = t, false
	old.Token = token
	if old.phase != resolving {
		d.hold(old)
	}
	d.partials--
	defer d.openKeys()
	if old.phase == handedOut {
		d.startClocks(old)
	}
}

func (d *Dispatcher) enqueue(t *task) {
	d.unhold(t)
	if t.Held {
		d.giveBack(t)
		return
	}
	t.phase, t.session = buffered, nil
	if t.Bytes == 0 {
		t.Bytes = int64(t.Input.Size()) + 256
	}
	d.tasks[t.Task.Key()] = t
	q := d.queue(t.queueKey())
	if t.arrival == 0 {
		d.arrivals++
		t.arrival = d.arrivals
	}
	s := q.idle(t.Type)
	if s != nil && !d.draining && t.ConcurrencyKey == "" && q.set.rate() <= 0 {
		d.handOut(t, s) // nothing that it can do waits
		return
	}
	d.push(q, t)
	if s != nil {
		d.fill(s)
	}
}

// handOut gives a task to a session with a free slot. The start of an at-most-once attempt is recorded first.
func (d *Dispatcher) handOut(t *task, s *Session) {
	d.nonce++
	t.nonce, t.session, t.worker, t.sent = d.nonce, s, s.reg.Identity, false
	t.Token = t.token().Encode()
	s.tasks[t.Task.Key()] = t
	d.hold(t)
	if t.AtMostOnce && !t.Started {
		t.phase = starting
		token, worker := t.token(), t.worker
		d.told = append(d.told, func() { d.sink.Start(token, worker) })
		return
	}
	d.give(t)
}

func (d *Dispatcher) give(t *task) {
	t.phase = handedOut
	d.startClocks(t)
	d.opt.Dispatched(d.opt.Clock.Now().Sub(t.ScheduledAt))
	at := t.ActivityTask
	at.Deadline = t.expires
	t.session.give(at)
	if t.Canceling {
		t.session.cancel(t.Token, cancelReason)
	}
}

// cancelReason is what a worker is told when the workflow has canceled an activity.
const cancelReason = "canceled"

// Started answers Start: ok says that the start is recorded, void that the attempt no longer counts; otherwise it waits for another try.
func (d *Dispatcher) Started(k TaskKey, ok, void bool) {
	d.mu.Lock()
	defer d.unlock()
	t := d.tasks[k]
	if t == nil || t.phase != starting {
		return
	}
	t.Started = ok
	s := t.session
	switch {
	case ok && s != nil && !s.closed:
		d.give(t)
	case void:
		d.release(t)
		d.forget(t)
	default:
		// It never left the server, so another worker may have it.
		d.release(t)
		d.unsent(t)
	}
}

// unsent brings back an attempt that was meant for a session and never left. It keeps its place.
func (d *Dispatcher) unsent(t *task) {
	if t.Canceling {
		d.unclaimed(t)
		return
	}
	d.enqueue(t)
}

// release takes a task out of its session, which may take another one.
func (d *Dispatcher) release(t *task) {
	s := t.session
	t.session = nil
	if s != nil && s.tasks[t.Task.Key()] == t {
		delete(s.tasks, t.Task.Key())
		t.phase = resolving
		d.fill(s)
	}
}

// startClocks begins the time limits of an attempt in a worker's hands.
func (d *Dispatcher) startClocks(t *task) {
	now := d.opt.Clock.Now()
	t.expires, t.beatBy = time.Time{}, time.Time{}
	if t.StartToClose > 0 {
		t.expires = now.Add(t.StartToClose)
	}
	if t.Heartbeat > 0 {
		t.beatBy = now.Add(t.Heartbeat)
	}
	d.watch(t)
}

// watch sets the deadline that comes first.
func (d *Dispatcher) watch(t *task) {
	at := t.expires
	switch {
	case t.phase == orphaned:
		at = t.orphanAt
	case t.phase != handedOut:
		at = time.Time{}
	case !t.beatBy.IsZero() && (at.IsZero() || t.beatBy.Before(at)):
		at = t.beatBy
	}
	if at.IsZero() {
		d.deadlines.Remove(&t.deadline)
		return
	}
	t.deadline.Key.t = t
	d.deadlines.Set(&t.deadline, at)
}

// Settled says that an attempt has ended in the history. A worker that still holds it keeps its slot until it answers, and is told to
// stop when reason is not "".
func (d *Dispatcher) Settled(k TaskKey, reason string) {
	d.mu.Lock()
	defer d.unlock()
	t := d.tasks[k]
	if t == nil {
		return
	}
	switch {
	case t.phase == handedOut:
		t.phase = void
		d.watch(t)
		if t.overtook && reason == "" {
			reason = "another worker has finished it"
		}
		if reason != "" {
			t.session.cancel(t.Token, reason)
		}
	case t.phase == starting:
		d.release(t)
		d.forget(t)
	case t.phase != void:
		d.forget(t)
	}
}

// unresolved says that a result could not be recorded: the attempt waits for its worker to come back with it.
func (d *Dispatcher) unresolved(k TaskKey) {
	d.mu.Lock()
	defer d.unlock()
	if t := d.tasks[k]; t != nil && t.phase == resolving {
		d.orphan(t)
	}
}

// orphan gives the worker of an attempt time to come back with it.
func (d *Dispatcher) orphan(t *task) {
	t.phase, t.session, t.orphanAt = orphaned, nil, d.opt.Clock.Now().Add(d.opt.ReattachWindow)
	d.hold(t)
	d.watch(t)
}

// Cancel asks the worker that holds an attempt to stop it; the attempt stays known until it is settled. One that nobody holds is taken out of its
// queue, and held is false.
func (d *Dispatcher) Cancel(k TaskKey, reason string) (held bool) {
	d.mu.Lock()
	defer d.unlock()
	t := d.tasks[k]
	if t == nil {
		return false
	}
	d.cancel(t, reason)
	switch t.phase {
	case buffered:
		d.forget(t)
		return false
	case void:
		return false
	}
	return true
}

func (d *Dispatcher) cancel(t *task, reason string) {
	t.Canceling = true
	if t.phase == handedOut {
		t.session.cancel(t.Token, reason)
	}
}

// Withdraw takes an attempt back that waits in its queue; ok is false when a worker has it, and when a worker may have it since before the
// start: then it is worth trying again at the time that is given.
func (d *Dispatcher) Withdraw(k TaskKey) (ok bool, again time.Time) {
	d.mu.Lock()
	defer d.unlock()
	t := d.tasks[k]
	switch {
	case t == nil:
		return true, time.Time{}
	case t.phase == buffered:
		d.forget(t)
		return true, time.Time{}
	case t.phase == inLimbo:
		return false, d.bootUntil
	}
	return false, time.Time{}
}

// forget drops all that is known of an attempt.
func (d *Dispatcher) forget(t *task) {
	delete(d.tasks, t.Task.Key())
	was := t.phase
	t.phase, t.session = gone, nil
	d.watch(t)
	if was == buffered {
		q := d.queue(t.queueKey())
		q.remove(t)
		d.maybeRefill(q)
		d.tidy(q)
	}
	d.unhold(t)
	if t.partial {
		t.partial = false
		d.partials--
		d.openKeys()
	}
}

// fill hands tasks to a session while it has free slots.
func (d *Dispatcher) fill(s *Session) {
	for !d.draining && s.free() > 0 {
		t, q := s.pull()
		if t == nil {
			return
		}
		d.handOut(t, s)
		d.maybeRefill(q)
	}
}
