package engine

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding"
	"hash"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// input is something that happens to a chain. apply is called in the chain's goroutine, on a loaded chain, and may be called again when
// the step has to be made anew; it must only change the step. fail answers when the input cannot be taken.
type input interface {
	apply(s *step)
	fail(err error)
}

// chain is a chain in memory. put and the fields under mu are for everybody; the rest belongs to the goroutine that works on it.
type chain struct {
	e   *Engine
	key model.ChainKey

	mu     sync.Mutex
	queue  []input
	active bool
	dead   bool

	loaded  bool // row and run are what the store has
	exists  bool
	guessed bool // exists is not what the store said, but a guess that the commit checks
	row     ports.Chain
	run     ports.Run
	state   *history.State // nil unless the current run is open
	digest  hash.Hash      // of the current run's history
	saved   int64          // history bytes at the last checkpoint
	due     dueHeap
	held    []dueItem
	acts    map[model.Ordinal]*attempt
	flying  int   // attempts that are offered without a row
	armed   int64 // the earliest wake-up that is set

	prog      ports.Program
	inst      ports.Instance
	maxEvents int // bounded activations after a failed one (rule C-3); 0 = default
	effort    int64
	retryAt   int64

	cost       int64
	counted    int64
	prev, next *chain // lru
	listed     bool
}

// attempt is what the owner knows of a pending activity's current attempt.
type attempt struct {
	n       model.Attempt
	offered bool // the dispatcher has it, or the backlog
	row     bool // the backlog holds a row for it
	maybe   bool // it is not known whether the backlog holds a row
}

// put queues inputs; false when the chain has left memory and must be looked up again.
func (c *chain) put(in []input) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false
	}
	c.queue = append(c.queue, in...)
	if !c.active {
		c.active = true
		c.e.work.Add(1)
		go c.loop()
	}
	return true
}

// loop works until no input is left.
func (c *chain) loop() {
	defer c.e.work.Done()
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		if len(batch) == 0 {
			c.active = false
			if !c.loaded || c.state == nil {
				// Nothing is worth keeping: a closed chain, or one that could not be loaded.
				c.dead = true
				c.mu.Unlock()
				c.dropInstance()
				c.e.lru.drop(c)
				c.e.remove(c)
				return
			}
			c.mu.Unlock()
			c.e.lru.touch(c)
			c.e.evict()
			return
		}
		c.mu.Unlock()
		c.process(batch)
	}
}

// process makes steps until the inputs are recorded or refused.
func (c *chain) process(batch []input) {
	var block *history.Blocked
	for try := 0; ; try++ {
		if err := c.load(batch); err != nil {
			c.failAll(batch, err)
			return
		}
		s := newStep(c)
		for _, in := range batch {
			in.apply(s)
		}
		s.run(block)
		if s.rollback != nil && block == nil {
			// The code asked for something that must not be committed: make the step again without the code, and block the run.
			block = s.rollback
			s.release()
			c.discard()
			continue
		}
		if s.err == nil {
			s.err = s.commit()
		}
		switch {
		case s.err == nil:
			s.finish()
			if s.again {
				batch = []input{activate{}}
				block = nil
				try = 0
				continue
			}
			return
		case fault.Has(s.err, fault.Conflict) && try < 3:
			s.release()
			c.discard()
			continue
		case fault.Has(s.err, fault.UnknownOutcome):
			c.e.died(s.err)
		}
		c.discard()
		err := s.err
		if !fault.Has(err, fault.Unavailable) && !fault.Has(err, fault.Overloaded) {
			c.e.log.Error("a step failed", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "error", err)
			err = fault.Wrap(fault.Unavailable, err, "the step could not be recorded")
		}
		s.release()
		c.failAll(batch, err)
		return
	}
}

func (c *chain) failAll(batch []input, err error) {
	for _, in := range batch {
		in.fail(err)
	}
}

// discard throws away everything that is not in the store (rule C-7).
func (c *chain) discard() {
	c.dropInstance()
	c.loaded, c.exists, c.guessed, c.state, c.digest, c.due, c.held, c.acts, c.flying, c.armed = false, false, false, nil, nil, nil, nil, nil, 0, 0
	c.row, c.run = ports.Chain{}, ports.Run{}
}

