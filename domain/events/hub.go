package events

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// maxSubscribers bounds the subscriptions of one node (rule B-1).
const maxSubscribers = 20_000

// pageBytes is how much a subscriber reads at once.
const pageBytes = 256 << 10

// Hub connects those who commit with those who follow. While nobody follows, a commit costs it one atomic load.
type Hub struct {
	store ports.Store
	clock ports.Clock
	base  context.Context // ends with the engine

	n    atomic.Int64
	mu   sync.Mutex
	runs map[model.ChainKey]map[chan struct{}]struct{} // the bells of those who follow a chain
	tail *tail                                         // nil while nobody follows a namespace
}

// NewHub makes a hub over a store. Subscriptions end with base.
func NewHub(base context.Context, store ports.Store, clock ports.Clock) *Hub {
	return &Hub{store: store, clock: clock, base: base, runs: map[model.ChainKey]map[chan struct{}]struct{}{}}
}

// Subscribers counts the subscriptions.
func (h *Hub) Subscribers() int { return int(h.n.Load()) }

// Committed rings the bells of those who follow the chain or its namespace. Call it after the commit is durable. It never waits.
func (h *Hub) Committed(key model.ChainKey) {
	if h.n.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for bell := range h.runs[key] {
		ring(bell)
	}
	if h.tail != nil {
		ring(h.tail.bell)
	}
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// enter counts a subscription; leave ends it.
func (h *Hub) enter() (leave func(), err error) {
	if h.base.Err() != nil {
		return nil, errClosed()
	}
	if h.n.Add(1) > maxSubscribers {
		h.n.Add(-1)
		return nil, fault.New(fault.Overloaded, "this server has %d subscriptions, which is the most it takes", maxSubscribers).Hinted("follow a namespace with one subscription instead of many runs")
	}
	return func() { h.n.Add(-1) }, nil
}

// follow gives a bell that rings for each commit of the chain.
func (h *Hub) follow(key model.ChainKey) (bell chan struct{}, leave func()) {
	bell = make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runs[key] == nil {
		h.runs[key] = map[chan struct{}]struct{}{}
	}
	h.runs[key][bell] = struct{}{}
	return bell, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if delete(h.runs[key], bell); len(h.runs[key]) == 0 {
			delete(h.runs, key)
		}
	}
}

// join gives the tail of the feed, which somebody has to begin to read.
func (h *Hub) join(ctx context.Context) (*tail, func(), error) {
	head, err := h.store.Head(ctx, 0)
	if err != nil {
		return nil, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tail == nil {
		h.tail = newTail(h, head)
		go h.tail.read()
	}
	t := h.tail
	t.users++
	return t, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if t.users--; t.users == 0 {
			h.tail = nil
			t.stop()
		}
	}, nil
}

// wait until the bell rings.
func (h *Hub) wait(ctx context.Context, bell <-chan struct{}) error {
	select {
	case <-bell:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-h.base.Done():
		return errClosed()
	}
}

func errClosed() error {
	return fault.New(fault.Draining, "the server is shutting down").Hinted("subscribe again with the last cursor; another or the restarted server goes on from there")
}
