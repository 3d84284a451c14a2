package engine

import (
	"container/heap"
	"context"
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
	entity  entity         // of a chain that is no workflow
	digest  hash.Hash      // of the current run's history
	saved   int64          // history bytes at the last checkpoint
	due     dueHeap
	held    []dueItem
	acts    map[model.Ordinal]*attempt
	kept    bool  // letters may be in the inbox that were not opened for lack of room
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
	offered bool  // the dispatcher has it, or the backlog
	row     bool  // the backlog holds a row for it
	maybe   bool  // it is not known whether the backlog holds a row
	beat    *beat // of a pending attempt: what is known of its heartbeats; nil = the store knows
}

// What became of inputs that were put.
type put uint8

const (
	putTaken  put = iota
	putDead       // the chain has left memory and must be looked up again
	putClosed     // the engine is closed
)

// put queues inputs.
func (c *chain) put(in []input) put {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return putDead
	}
	if !c.active {
		if !c.e.work.begin() {
			return putClosed
		}
		c.active = true
		go c.loop()
	}
	c.queue = append(c.queue, in...)
	return putTaken
}

// loop works until no input is left.
func (c *chain) loop() {
	defer c.e.work.end()
	var rest []input
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		if len(rest) > 0 {
			batch = append(rest, batch...)
		}
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
			c.e.lru.touch(c) // with the lock held: the next goroutine has not begun
			c.mu.Unlock()
			c.e.evict()
			return
		}
		c.mu.Unlock()
		rest = c.process(batch)
	}
}

// process makes steps until the inputs are recorded or refused. It gives back those for which the step was full.
func (c *chain) process(batch []input) (rest []input) {
	var block *history.Blocked
	conflicts := 0
	for {
		if err := c.load(batch); err != nil {
			c.failAll(batch, err)
			return rest
		}
		s := newStep(c)
		for i, in := range batch {
			if s.full() {
				batch, rest = batch[:i:i], append(batch[i:], rest...)
				break
			}
			in.apply(s)
		}
		s.run(block)
		if s.rollback != nil && s.err == nil && block == nil {
			// The code asked for something that must not be committed: make the step again without the code, and block the run.
			block = s.rollback
			s.release()
			c.discard()
			continue
		}
		if s.err == nil {
			s.err = s.commit()
		}
		if s.err == nil {
			s.finish()
			rest = append(s.later, rest...)
			if !s.again {
				return rest
			}
			batch, block, conflicts = []input{activate{}}, nil, 0
			continue
		}
		s.release()
		if len(s.append_.Send) > 0 {
			c.e.lookAtInboxes() // they may be there all the same
		}
		existed := c.exists && !c.guessed
		c.discard()
		if fault.Has(s.err, fault.Conflict) && conflicts < 3 {
			conflicts++
			continue
		}
		c.failAll(batch, c.failed(s.err))
		if existed {
			c.e.wakes.Add(c.e.opt.Clock.Now().Add(retryPause), c.key) // what it waits for is looked at again
		}
		return rest
	}
}

// failed tells of a step that could not be recorded, and gives the error that its callers get.
func (c *chain) failed(err error) error {
	switch {
	case c.e.base.Err() != nil:
		return errClosed()
	case fault.Has(err, fault.Unavailable), fault.Has(err, fault.Overloaded):
		return err
	case fault.Has(err, fault.UnknownOutcome):
		c.e.died(err)
	}
	c.e.log.Error("a step failed", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "error", err)
	return fault.Wrap(fault.Unavailable, err, "the step could not be recorded")
}

func (c *chain) failAll(batch []input, err error) {
	for _, in := range batch {
		in.fail(err)
	}
}

// discard throws away everything that is not in the store (rule C-7).
func (c *chain) discard() {
	c.dropInstance()
	c.loaded, c.exists, c.guessed, c.state, c.digest, c.due, c.held, c.acts, c.flying, c.armed, c.kept = false, false, false, nil, nil, nil, nil, nil, 0, 0, false
	c.row, c.run, c.entity = ports.Chain{}, ports.Run{}, nil
}

func (c *chain) dropInstance() {
	if c.inst != nil {
		c.inst.Close(context.Background())
		c.inst = nil
	}
	c.effort = 0
}

// task makes the dispatcher's view of an activity's current attempt.
func (c *chain) task(a *history.Activity) taskOffer {
	s := a.Scheduled
	return taskOffer{
		ActivityTask: ports.ActivityTask{Key: c.key, Run: c.run.ID, WorkflowType: c.run.Type, Ordinal: s.Ordinal, Type: s.Type, Queue: s.Options.TaskQueue,
			Attempt: a.Attempt, Input: s.Input, Header: s.Header, ScheduledAt: time.Unix(0, a.NextAt).UTC(), Heartbeat: s.Options.Heartbeat, LastDetails: a.Heartbeat},
		StartToClose: s.Options.StartToClose,
		AtMostOnce:   s.Options.AtMostOnce,
		Priority:     s.Options.Priority, FairnessKey: s.Options.FairnessKey, ConcurrencyKey: s.Options.ConcurrencyKey,
		Started:   a.Started,
		Canceling: a.Canceling,
		Held:      !c.state.Runnable(),
		Bytes:     int64(s.Input.Size()) + 256,
	}
}

// offered notes that the dispatcher or the backlog has an attempt.
func (c *chain) offered(a *attempt, row bool) {
	if a.offered && a.row && !row {
		return // it comes from the backlog, whose row is still there
	}
	if !a.offered && !row {
		c.flying++
	}
	a.offered, a.row = true, row
}

// flies makes an attempt one that must be looked after when the engine starts again, also where the backlog has a row for it.
func (c *chain) flies(a *attempt) {
	if a.offered && a.row {
		a.row, a.maybe = false, true
		c.flying++
	}
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
