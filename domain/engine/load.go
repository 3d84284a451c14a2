package engine

import (
	"container/heap"
	"crypto/sha256"
	"encoding"
	"maps"
	"slices"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// load brings the chain's rows into memory, and the state of an open run. A chain whose first input is a start is taken as absent: the
// store refuses the creation when it is there, and the step is made again.
func (c *chain) load(batch []input) error {
	if c.loaded {
		return nil
	}
	if st, ok := batch[0].(*startInput); ok && !st.looked && len(batch) == 1 {
		st.looked = true
		c.loaded, c.exists, c.guessed = true, false, true
		return nil
	}
	e := c.e
	select {
	case e.loads <- struct{}{}:
		defer func() { <-e.loads }()
	case <-e.base.Done():
		return fault.New(fault.Draining, "the server is shutting down")
	}
	if k := kindOf(c.key); k != nil {
		return c.loadEntity(k)
	}
	row, run, err := e.store.Chain(e.base, c.key)
	if fault.Has(err, fault.NotFound) {
		c.loaded, c.exists = true, false
		return nil
	}
	if err != nil {
		return err
	}
	c.row, c.run, c.exists, c.loaded = row, run, true, true
	if !run.Status.Open() {
		return nil
	}
	if err := c.fold(); err != nil {
		c.discard()
		return err
	}
	return nil
}

// fold reads the run's history into a state and tells the dispatcher of attempts that may be out.
func (c *chain) fold() error {
	r, from, err := c.checkpointed()
	if err != nil {
		return err
	}
	for from <= c.row.HeadSeq {
		rows, err := c.e.store.History(c.e.base, c.run.ID, from, pageBytes)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for i := range rows {
			if rows[i].First > r.State.Seq {
				c.digest.Write(rows[i].Bytes)
			}
			if err := r.Feed(rows[i].Bytes); err != nil {
				return err
			}
		}
		from = rows[len(rows)-1].Last + 1
	}
	if r.State.Seq != c.row.HeadSeq {
		return fault.Internalf("the history of run %s ends at event %d, but its chain says %d", c.run.ID, r.State.Seq, c.row.HeadSeq)
	}
	c.attach(r.State)
	c.kept = len(c.state.Pending) > 0
	now := c.e.opt.Clock.Now().UnixNano()
	for _, o := range slices.Sorted(maps.Keys(c.state.Activities)) {
		if a := c.state.Activities[o]; a.Handed != nil {
			continue // nobody holds it, and nobody is to have it (rule A-6)
		} else if a.NextAt <= now {
			c.recover(o, a, max(now, c.state.Time))
		} else if a.Canceling {
			c.noteUnheld(o, a.Attempt)
		}
	}
	return nil
}

// recover finds out where the current attempt of an activity is, after its run was loaded: known to the dispatcher, in the backlog, in the hands
// of a worker since before the start, or nowhere.
func (c *chain) recover(o model.Ordinal, a *history.Activity, now int64) {
	d := c.e.dispatch
	switch w := c.row.WakeAt; {
	case d.Recall(c.task(a)):
	case !a.Started && !a.Canceling && (w.IsZero() || w.UnixNano() > now):
		if !c.state.Runnable() {
			return // nothing is handed out; where the backlog has a row for it, the queue comes to it
		}
		c.offered(c.acts[o], true) // nothing is in flight (rule S-2): it has a row, which the queue comes to
		return
	case !a.Started && a.Scheduled.Options.AtMostOnce:
		return // it was not handed out, or else its start would be recorded
	default:
		t := c.task(a)
		c.lastDetails(&t)
		if !d.Recover(t) {
			return // nothing is handed out
		}
	}
	c.offered(c.acts[o], false)
}

// lastDetails gives a task that may have been handed out before what its worker reported last.
func (c *chain) lastDetails(t *taskOffer) {
	if t.Heartbeat > 0 {
		h, ok, err := c.e.store.Heartbeat(c.e.base, c.run.ID, t.Ordinal)
		if err == nil && ok && h.Attempt == t.Attempt {
			t.LastDetails = h.Details
		}
	}
}

// noteUnheld makes sure that a canceled attempt which nobody holds ends.
func (c *chain) noteUnheld(o model.Ordinal, n model.Attempt) {
	c.offered(c.acts[o], false) // it is nobody else's to take
	c.e.submit(c.key, &unheldInput{e: c.e, key: c.key, task: dispatch.TaskKey{Run: c.run.ID, Ordinal: o, Attempt: n}})
}

// checkpointed begins the fold at the newest checkpoint, where there is one: from is the first event to read.
func (c *chain) checkpointed() (r *history.Replayer, from model.Seq, err error) {
	c.digest, c.saved = sha256.New(), 0
	if c.row.HeadSeq >= checkpointEvents {
		cp, ok, err := c.e.store.Checkpoint(c.e.base, c.run.ID)
		if err != nil {
			return nil, 0, err
		}
		if ok && cp.Version == history.FoldVersion && cp.Seq <= c.row.HeadSeq {
			if st, digest, err := history.Restore(cp.Bytes); err == nil && st.Seq == cp.Seq && c.digest.(encoding.BinaryUnmarshaler).UnmarshalBinary(digest) == nil {
				c.saved = st.Bytes
				return history.ResumeReplayer(st), st.Through + 1, nil
			}
			c.digest = sha256.New() // a cache that does not fit: fold from the beginning
		}
	}
	return history.NewReplayer(nil), 1, nil
}

// saveCheckpoint writes the state when enough history has come since the last one (rule C-6).
func (c *chain) saveCheckpoint() {
	if c.state == nil || c.state.Seq < checkpointEvents || c.state.Seq != c.row.HeadSeq || c.state.Bytes-c.saved < checkpointBytes {
		return
	}
	digest, err := c.digest.(encoding.BinaryMarshaler).MarshalBinary()
	if err == nil {
		err = c.e.store.PutCheckpoint(c.e.base, ports.Checkpoint{Run: c.run.ID, Seq: c.state.Seq, Version: history.FoldVersion, Bytes: c.state.Checkpoint(digest)})
	}
	if err != nil {
		c.e.log.Warn("a checkpoint could not be written; the history will be folded instead", "run_id", c.run.ID, "error", err)
		return
	}
	c.saved = c.state.Bytes
}

// attach makes st the chain's state and derives what hangs on it.
func (c *chain) attach(st *history.State) {
	c.state = st
	c.due, c.held, c.flying = nil, nil, 0
	c.acts = make(map[model.Ordinal]*attempt, len(st.Activities))
	for o, a := range st.Activities {
		c.acts[o] = &attempt{n: a.Attempt, maybe: a.Handed == nil}
		c.trackActivity(o, a)
	}
	for o, t := range st.Timers {
		heap.Push(&c.due, dueItem{t.Due, dueTimer, o, 0})
	}
	c.pushDeadlines()
}

func (c *chain) trackActivity(o model.Ordinal, a *history.Activity) {
	closeAt, startAt := a.ScheduleDeadlines()
	if closeAt != 0 {
		heap.Push(&c.due, dueItem{closeAt, dueClose, o, 0})
	}
	if startAt != 0 {
		heap.Push(&c.due, dueItem{startAt, dueStart, o, a.Attempt})
	}
	if a.Handed != nil {
		c.trackHanded(o, a)
		return
	}
	heap.Push(&c.due, dueItem{a.NextAt, dueAttempt, o, a.Attempt})
}
