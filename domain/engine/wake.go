package engine

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Due times are read from the store in windows: those in the present window are in memory, the rest is left in the index (rules S-2, B-1).
const (
	wakeWindow = time.Minute
	wakePage   = 1000
	wakeMax    = 100_000
)

// wake gives chains whose time has come a step.
func (e *Engine) wake(due []model.ChainKey) {
	for _, k := range due {
		if k == (model.ChainKey{}) {
			e.background(func() {
				if err := e.scan(e.base, e.opt.Clock.Now()); err != nil {
					e.log.Error("reading due times failed; it will be tried again", "error", err)
					e.wakes.Add(e.opt.Clock.Now().Add(time.Second), model.ChainKey{})
				}
			})
			continue
		}
		e.submit(k, wakeInput{e, k})
	}
}

// scan reads the due times of the next window. The empty key in wakes asks for the window after it.
func (e *Engine) scan(ctx context.Context, now time.Time) error {
	until := now.Add(wakeWindow)
	var after *ports.Due
	if h := e.horizon.Load(); h != 0 {
		after = &ports.Due{WakeAt: time.Unix(0, h).UTC(), Key: lastKey}
	}
	// Live commits put their own due times into wakes from here on.
	e.horizon.Store(until.UnixNano())
	n := 0
	for {
		page, err := e.store.Due(ctx, 0, until, after, wakePage)
		if err != nil {
			return err
		}
		for i := range page {
			e.wakes.Add(page[i].WakeAt, page[i].Key)
		}
		n += len(page)
		if len(page) < wakePage {
			break
		}
		after = &page[len(page)-1]
		if n >= wakeMax && after.WakeAt.After(now) {
			until = after.WakeAt
			e.horizon.Store(until.UnixNano())
			break
		}
	}
	e.wakes.Add(until.Add(-wakeWindow/6), model.ChainKey{})
	return nil
}

// lastKey sorts behind every real key.
var lastKey = model.ChainKey{Namespace: "\xff", WorkflowID: "\xff"}

// wakeInput records what has come due: timers, deadlines, and attempts whose backoff is over.
type wakeInput struct {
	e   *Engine
	key model.ChainKey
}

// fail tries again: what is due stays due.
func (w wakeInput) fail(error) { w.e.wakes.Add(w.e.opt.Clock.Now().Add(time.Second), w.key) }

func (wakeInput) apply(s *step) {
	c := s.c
	if c.state == nil || !c.state.Open() {
		return
	}
	if c.armed != 0 && c.armed <= s.now {
		c.armed = 0
	}
	s.fireDue()
}
