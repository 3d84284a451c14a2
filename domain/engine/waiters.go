package engine

import (
	"sync"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// waiters holds the calls that wait for the end of a run. Waiting needs no run in memory (rule O-3): subscribe, then read.
type waiters struct {
	mu   sync.Mutex
	by   map[model.ChainKey]map[*waiter]struct{}
	n    int
	done chan struct{}
}

// waiter waits for the end of one run. While run is "" it waits for nothing: its run is still to be started.
type waiter struct {
	key model.ChainKey
	run model.RunID
	// follow: where the run continues as another one, that one is waited for.
	follow bool
	ch     chan ports.Outcome
}

// maxWaiters bounds the calls that wait on one node (rule B-1).
const maxWaiters = 100_000

func (w *waiters) init() {
	w.by = map[model.ChainKey]map[*waiter]struct{}{}
	w.done = make(chan struct{})
}

// add begins to wait; nil when there are too many already.
func (w *waiters) add(key model.ChainKey, run model.RunID, follow bool) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n >= maxWaiters {
		return nil
	}
	x := &waiter{key: key, run: run, follow: follow, ch: make(chan ports.Outcome, 1)}
	m := w.by[key]
	if m == nil {
		m = map[*waiter]struct{}{}
		w.by[key] = m
	}
	m[x] = struct{}{}
	w.n++
	return x
}

// bind makes a waiter wait for a run that is being started.
func (w *waiters) bind(x *waiter, run model.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.run = run
}

// runOf is the run that a waiter waits for now.
func (w *waiters) runOf(x *waiter) model.RunID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return x.run
}

func (w *waiters) remove(x *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(x)
}

func (w *waiters) drop(x *waiter) {
	m := w.by[x.key]
	if _, ok := m[x]; ok {
		delete(m, x)
		w.n--
		if len(m) == 0 {
			delete(w.by, x.key)
		}
	}
}

// notify answers those who wait for the run. Those who follow the chain wait on where it has a next run.
func (w *waiters) notify(key model.ChainKey, o ports.Outcome, next model.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.by[key] {
		switch {
		case x.run != o.Run:
		case next != "" && x.follow:
			x.run = next
		default:
			x.ch <- o
			w.drop(x)
		}
	}
}

func (w *waiters) close() { close(w.done) }
