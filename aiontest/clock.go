package aiontest

import (
	"container/heap"
	"sync"
	"time"

	"github.com/aionrun/aion/ports"
)

// stir counts what goes on. At zero nothing happens unless time passes or the test does something.
type stir struct {
	mu   sync.Mutex
	n    int
	calm sync.Cond
}

func newStir() *stir {
	s := &stir{}
	s.calm.L = &s.mu
	return s
}

func (s *stir) add(delta int) {
	s.mu.Lock()
	if s.n += delta; s.n == 0 {
		s.calm.Broadcast()
	}
	s.mu.Unlock()
}

// wait waits for calm.
func (s *stir) wait() {
	s.mu.Lock()
	for s.n != 0 {
		s.calm.Wait()
	}
	s.mu.Unlock()
}

// clock is a ports.Clock that stands still until it is moved. Safe for concurrent use.
type clock struct {
	stir *stir

	mu     sync.Mutex
	now    time.Time
	timers timers
	order  uint64
}

var _ ports.Clock = (*clock)(nil)

// Now implements ports.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements ports.Clock.
func (c *clock) AfterFunc(d time.Duration, f func()) ports.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order++
	t := &timer{clock: c, at: c.now.Add(max(d, 0)), order: c.order, f: f}
	if d <= 0 {
		c.ring(t)
	} else {
		heap.Push(&c.timers, t)
	}
	return t
}

// ring runs a timer's function.
func (c *clock) ring(t *timer) {
	c.stir.add(1)
	go func() {
		defer c.stir.add(-1)
		t.f()
	}()
}

// step moves to the first timer that is due until then, and rings it; false when there is none. A zero until means any time.
func (c *clock) step(until time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || !until.IsZero() && c.timers[0].at.After(until) {
		return false
	}
	t := heap.Pop(&c.timers).(*timer)
	if t.at.After(c.now) {
		c.now = t.at
	}
	c.ring(t)
	return true
}

// set moves the clock, if it stands before that.
func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(c.now) {
		c.now = now
	}
}

// timer is a pending AfterFunc.
type timer struct {
	clock *clock
	at    time.Time
	order uint64
	f     func()
	place int // in the heap, from 1; 0 = it has rung or was stopped
}

// Stop implements ports.Timer.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.place == 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.place-1)
	return true
}

type timers []*timer

func (h timers) Len() int { return len(h) }
func (h timers) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].order < h[j].order
}
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}
func (h *timers) Push(x any) {
	t := x.(*timer)
	*h = append(*h, t)
	t.place = len(*h)
}
func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.place = 0
	return t
}