func (c *chain) dropInstance() {
	if c.inst != nil {
		c.inst.Close(context.Background())
		c.inst = nil
	}
	c.effort = 0
}

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
	now := c.e.opt.Clock.Now().UnixNano()
	for o, a := range c.state.Activities {
		if a.NextAt <= now && !a.Scheduled.Options.AtMostOnce {
			c.offered(c.acts[o], false)
			c.e.dispatch.Recover(c.task(a))
		}
	}
	return nil
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
		c.acts[o] = &attempt{n: a.Attempt, maybe: true}
		c.trackActivity(o, a)
	}
	for o, t := range st.Timers {
		heap.Push(&c.due, dueItem{t.Due, dueTimer, o, 0})
	}
	if at := st.RunDeadline(); at != 0 {
		heap.Push(&c.due, dueItem{at, dueRun, 0, 0})
	}
}

func (c *chain) trackActivity(o model.Ordinal, a *history.Activity) {
	closeAt, startAt := a.ScheduleDeadlines()
	if closeAt != 0 {
		heap.Push(&c.due, dueItem{closeAt, dueClose, o, 0})
	}
	if startAt != 0 {
		heap.Push(&c.due, dueItem{startAt, dueStart, o, a.Attempt})
	}
	heap.Push(&c.due, dueItem{a.NextAt, dueAttempt, o, a.Attempt})
}

// task makes the dispatcher's view of an activity's current attempt.
func (c *chain) task(a *history.Activity) taskOffer {
	s := a.Scheduled
	return taskOffer{
		ActivityTask: ports.ActivityTask{Key: c.key, Run: c.run.ID, WorkflowType: c.run.Type, Ordinal: s.Ordinal, Type: s.Type, Queue: s.Options.TaskQueue,
			Attempt: a.Attempt, Input: s.Input, Header: s.Header, ScheduledAt: time.Unix(0, a.NextAt).UTC(), Heartbeat: s.Options.Heartbeat, LastDetails: a.Heartbeat},
		StartToClose: s.Options.StartToClose,
		Bytes:        int64(s.Input.Size()) + 256,
	}
}

type dueKind uint8

const (
	dueTimer dueKind = iota
	dueAttempt
	dueStart
	dueClose
	dueRun
)

// dueItem is a time at which something may have to happen to a run. It is checked against the state when its time comes.
type dueItem struct {
	at      int64
	kind    dueKind
	ordinal model.Ordinal
	attempt model.Attempt
}

type dueHeap []dueItem

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	return a.ordinal < b.ordinal
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(dueItem)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// valid says whether an item still means something.
func (c *chain) valid(d dueItem) bool {
	switch d.kind {
	case dueTimer:
		t := c.state.Timers[d.ordinal]
		return t != nil && t.Due == d.at
	case dueRun:
		return true
	case dueClose:
		return c.state.Activities[d.ordinal] != nil
	}
	a := c.acts[d.ordinal]
	return c.state.Activities[d.ordinal] != nil && a != nil && a.n == d.attempt && (d.kind == dueStart || !a.offered)
}

// nextDue is the first time at which something must happen by itself; 0 = never.
func (c *chain) nextDue() int64 {
	for len(c.due) > 0 {
		d := c.due[0]
		switch {
		case !c.valid(d):
		case d.kind == dueAttempt && !c.state.Runnable():
			c.held = append(c.held, d) // nothing is handed out while the run is paused or Blocked
		default:
			return d.at
		}
		heap.Pop(&c.due)
	}
	return 0
}

// unhold brings back what was held while the run was not runnable.
func (c *chain) unhold() {
	for _, d := range c.held {
		heap.Push(&c.due, d)
	}
	c.held = nil
}

// offered notes that the dispatcher or the backlog has an attempt.
func (c *chain) offered(a *attempt, row bool) {
	if !a.offered && !row {
		c.flying++
	}
	a.offered, a.row = true, row
}

// advance makes n the current attempt of an activity, or forgets the activity when n is 0; it gives what was known of the one before.
func (c *chain) advance(o model.Ordinal, n model.Attempt) attempt {
	old := c.acts[o]
	if old == nil {
		old = &attempt{}
	} else if old.offered && !old.row {
		c.flying--
	}
	if n == 0 {
		delete(c.acts, o)
	} else {
		c.acts[o] = &attempt{n: n}
	}
	return *old
}

// inFlight says whether an attempt is out, or an activation unfinished, without a row that would bring it back after a crash (rule S-2).
func (c *chain) inFlight() bool { return c.flying > 0 || c.state.NeedsActivation() }

func (c *chain) pushDue(d dueItem) { heap.Push(&c.due, d) }
