package dispatch

import (
	"cmp"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// queue holds the tasks of one task queue that wait for a slot, in order of arrival for each activity type, so that a worker is
// given the oldest task that it can do without a search.
type queue struct {
	key      QueueKey
	sessions []*Session
	next     int // where the search for an idle session goes on
	types    map[model.ActivityType]*fifo

	count, reserved      int
	bytes, reservedBytes int64

	backlog   bool  // the store may hold tasks with an order above after
	after     int64 // the highest order that was taken from the store
	refilling bool
	again     bool // a backlog row was added while refilling
	check     bool // whether the store holds a backlog from before the start is not known: the first worker finds out
}

type waiting struct {
	t       *task
	arrival uint64
	at      time.Time
}

// fifo is a queue of tasks; tasks that were taken out elsewhere are skipped when they come to the front.
type fifo struct {
	items []waiting
	head  int
}

func (f *fifo) front() *waiting {
	for f.head < len(f.items) {
		if w := &f.items[f.head]; w.t != nil && w.t.phase == buffered {
			return w
		}
		f.items[f.head] = waiting{}
		f.head++
	}
	f.items, f.head = f.items[:0], 0
	return nil
}

func (f *fifo) pop() *task {
	t := f.items[f.head].t
	f.items[f.head] = waiting{}
	f.head++
	if f.head > 1024 && f.head*2 > len(f.items) {
		f.items = append(f.items[:0], f.items[f.head:]...)
		f.head = 0
	}
	return t
}

// add puts a task behind those that arrived before it: nearly always at the end, or, for one that comes back, at the front.
func (f *fifo) add(w waiting) {
	n := len(f.items)
	if n == f.head || f.items[n-1].arrival < w.arrival {
		f.items = append(f.items, w)
		return
	}
	i, _ := slices.BinarySearchFunc(f.items[f.head:], w.arrival, func(x waiting, arrival uint64) int { return cmp.Compare(x.arrival, arrival) })
	if i == 0 && f.head > 0 {
		f.head--
		f.items[f.head] = w
		return
	}
	f.items = slices.Insert(f.items, f.head+i, w)
}

func (d *Dispatcher) queue(k QueueKey) *queue {
	q := d.queues[k]
	if q == nil {
		q = &queue{key: k, types: map[model.ActivityType]*fifo{}, check: true}
		d.queues[k] = q
	}
	return q
}

// tidy forgets a queue that nobody uses, so that names made up by workflows do not add up. What the store holds is looked for again when a worker comes.
func (d *Dispatcher) tidy(q *queue) {
	if len(q.sessions) == 0 && q.count == 0 && q.reserved == 0 && !q.backlog && !q.refilling && d.queues[q.key] == q {
		delete(d.queues, q.key)
	}
}

func (q *queue) push(t *task) {
	f := q.types[t.Type]
	if f == nil {
		f = &fifo{}
		q.types[t.Type] = f
	}
	f.add(waiting{t, t.arrival, t.ScheduledAt})
	q.count++
	q.bytes += t.Bytes
}

func (q *queue) remove(t *task) {
	q.count--
	q.bytes -= t.Bytes
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

// oldest takes the task that has waited longest of those that the session can do.
func (q *queue) oldest(s *Session) *task {
	if q.count == 0 {
		return nil
	}
	var best *fifo
	var arrival uint64
	look := func(typ model.ActivityType, f *fifo) {
		w := f.front()
		if w == nil {
			delete(q.types, typ)
		} else if best == nil || w.arrival < arrival {
			best, arrival = f, w.arrival
		}
	}
	if len(q.types) < len(s.types) {
		for typ, f := range q.types {
			if s.types[typ] {
				look(typ, f)
			}
		}
	} else {
		for typ := range s.types {
			if f := q.types[typ]; f != nil {
				look(typ, f)
			}
		}
	}
	if best == nil {
		return nil
	}
	t := best.pop()
	q.remove(t)
	return t
}

// since is when the oldest waiting task was scheduled.
func (q *queue) since() time.Time {
	var at time.Time
	for _, f := range q.types {
		if w := f.front(); w != nil && (at.IsZero() || w.at.Before(at)) {
			at = w.at
		}
	}
	return at
}
