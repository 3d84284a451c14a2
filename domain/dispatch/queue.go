package dispatch

import (
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
)

// queue holds the tasks of one task queue that wait: for a slot, a place in the queue's rate, or a place of their concurrency key.
type queue struct {
	key      QueueKey
	set      *settings // nil: nothing is limited
	sessions []*Session
	next     int // where the search for an idle session goes on
	types    map[model.ActivityType]*ready
	flows    map[string]*flow
	keys     map[string]*key
	pass     float64 // of the flow that was served last

	count, reserved      int
	placed               int // of count: those that could be handed out
	bytes, reservedBytes int64
	at                   [levels]int // count by priority

	tokens    float64 // of the rate
	spentAt   time.Time
	limited   bool // the rate has run out since it was last looked at
	limitedAt time.Time
	waited    time.Duration // how long tasks have waited for the rate
	wake      timers.Entry[deadline]

	backlog   bool          // the store may hold tasks with an order above after
	top       int           // the highest level that may have some
	after     [levels]int64 // by level, the highest order that was taken from the store
	refilling bool
	again     bool // backlog rows were added while refilling
	againTop  int  // the highest level of them
	check     bool // whether the store holds a backlog from before the start is not known: the first worker finds out
}

func (d *Dispatcher) queue(k QueueKey) *queue {
	q := d.queues[k]
	if q == nil {
		q = &queue{key: k, set: d.settings[k], types: map[model.ActivityType]*ready{}, flows: map[string]*flow{}, keys: map[string]*key{}, check: true, top: levels - 1}
		d.queues[k] = q
	}
	return q
}

// tidy forgets a queue that nobody uses, so that names made up by workflows do not add up. What the store holds is looked for again when a worker comes.
func (d *Dispatcher) tidy(q *queue) {
	if len(q.sessions) == 0 && q.count == 0 && q.reserved == 0 && !q.backlog && !q.refilling && len(q.keys) == 0 && d.queues[q.key] == q {
		d.deadlines.Remove(&q.wake)
		delete(d.queues, q.key)
	}
}

// push lets a task wait.
func (d *Dispatcher) push(q *queue, t *task) {
	q.count++
	q.bytes += t.Bytes
	q.at[level(t.Priority)]++
	if t.ConcurrencyKey != "" {
		d.keyOf(t).wait(t)
		return
	}
	q.place(t)
}

// remove takes a task out of the buffer, whose phase is no longer buffered, or will not be.
func (q *queue) remove(t *task) {
	q.unplace(t)
	q.count--
	q.bytes -= t.Bytes
	q.at[level(t.Priority)]--
	if k := t.key; k != nil {
		was := t.phase
		t.phase = gone // so that the key passes over it
		k.left(t)
		t.phase = was
	}
}

// idle finds a session with a free slot that can do tasks of a type, taking turns.
func (q *queue) idle(typ model.ActivityType) *Session {
	for i := range q.sessions {
		at := (q.next + i) % len(q.sessions)
		if s := q.sessions[at]; s.free() > 0 && s.types[typ] {
			q.next = (at + 1) % len(q.sessions)
			return s
		}
	}
	return nil
}

// since is when the oldest waiting task was scheduled. For people and metrics: it looks at each lane and key.
func (q *queue) since() time.Time {
	var at time.Time
	older := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, r := range q.types {
		for i := range r.heaps {
			for _, l := range r.heaps[i] {
				for _, w := range l.items.items[l.items.head:] {
					if w.valid(l) {
						older(w.at)
						break
					}
				}
			}
		}
	}
	for _, k := range q.keys {
		older(k.oldestWaiting())
	}
	return at
}
