package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/timers"
)

// What one transaction of the retention removes, and how often it looks: what is due is removed at most removalPause late, and a look with
// nothing to do costs one read of an index for each namespace.
const (
	removalRuns  = 100
	removalRows  = 500
	removalPause = 10 * time.Second
	removalIdle  = time.Hour
)

// noRemoval in wakes: closed runs are to be looked at.
var noRemoval = model.ChainKey{WorkflowID: "\x00removal"}

// removal removes what is kept no longer. It is due when the oldest closed run is, at the latest after removalIdle.
type removal struct {
	at    atomic.Int64 // when it looks next (unix ns); 0 = it looks now, or was not begun
	timer timers.Entry[model.ChainKey]
}

// removeLater makes sure that a run that has closed is looked at in time.
func (e *Engine) removeLater(ns model.Namespace, closed time.Time) {
	if e.opt.KeepClosed {
		return
	}
	due := max(closed.Add(e.ns.Retention(ns)).UnixNano(), e.opt.Clock.Now().Add(removalPause).UnixNano())
	for {
		at := e.removal.at.Load()
		if at == 0 || at <= due {
			return // a look that is under way sees it, or plans for it
		}
		if e.removal.at.CompareAndSwap(at, due) {
			e.wakes.Set(&e.removal.timer, time.Unix(0, due))
			return
		}
	}
}

// removeClosed removes what is due, and plans the next look.
func (e *Engine) removeClosed(ctx context.Context) {
	e.removal.at.Store(0)
	next, err := e.removeDue(ctx)
	if ctx.Err() != nil {
		return
	}
	now := e.opt.Clock.Now()
	if err != nil {
		e.log.Warn("what is kept no longer could not be removed; it will be tried again", "error", err)
		next = now
	}
	if idle := now.Add(removalIdle); next.IsZero() || next.After(idle) {
		next = idle
	}
	if soon := now.Add(removalPause); next.Before(soon) {
		next = soon
	}
	e.removal.at.Store(next.UnixNano())
	e.wakes.Set(&e.removal.timer, next)
}

// removeDue removes closed runs whose retention is over, batch after batch, and then what they leave. next is when the next one is due.
func (e *Engine) removeDue(ctx context.Context) (next time.Time, err error) {
	for _, ns := range e.ns.Names() {
		keep := e.ns.Retention(ns)
		for {
			n, oldest, err := e.store.RemoveClosed(ctx, ns, e.opt.Clock.Now().Add(-keep), removalRuns)
			if err != nil {
				return next, err
			}
			if n > 0 {
				e.tel.Removed(ns, n)
			}
			if !oldest.IsZero() && (next.IsZero() || oldest.Add(keep).Before(next)) {
				next = oldest.Add(keep)
			}
			if n < removalRuns {
				break
			}
		}
	}
	for {
		n, err := e.store.Sweep(ctx, e.opt.Clock.Now(), removalRows)
		if err != nil || n == 0 {
			return next, err
		}
		e.tel.Swept(n)
		if e.store.Stats().Pressed { // those who wait for a commit come first
			return e.opt.Clock.Now(), fault.New(fault.Overloaded, "the commit queue is nearly full")
		}
	}
}
