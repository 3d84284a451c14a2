package engine

import (
	"context"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Update asks the code of the chain's open run to do something.
func (e *Engine) Update(ctx context.Context, r ports.UpdateRequest) (ports.UpdateStatus, error) {
	if err := e.accepting(); err != nil {
		return ports.UpdateStatus{}, err
	}
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return ports.UpdateStatus{}, err
	}
	if err := e.checkUpdate(&r); err != nil {
		return ports.UpdateStatus{}, err
	}
	status, _, err := e.update(ctx, key, &updateInput{answer: newAnswer[updateAt](), req: r, digest: updateDigest(&r)})
	return status, err
}

func (e *Engine) checkUpdate(r *ports.UpdateRequest) error {
	if err := model.ValidateID("update name", string(r.Name)); err != nil {
		return err
	}
	if err := model.ValidateUpdateID(r.ID); err != nil {
		return err
	}
	if n := r.Input.Size(); n > e.opt.Limits.PayloadBytes {
		return tooLarge("the update's input", n, e.opt.Limits.PayloadBytes)
	}
	if r.Wait < 0 {
		return fault.Invalidf("a negative time was given: wait %v", r.Wait)
	}
	if r.ID == "" {
		r.ID = model.UpdateID(e.opt.IDs.UUIDv7())
	}
	return nil
}

// update lets an update be accepted, and waits for its end where that is asked for. Subscribe, then read (rule O-3).
func (e *Engine) update(ctx context.Context, key model.ChainKey, in *updateInput) (ports.UpdateStatus, updateAt, error) {
	w, err := e.updates.add(key, in.req.ID)
	if err != nil {
		return ports.UpdateStatus{}, updateAt{}, err
	}
	defer e.updates.remove(w)
	e.submit(key, in)
	at, err := wait(ctx, in.answer)
	if err != nil {
		return ports.UpdateStatus{}, at, err
	}
	status, err := e.awaitUpdate(ctx, w, at, in.req.Wait)
	return status, at, err
}

// GetUpdate says how an accepted update stands.
func (e *Engine) GetUpdate(ctx context.Context, r ports.GetUpdateRequest) (ports.UpdateStatus, error) {
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return ports.UpdateStatus{}, err
	}
	if err := model.ValidateUpdateID(r.ID); err != nil {
		return ports.UpdateStatus{}, err
	}
	if r.ID == "" {
		return ports.UpdateStatus{}, fault.Invalidf("update ID is empty")
	}
	w, err := e.updates.add(key, r.ID)
	if err != nil {
		return ports.UpdateStatus{}, err
	}
	defer e.updates.remove(w)
	at, err := inspect(ctx, e, key, func(c *chain, s *step) (updateAt, error) { return c.findUpdate(r, time.Unix(0, s.now)) }, nil)
	if err != nil {
		return ports.UpdateStatus{}, err
	}
	if !at.open && at.completed == 0 {
		r.Ref.Run = at.run
		if _, err := e.runOf(ctx, r.Ref); err != nil {
			return ports.UpdateStatus{}, err
		}
	}
	return e.awaitUpdate(ctx, w, at, r.Wait)
}

// findUpdate says where an update is.
func (c *chain) findUpdate(r ports.GetUpdateRequest, now time.Time) (updateAt, error) {
	switch {
	case !c.exists:
		return updateAt{}, notFound(r.Ref)
	case c.state != nil && (r.Ref.Run == "" || r.Ref.Run == c.run.ID) && c.state.Updates[r.ID] != nil:
		return c.updateAt(r.ID), nil
	case r.Ref.Run != "":
		return updateAt{run: r.Ref.Run}, nil
	}
	// It may be one of an earlier run of the chain.
	d, ok, err := c.e.store.Dedup(c.e.base, c.key, dedupID(r.ID), now)
	if err != nil || !ok {
		return updateAt{run: c.run.ID}, err
	}
	return updateAt{run: d.Run}, nil
}

