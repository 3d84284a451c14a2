package engine

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
	"github.com/aionrun/aion/ports"
)

// Due times are read from the store in windows: those in the present window are in memory, the rest is left in the index (rules S-2, B-1).
const (
	wakeWindow = time.Minute
	wakeAhead  = wakeWindow / 6 // how long before its first due time a window is read
	wakePage   = 1000
	wakeMax    = 100_000
	wakeAtOnce = 256 // chains that are woken at the same time
)

// window knows which due times are in memory. A window is read only when there is something in it: an idle engine reads nothing.
type window struct {
	horizon atomic.Int64 // commits put their own due times up to here into wakes (unix ns)

	scanning sync.Mutex // held while a window is read
	cursor   *ports.Due // the last due time that was read

	mu   sync.Mutex
	next int64 // when the next window is to be read; 0 = nothing is known to be in it
	at   timers.Entry[model.ChainKey]
}

var noChain model.ChainKey // in wakes: the next window is to be read

// wake gives chains whose time has come a step, some at a time.
func (e *Engine) wake(due []model.ChainKey) {
	for _, k := range due {
		if k == noChain {
			e.background(func() { e.scan(e.base) })
			continue
		}
		if k == noInbox {
			e.background(func() { e.openInboxes(e.base) })
			continue
		}
		if k == noRemoval {
			e.background(func() { e.removeClosed(e.base) })
			continue
		}
		e.wakeChain(k)
	}
}

// wakeChain waits for its turn and submits a wake-up.
func (e *Engine) wakeChain(k model.ChainKey) {
	select {
	case e.waking <- struct{}{}:
		e.submit(k, &wakeInput{e: e, key: k, turn: true})
	case <-e.base.Done():
	}
}

// look makes sure that the window which holds a due time is read in time.
func (e *Engine) look(at int64) {
	w := &e.window
	w.mu.Lock()
	defer w.mu.Unlock()
	at = max(at-int64(wakeAhead), 1)
	if w.next == 0 || at < w.next {
		w.next = at
		e.wakes.Set(&w.at, time.Unix(0, at))
	}
}

// scan reads the due times of the next window: those that have passed are dealt with at once, the others wait in memory.
func (e *Engine) scan(ctx context.Context) {
	w := &e.window
	w.mu.Lock()
	w.next = 0
	w.mu.Unlock()
	w.scanning.Lock()
	defer w.scanning.Unlock()
	if err := e.readWindow(ctx); err != nil && ctx.Err() == nil {
		e.log.Error("reading due times failed; it will be tried again", "error", err)
		e.look(e.opt.Clock.Now().Add(time.Second + wakeAhead).UnixNano())
	}
}

func (e *Engine) readWindow(ctx context.Context) error {
	w := &e.window
	now := e.opt.Clock.Now()
	until := now.Add(wakeWindow)
	// Live commits put their own due times into wakes from here on. What they wrote before is visible to the reads that follow.
	w.horizon.Store(until.UnixNano())
	for waiting := 0; ; {
		page, err := e.store.Due(ctx, 0, until, w.cursor, wakePage)
		if err != nil {
			return err
		}
		for i := range page {
			if page[i].WakeAt.After(now) {
				e.wakes.Add(page[i].WakeAt, page[i].Key)
				waiting++
			} else {
				e.wakeChain(page[i].Key)
			}
		}
		if len(page) > 0 {
			w.cursor = &page[len(page)-1]
		}
		if len(page) < wakePage {
			w.cursor = &ports.Due{WakeAt: until, Key: lastKey}
			break
		}
		if waiting >= wakeMax {
			w.horizon.Store(w.cursor.WakeAt.UnixNano())
			break
		}
	}
	first, err := e.store.Due(ctx, 0, farAway, w.cursor, 1)
	if err != nil || len(first) == 0 {
		return err
	}
	at := first[0].WakeAt.UnixNano()
	if d := at - now.UnixNano(); d < 2*int64(wakeAhead) {
		at = now.UnixNano() + d/2 + int64(wakeAhead) // very many at almost the same time: a part of them after the other
	}
	e.look(at)
	return nil
}

// lastKey sorts behind every real key, farAway behind every due time.
var (
	lastKey = model.ChainKey{Namespace: "\xff", WorkflowID: "\xff"}
	farAway = time.Unix(0, math.MaxInt64).UTC()
)

// wakeInput records what has come due: timers, deadlines, and attempts whose backoff is over.
type wakeInput struct {
	e    *Engine
	key  model.ChainKey
	turn bool // it holds one of the turns of wakeChain
}

// fail tries again: what is due stays due.
func (w *wakeInput) fail(error) {
	w.release()
	w.e.wakes.Add(w.e.opt.Clock.Now().Add(retryPause), w.key)
}

func (w *wakeInput) release() {
	if w.turn {
		w.turn = false
		<-w.e.waking
	}
}

func (w *wakeInput) apply(s *step) {
	c := s.c
	s.after = append(s.after, w.release)
	if c.entity != nil {
		s.woken = true
		c.entity.wake(s)
		return
	}
	if c.state == nil || !c.state.Open() {
		return
	}
	if c.armed != 0 && c.armed <= s.now {
		c.armed = 0
	}
	s.fireDue()
}

// arm sets the wake-up of the chain's next due time.
func (c *chain) arm() {
	at := c.nextDue()
	if c.retryAt != 0 && (at == 0 || c.retryAt < at) {
		at = c.retryAt
	}
	switch {
	case at == 0 || c.armed != 0 && c.armed <= at:
	case at > c.e.window.horizon.Load() && c.row.WakeAt.UnixNano() == at:
		c.e.look(at) // the index of the store remembers it
	default:
		c.armed = at
		c.e.wakes.Add(time.Unix(0, at), c.key)
	}
}
