package engine

import (
	"context"
	"sync"
)

// work counts what goes on: chains at work and work in the background. Drain and Close wait for it.
type work struct {
	told func(delta int)

	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when nothing goes on; nil while nobody waits
}

// begin says that something begins; false when nothing may begin any more.
func (w *work) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.n++
	w.told(1)
	return true
}

func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	w.told(-1)
	if w.n == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

// close lets nothing begin any more.
func (w *work) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
}

func (w *work) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// wait waits until nothing goes on.
func (w *work) wait(ctx context.Context) error {
	w.mu.Lock()
	if w.n == 0 {
		w.mu.Unlock()
		return nil
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