// awaitUpdate reads how an update ended, or waits for its end.
func (e *Engine) awaitUpdate(ctx context.Context, w *updateWaiter, at updateAt, wait time.Duration) (ports.UpdateStatus, error) {
	status := ports.UpdateStatus{ID: w.id, Run: at.run, Stage: ports.UpdateAccepted, Blocked: at.blocked}
	if !at.open {
		return e.readUpdate(ctx, at.run, w.id, at.completed)
	}
	if wait <= 0 || at.blocked != nil {
		return status, nil
	}
	expired := make(chan struct{})
	t := e.opt.Clock.AfterFunc(wait, func() { close(expired) })
	defer t.Stop()
	select {
	case s := <-w.ch:
		return s, nil
	case <-expired:
		return status, nil
	case <-ctx.Done():
		return ports.UpdateStatus{}, fault.Wrap(fault.Unavailable, ctx.Err(), "the call was given up; the update is accepted").Hinted("ask for it by its update ID")
	case <-e.waiters.done:
		return ports.UpdateStatus{}, fault.New(fault.Draining, "the server is shutting down").Hinted("ask for the update by its update ID")
	}
}

// readUpdate reads how an update ended from the history of its run, at an event or, where that is not known, wherever it is.
func (e *Engine) readUpdate(ctx context.Context, run model.RunID, id model.UpdateID, at model.Seq) (ports.UpdateStatus, error) {
	status := ports.UpdateStatus{}
	for from, limit := max(at, 1), pageBytes; ; {
		if at > 0 {
			limit = 1
		}
		rows, err := e.store.History(ctx, run, from, limit)
		if err != nil {
			return status, err
		}
		for i := range rows {
			events, err := history.DecodePage(rows[i].Bytes)
			if err != nil {
				return status, err
			}
			for k := range events {
				switch a := events[k].Attr.(type) {
				case *history.UpdateAccepted:
					if a.ID == id {
						status = ports.UpdateStatus{ID: id, Run: run, Stage: ports.UpdateAccepted}
					}
				case *history.UpdateCompleted:
					if a.ID == id {
						return completedStatus(run, a), nil
					}
				}
			}
			from = rows[i].Last + 1
		}
		if len(rows) == 0 || at > 0 {
			break
		}
	}
	if status.Stage == 0 {
		return status, fault.NotFoundf("run %s has no update %q", run, id).Hinted("an update that was rejected leaves no trace")
	}
	return status, nil
}

// updateWaiters holds the calls that wait for the completion of updates. Waiting needs no run in memory.
type updateWaiters struct {
	mu sync.Mutex
	by map[updateKey]map[*updateWaiter]struct{}
	n  int
}

type updateKey struct {
	chain model.ChainKey
	id    model.UpdateID
}

type updateWaiter struct {
	key model.ChainKey
	id  model.UpdateID
	ch  chan ports.UpdateStatus
}

// add begins to wait. Overloaded when there are too many already.
func (u *updateWaiters) add(key model.ChainKey, id model.UpdateID) (*updateWaiter, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n >= maxWaiters {
		return nil, fault.New(fault.Overloaded, "too many calls wait for updates on this server").Hinted("try again later")
	}
	if u.by == nil {
		u.by = map[updateKey]map[*updateWaiter]struct{}{}
	}
	w := &updateWaiter{key: key, id: id, ch: make(chan ports.UpdateStatus, 1)}
	k := updateKey{key, id}
	if u.by[k] == nil {
		u.by[k] = map[*updateWaiter]struct{}{}
	}
	u.by[k][w] = struct{}{}
	u.n++
	return w, nil
}

func (u *updateWaiters) remove(w *updateWaiter) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := updateKey{w.key, w.id}
	if _, ok := u.by[k][w]; ok {
		delete(u.by[k], w)
		u.n--
		if len(u.by[k]) == 0 {
			delete(u.by, k)
		}
	}
}

// notify answers those who wait for an update.
func (u *updateWaiters) notify(key model.ChainKey, s ports.UpdateStatus) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for w := range u.by[updateKey{key, s.ID}] {
		select {
		case w.ch <- s:
		default: // it was told of something before, and has not gone yet
		}
	}
}
