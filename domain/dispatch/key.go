package dispatch

import (
	"container/heap"
	"maps"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// key is a concurrency key of a queue: at most so many of its tasks are with workers at once. Of those that wait, the first of each activity
// type is placed among the tasks that could be handed out, as long as the key has a free place; the others wait here.
type key struct {
	d       *Dispatcher
	q       *queue
	name    string
	holders map[TaskKey]*task
	waiting map[model.ActivityType]*keyHeap
	shown   map[model.ActivityType]*task // the one that is placed
	n       int                          // waiting tasks
}

// keyHeap orders the waiting tasks of a key by priority, then age. Those that were taken out elsewhere are dropped at the top.
type keyHeap []waiting

func (h keyHeap) Len() int { return len(h) }
func (h keyHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.t.Priority != b.t.Priority {
		return a.t.Priority > b.t.Priority
	}
	return a.arrival < b.arrival
}
func (h keyHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *keyHeap) Push(x any)   { *h = append(*h, x.(waiting)) }
func (h *keyHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = waiting{}
	*h = old[:len(old)-1]
	return w
}

func (h *keyHeap) top(k *key) *task {
	for len(*h) > 0 {
		if w := (*h)[0]; w.t.phase == buffered && w.t.key == k && w.t.arrival == w.arrival {
			return w.t
		}
		heap.Pop(h)
	}
	return nil
}

func (k *key) limit() int { return k.q.set.keyLimit(k.name) }

// full says whether no task of the key may be handed out. While workers may still tell what they hold since before the start, none may.
func (k *key) full() bool { return len(k.holders) >= k.limit() || !k.d.settledIn() }

// keyOf finds a concurrency key.
func (d *Dispatcher) keyOf(t *task) *key {
	q := d.queue(t.queueKey())
	k := q.keys[t.ConcurrencyKey]
	if k == nil {
		k = &key{d: d, q: q, name: t.ConcurrencyKey, holders: map[TaskKey]*task{}, waiting: map[model.ActivityType]*keyHeap{}, shown: map[model.ActivityType]*task{}}
		q.keys[t.ConcurrencyKey] = k
	}
	return k
}

// wait lets a buffered task wait for its key.
func (k *key) wait(t *task) {
	t.key = k
	h := k.waiting[t.Type]
	if h == nil {
		h = &keyHeap{}
		k.waiting[t.Type] = h
	}
	heap.Push(h, waiting{t, t.arrival, t.ScheduledAt})
	k.n++
	k.show(t.Type)
}

// show places the first waiting task of a type, when the key has a free place.
func (k *key) show(typ model.ActivityType) {
	h := k.waiting[typ]
	if h == nil {
		return
	}
	first := h.top(k)
	if first == nil {
		delete(k.waiting, typ)
		delete(k.shown, typ)
		return
	}
	if k.full() {
		if !k.d.settledIn() {
			k.d.closed[k] = true
		}
		return
	}
	if old := k.shown[typ]; old != nil && old != first && old.key == k {
		k.q.unplace(old)
	}
	k.shown[typ] = first
	if first.lane == nil {
		k.q.place(first)
	}
}

// open places what may be handed out now that the key has a free place, or another limit.
func (k *key) open() {
	if k.full() {
		return
	}
	for _, typ := range slices.Collect(maps.Keys(k.waiting)) {
		k.show(typ)
	}
}

// left notes that a waiting task of the key is no longer in the buffer.
func (k *key) left(t *task) {
	t.key = nil
	k.n--
	if k.shown[t.Type] == t {
		delete(k.shown, t.Type)
	}
	k.show(t.Type)
	k.tidy()
}

func (k *key) tidy() {
	if k.n == 0 && len(k.holders) == 0 {
		delete(k.q.keys, k.name)
		delete(k.d.closed, k)
		k.d.tidy(k.q)
	}
}

// hold notes that a worker has, or may have, a task of a concurrency key.
func (d *Dispatcher) hold(t *task) {
	if t.ConcurrencyKey != "" && t.held == nil {
		t.held = d.keyOf(t)
		t.held.holders[t.Task.Key()] = t
	}
}

// unhold gives the place of a task back, for the next one.
func (d *Dispatcher) unhold(t *task) {
	k := t.held
	if k == nil {
		return
	}
	t.held = nil
	delete(k.holders, t.Task.Key())
	before := k.q.placed
	k.open()
	k.tidy()
	if k.q.placed > before {
		d.serve(k.q)
	}
}

// settledIn says whether it is known who holds what since before the start (rule A-3).
func (d *Dispatcher) settledIn() bool { return d.partials == 0 && !d.booting() }

// openKeys lets the keys go on that waited for settledIn.
func (d *Dispatcher) openKeys() {
	if len(d.closed) == 0 || !d.settledIn() {
		return
	}
	closed := d.closed
	d.closed = map[*key]bool{}
	queues := map[*queue]bool{}
	for k := range closed {
		k.open()
		queues[k.q] = true
	}
	for q := range queues {
		d.serve(q)
	}
}

// serve gives tasks of a queue to sessions that have free slots.
func (d *Dispatcher) serve(q *queue) {
	for i := 0; i < len(q.sessions) && q.placed > 0 && !d.draining; i++ {
		at := (q.next + i) % len(q.sessions)
		if s := q.sessions[at]; s.free() > 0 {
			d.fill(s)
			if q.limited {
				break
			}
		}
	}
	if n := len(q.sessions); n > 0 {
		q.next = (q.next + 1) % n
	}
}

// oldestWaiting is when the oldest waiting task of the key was scheduled. For people: it looks at all of them.
func (k *key) oldestWaiting() (at time.Time) {
	for _, h := range k.waiting {
		for _, w := range *h {
			if w.t.phase == buffered && w.t.key == k && (at.IsZero() || w.at.Before(at)) {
				at = w.at
			}
		}
	}
	return at
}
