// Package timers keeps many due times behind one clock timer.
package timers

import (
	"container/heap"
	"sync"
	"time"

	"github.com/aionrun/aion/ports"
)

// Queue calls fire for each key once its time has come: one heap and one pending clock timer, however many keys wait. Keys cannot be
// taken out: whoever gets one checks whether it still means something. Safe for concurrent use.
type Queue[K any] struct {
	clock ports.Clock
	fire  func(due []K)

	mu      sync.Mutex
	entries entries[K]
	timer   ports.Timer
	armedAt int64 // 0 = not armed
	closed  bool
}

type entry[K any] struct {
	at  int64
	key K
}

type entries[K any] []entry[K]

func (e entries[K]) Len() int           { return len(e) }
func (e entries[K]) Less(i, j int) bool { return e[i].at < e[j].at }
func (e entries[K]) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *entries[K]) Push(x any)        { *e = append(*e, x.(entry[K])) }
func (e *entries[K]) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = entry[K]{}
	*e = old[:len(old)-1]
	return last
}

// New makes a queue. fire is called in a goroutine of its own, never twice at the same time, with keys in order of their times.
func New[K any](clock ports.Clock, fire func(due []K)) *Queue[K] {
	return &Queue[K]{clock: clock, fire: fire}
}

// Add makes key due at the given time (at once when that has passed).
func (q *Queue[K]) Add(at time.Time, key K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	heap.Push(&q.entries, entry[K]{at.UnixNano(), key})
	q.arm()
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
	q.closed, q.entries = true, nil
	if q.timer != nil {
		q.timer.Stop()
	}
}

// arm sets the clock timer for the first key. While fire runs, armedAt is negative and nothing is armed.
func (q *Queue[K]) arm() {
	if len(q.entries) == 0 || q.armedAt < 0 || q.closed {
		return
	}
	first := q.entries[0].at
	if q.armedAt != 0 && q.armedAt <= first {
		return
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	q.armedAt = max(first, 1)
	at := q.armedAt
	q.timer = q.clock.AfterFunc(time.Duration(first-q.clock.Now().UnixNano()), func() { q.ring(at) })
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
		due = append(due, heap.Pop(&q.entries).(entry[K]).key)
	}
	q.armedAt = -1
	q.mu.Unlock()
	if len(due) > 0 {
		q.fire(due)
	}
	q.mu.Lock()
	q.armedAt = 0
	q.arm()
	q.mu.Unlock()
}
