package dispatch

import (
	"cmp"
	"container/heap"
	"math/bits"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// This file orders the tasks of a queue that could be handed out now: by priority, then fairly between fairness keys, then by age. A worker is
// given the first one that it can do without a search: each activity type has, for each priority, a heap of lanes, one for each fairness key.

// levels is how many priorities there are.
const levels = model.MaxPriority - model.MinPriority + 1

func level(priority int32) int {
	return int(min(max(priority, model.MinPriority), model.MaxPriority)) - model.MinPriority
}

// flow is what the tasks of one fairness key have in common, as long as some of them could be handed out. The flow with the lowest pass is next;
// being served raises its pass by 1/weight.
type flow struct {
	name   string
	weight float64
	pass   float64
	n      int // placed tasks
}

// lane holds the tasks of one flow, priority and activity type in order of arrival. Its place in a heap is by what was last seen of its flow
// and its front: both only ever grow unseen, so that the top of a heap is brought up to date when it is looked at.
type lane struct {
	flow    *flow
	items   fifo
	pass    float64
	arrival uint64
	index   int // in its heap; -1 = in none
}

type laneHeap []*lane

func (h laneHeap) Len() int { return len(h) }
func (h laneHeap) Less(i, j int) bool {
	if h[i].pass != h[j].pass {
		return h[i].pass < h[j].pass
	}
	return h[i].arrival < h[j].arrival
}
func (h laneHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.index = len(*h)
	*h = append(*h, l)
}
func (h *laneHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h, l.index = old[:len(old)-1], -1
	return l
}

// ready holds the tasks of one activity type that could be handed out.
type ready struct {
	mask  uint32 // the levels that have lanes
	heaps [levels]laneHeap
	lanes [levels]map[string]*lane
}

// top is the lane that is next, with its level; nil when there is none.
func (r *ready) top() (*lane, int) {
	for r.mask != 0 {
		at := bits.Len32(r.mask) - 1
		h := &r.heaps[at]
		for len(*h) > 0 {
			l := (*h)[0]
			w := l.items.front(l)
			switch {
			case w == nil:
				heap.Pop(h)
				delete(r.lanes[at], l.flow.name)
				continue
			case l.pass != l.flow.pass || l.arrival != w.arrival:
				l.pass, l.arrival = l.flow.pass, w.arrival
				heap.Fix(h, 0)
				continue
			}
			return l, at
		}
		r.mask &^= 1 << at
	}
	return nil, 0
}

// place makes a task one that could be handed out.
func (q *queue) place(t *task) {
	f := q.flows[t.FairnessKey]
	if f == nil {
		w := q.set.weightOf(t.FairnessKey)
		// As if it had just been served: who comes and goes gets no more than who stays.
		f = &flow{name: t.FairnessKey, weight: w, pass: q.pass + 1/w}
		q.flows[t.FairnessKey] = f
	}
	f.n++
	q.placed++
	r := q.types[t.Type]
	if r == nil {
		r = &ready{}
		q.types[t.Type] = r
	}
	at := level(t.Priority)
	l := r.lanes[at][f.name]
	if l == nil {
		l = &lane{flow: f, index: -1}
		if r.lanes[at] == nil {
			r.lanes[at] = map[string]*lane{}
		}
		r.lanes[at][f.name] = l
	}
	l.flow = f // one that was forgotten meanwhile may have left its lane
	t.lane = l
	l.items.add(waiting{t, t.arrival, t.ScheduledAt})
	r.mask |= 1 << at
	if w := l.items.front(l); l.index < 0 {
		l.pass, l.arrival = f.pass, w.arrival
		heap.Push(&r.heaps[at], l)
	} else if w.arrival < l.arrival || f.pass < l.pass {
		l.pass, l.arrival = f.pass, w.arrival
		heap.Fix(&r.heaps[at], l.index)
	}
}

// unplace takes a task out of its lane, which passes over what it still holds of it.
func (q *queue) unplace(t *task) {
	if t.lane == nil {
		return
	}
	f := t.lane.flow
	t.lane = nil
	q.placed--
	if f.n--; f.n == 0 && q.flows[f.name] == f {
		delete(q.flows, f.name)
	}
}

// best finds the lane whose front the session is to be given.
func (q *queue) best(s *Session) *lane {
	if q.placed == 0 {
		return nil
	}
	var best *lane
	at := 0
	look := func(typ model.ActivityType, r *ready) {
		l, lv := r.top()
		switch {
		case l == nil:
			delete(q.types, typ)
		case best == nil || lv > at || lv == at && (l.pass < best.pass || l.pass == best.pass && l.arrival < best.arrival):
			best, at = l, lv
		}
	}
	if len(q.types) < len(s.types) {
		for typ, r := range q.types {
			if s.types[typ] {
				look(typ, r)
			}
		}
	} else {
		for typ := range s.types {
			if r := q.types[typ]; r != nil {
				look(typ, r)
			}
		}
	}
	return best
}

// take takes the task that is next for the session: the most urgent, of the flow whose turn it is, the oldest. nil when there is none, or the
// queue's rate allows none now.
func (d *Dispatcher) take(q *queue, s *Session) *task {
	l := q.best(s)
	if l == nil || !d.spend(q) {
		return nil
	}
	t := l.items.pop()
	d.hold(t)
	q.pass = max(q.pass, l.flow.pass)
	l.flow.pass += 1 / l.flow.weight
	q.unplace(t)
	q.remove(t)
	return t
}

type waiting struct {
	t       *task
	arrival uint64
	at      time.Time
}

// fifo is a queue of tasks; tasks that are no longer in the lane are skipped when they come to the front.
type fifo struct {
	items []waiting
	head  int
}

// valid says whether a task still waits in the lane.
func (w *waiting) valid(l *lane) bool {
	return w.t != nil && w.t.phase == buffered && w.t.lane == l && w.t.arrival == w.arrival
}

// front is the first task of the lane. One whose concurrency key has become full is no longer placed: its key brings it back.
func (f *fifo) front(l *lane) *waiting {
	for f.head < len(f.items) {
		w := &f.items[f.head]
		if w.valid(l) {
			if w.t.key == nil || !w.t.key.full() {
				return w
			}
			w.t.key.q.unplace(w.t)
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
	i, there := slices.BinarySearchFunc(f.items[f.head:], w.arrival, func(x waiting, arrival uint64) int { return cmp.Compare(x.arrival, arrival) })
	if there { // it left the lane, and comes back before it was passed over
		f.items[f.head+i] = w
		return
	}
	if i == 0 && f.head > 0 {
		f.head--
		f.items[f.head] = w
		return
	}
	f.items = slices.Insert(f.items, f.head+i, w)
}
