// Package timers keeps many due times behind one clock timer.
package timers

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"github.com/aionrun/aion/ports"
)

// Queue calls fire for each key once its time has come: one heap and one pending clock timer, however many keys wait. Safe for concurrent use.
type Queue[K any] struct {
	clock ports.Clock
	fire  func(due []K)

	mu      sync.Mutex
	entries entries[K]
	order   uint64
	timer   ports.Timer
	armedAt int64 // when the clock timer is due; 0 = there is none, firing = fire runs
	closed  bool
}

const firing = -1

// Entry is a due time that can be moved and taken back. The zero Entry, with its Key, is ready; it belongs to one Queue and must not be copied
// while it waits.
type Entry[K any] struct {
	Key   K
	at    int64
	order uint64 // keys of the same time fire in the order in which they were set
	place int    // in the heap, from 1; 0 = it does not wait
}

type entries[K any] []*Entry[K]

func (e entries[K]) Len() int { return len(e) }
func (e entries[K]) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e entries[K]) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i+1, j+1
}
func (e *entries[K]) Push(x any) {
	n := x.(*Entry[K])
	*e = append(*e, n)
	n.place = len(*e)
}
func (e *entries[K]) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*e = old[:len(old)-1]
	last.place = 0
	return last
}

// New makes a queue. fire is called in a goroutine of its own, never twice at the same time, with keys in order of their times; it may use the queue.
func New[K any](clock ports.Clock, fire func(due []K)) *Queue[K] {
	return &Queue[K]{clock: clock, fire: fire}
}

// Add makes key due at the given time (at once when that has passed). It cannot be taken back: whoever gets the key checks whether it still means something.
func (q *Queue[K]) Add(at time.Time, key K) { q.Set(&Entry[K]{Key: key}, at) }

// Set makes the entry's key due at the given time, instead of the time that was set before.
func (q *Queue[K]) Set(e *Entry[K], at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.order++
	e.at, e.order = nanos(at), q.order
	if e.place > 0 {
		heap.Fix(&q.entries, e.place-1)
	} else {
		heap.Push(&q.entries, e)
	}
	q.arm()
}

// Remove takes the entry back, if it waits. The clock timer is left as it is: it may ring for nothing.
func (q *Queue[K]) Remove(e *Entry[K]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.place > 0 {
		heap.Remove(&q.entries, e.place-1)
	}
}

// Len is the number of keys that wait.
func (q *Queue[K]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries)
}

// Close forgets all keys. A call of fire that has begun goes on.
func (q *Queue[K]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries {
		e.place = 0
	}
	q.closed, q.entries = true, nil
	if q.timer != nil {
		q.timer.Stop()
	}
}

// nanos is a time in unix nanoseconds; one that does not fit is as far away as can be.
func nanos(at time.Time) int64 {
	switch sec := at.Unix(); {
	case sec >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	case sec <= 0:
		return 0
	}
	return at.UnixNano()
}

// arm sets the clock timer for the first key, unless it rings before that anyway.
func (q *Queue[K]) arm() {
	if len(q.entries) == 0 || q.armedAt == firing || q.closed {
		return
	}
	first := max(q.entries[0].at, 1)
	if q.armedAt != 0 && q.armedAt <= first {
		return
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	q.armedAt = first
	q.timer = q.clock.AfterFunc(time.Duration(first-q.clock.Now().UnixNano()), func() { q.ring(first) })
}

func (q *Queue[K]) ring(armed int64) {
	q.mu.Lock()
	if q.closed || q.armedAt != armed {
		q.mu.Unlock()
		return
	}
	now := q.clock.Now().UnixNano()
	var due []K
	for len(q.entries) > 0 && q.entries[0].at <= now {
		due = append(due, heap.Pop(&q.entries).(*Entry[K]).Key)
	}
	q.armedAt = firing
	q.mu.Unlock()
	if len(due) > 0 {
		q.fire(due)
	}
	q.mu.Lock()
	q.armedAt = 0
	q.arm()
	q.mu.Unlock()
}
