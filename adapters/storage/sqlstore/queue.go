package sqlstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// A batch ends when it holds so much (above it, a transaction costs more latency than it saves).
const (
	batchRequests = 1024
	batchBytes    = 1 << 20
)

// request is one thing that waits to be committed: an append, a put of a cache row, or work that wants a transaction of its own.
type request struct {
	append *ports.Append
	put    func(w *writer) error
	alone  func(w *writer) error
	size   int64

	state atomic.Int32
	done  chan struct{} // gets one value when res and err are set
	res   ports.AppendResult
	err   error
}

// States of a request: it belongs to the queue, to the writer, or to nobody because its caller has left.
const (
	queued int32 = iota
	taken
	abandoned
)

// queue holds requests for the writer, in order, at most so many bytes.
type queue struct {
	room     *semaphore.Weighted
	capacity int64
	held     atomic.Int64 // bytes of requests that are not answered yet
	patience time.Duration

	mu      sync.Mutex
	waiting []*request
	closed  error         // why nothing is accepted any more
	wake    chan struct{} // tells the writer that something has changed
}

func newQueue(capacity int64, patience time.Duration) *queue {
	return &queue{room: semaphore.NewWeighted(capacity), capacity: capacity, patience: patience, wake: make(chan struct{}, 1)}
}

// submit puts r into the queue and waits until it is committed or refused.
func (q *queue) submit(ctx context.Context, r *request) error {
	if err := q.put(ctx, r); err != nil {
		return err
	}
	return q.wait(ctx, r)
}

// put puts r into the queue, when there is room.
func (q *queue) put(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.size = min(r.size, q.capacity)
	if err := q.enter(ctx, r.size); err != nil {
		return err
	}
	q.mu.Lock()
	if err := q.closed; err != nil {
		q.mu.Unlock()
		q.leave(r)
		return err
	}
	q.waiting = append(q.waiting, r)
	q.mu.Unlock()
	q.notify()
	return nil
}

// wait gives the answer to a request in the queue. A caller that gives up while r is queued takes it out; once the writer
// has r, its outcome is waited for.
func (q *queue) wait(ctx context.Context, r *request) error {
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(queued, abandoned) {
			return ctx.Err()
		}
		<-r.done
	}
	return r.err
}

// enter waits for room, in the order of arrival.
func (q *queue) enter(ctx context.Context, size int64) error {
	if q.room.TryAcquire(size) {
		q.held.Add(size)
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	if err := q.room.Acquire(bounded, size); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.New(fault.Overloaded, "the commit queue has been full (%d MiB) for %v", q.capacity>>20, q.patience).
			Hinted("the disk is slower than the load: send less, or try again later")
	}
	q.held.Add(size)
	return nil
}

// leave gives back the room of a request.
func (q *queue) leave(r *request) {
	q.held.Add(-r.size)
	q.room.Release(r.size)
}

// pressed says whether less than a fifth of the queue is free.
func (q *queue) pressed() bool {
	fifth := q.capacity / 5
	if !q.room.TryAcquire(fifth) {
		return true
	}
	q.room.Release(fifth)
	return false
}

func (q *queue) notify() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close makes submit answer err. What is queued already is still given out.
func (q *queue) close(err error) {
	q.mu.Lock()
	if q.closed == nil {
		q.closed = err
	}
	q.mu.Unlock()
	q.notify()
}

// take waits for requests and moves the next batch into to; it gives nothing when the queue is closed and empty.
func (q *queue) take(to []*request) []*request {
	for {
		q.mu.Lock()
		var size int64
		n := 0
		for _, r := range q.waiting {
			if len(to) > 0 && (r.alone != nil || len(to) == batchRequests || size+r.size > batchBytes) {
				break
			}
			n++
			if !r.state.CompareAndSwap(queued, taken) {
				q.leave(r)
				continue
			}
			to = append(to, r)
			if size += r.size; r.alone != nil {
				break
			}
		}
		clear(q.waiting[:n])
		if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
			q.waiting = nil
		}
		closed := q.closed != nil && len(q.waiting) == 0
		q.mu.Unlock()
		if len(to) > 0 || closed {
			return to
		}
		<-q.wake
	}
}

// finish answers requests.
func (q *queue) finish(rs []*request) {
	for _, r := range rs {
		q.leave(r)
		r.done <- struct{}{}
	}
}
