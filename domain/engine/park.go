package engine

import (
	"sync"
)

// lru orders the chains in memory by their last step, so that the coldest leave first (rule D-9).
type lru struct {
	mu    sync.Mutex
	root  chain // root.next is the coldest
	bytes int64
}

func (l *lru) init() { l.root.next, l.root.prev = &l.root, &l.root }

// touch makes c the warmest.
func (l *lru) touch(c *chain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unlink(c)
	c.prev, c.next = l.root.prev, &l.root
	c.prev.next, c.next.prev = c, c
	c.listed, c.counted = true, c.cost
	l.bytes += c.cost
}

func (l *lru) drop(c *chain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unlink(c)
}

func (l *lru) unlink(c *chain) {
	if c.listed {
		c.prev.next, c.next.prev = c.next, c.prev
		c.prev, c.next, c.listed = nil, nil, false
		l.bytes -= c.counted
	}
}

// coldest takes the chain that was idle longest, or nil.
func (l *lru) coldest() *chain {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.root.next
	if c == &l.root {
		return nil
	}
	l.unlink(c)
	return c
}

func (l *lru) size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// hibernateEffort is the cost of a replay, in estimated nanoseconds, from which hibernating is the cheaper way back.
const hibernateEffort = 2_000_000

// evict parks the coldest chains while instances or states take more memory than they may.
func (e *Engine) evict() {
	for e.opt.Runtime.Stats().LiveBytes > e.opt.CacheBytes || e.lru.size() > e.opt.ResidentBytes {
		c := e.lru.coldest()
		if c == nil {
			return
		}
		e.park(c)
	}
}

// park takes an idle chain out of memory: no object stays behind. Its instance is hibernated when replay would cost more.
func (e *Engine) park(c *chain) {
	c.mu.Lock()
	if c.active || c.dead {
		c.mu.Unlock()
		return // it works, and will be listed again
	}
	c.active = true // nobody else works on it while it is parked
	c.mu.Unlock()

	how := "dropped"
	if c.inst != nil && c.state != nil && c.effort >= hibernateEffort && c.state.Seq == c.row.HeadSeq {
		ok, err := c.inst.Hibernate(e.base, c.snapshotKey())
		if err != nil {
			e.log.Warn("hibernating a run failed; it will be replayed", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "error", err)
		} else if ok {
			how = "hibernated"
		}
	}
	c.saveCheckpoint()
	e.tel.Parked(how)

	c.mu.Lock()
	waits := c.queue
	if len(waits) > 0 && e.work.begin() {
		// Something came in meanwhile: go on with it as it is.
		go c.loop()
		c.mu.Unlock()
		return
	}
	c.dead, c.queue = true, nil
	c.mu.Unlock()
	c.dropInstance()
	e.remove(c)
	for _, in := range waits {
		in.fail(errClosed())
	}
}
