package engine

import (
	"math"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Chains need not be workflows (rule M-5). A chain of another kind has the guard, the wake-up and the inbox of any chain, and an entity instead of runs and
// a history: two pieces of bytes that its steps replace. It is told apart by its key, which begins with a character that no workflow ID holds, and
// it stays in memory for a step only: however many there are, those that wait cost nothing.
//
// To add a kind: give it a prefix and a function in kinds, a type that is an entity, and inputs whose apply finds that type in the step's chain.

// kind is a kind of chain other than a workflow.
type kind struct {
	prefix string // of the workflow ID in the key: "\x01name/"
	decode func(e *Engine, key model.ChainKey, kept ports.Entity) (entity, error)
}

var kinds = []kind{
	{schedulePrefix, decodeSchedule},
}

// entity is what a chain of such a kind is while it is in memory. Its methods are called in the chain's goroutine; a step that is not committed throws
// it away.
type entity interface {
	// wake does what is due. It must come to an end: while due is not above the step's time, there is another wake-up.
	wake(s *step)
	// letter takes a letter from the chain's inbox (rule M-1).
	letter(s *step, l *history.Letter)
	// due is when something must happen without anything from outside, in ns since 1970; math.MaxInt64 = never.
	due() int64
	// keep encodes the entity; config is nil where it has not changed since it was read.
	keep() (config, state []byte)
}

// kindOf gives the kind of a chain; nil for workflows.
func kindOf(k model.ChainKey) *kind {
	if k.WorkflowID == "" || k.WorkflowID[0] != 1 {
		return nil
	}
	for i := range kinds {
		if p := kinds[i].prefix; len(k.WorkflowID) > len(p) && string(k.WorkflowID[:len(p)]) == p {
			return &kinds[i]
		}
	}
	return nil
}

// loadEntity reads a chain of another kind.
func (c *chain) loadEntity(k *kind) error {
	row, kept, err := c.e.store.Entity(c.e.base, c.key)
	if fault.Has(err, fault.NotFound) {
		c.loaded, c.exists = true, false
		return nil
	}
	if err != nil {
		return err
	}
	if c.entity, err = k.decode(c.e, c.key, kept); err != nil {
		return err
	}
	c.row, c.exists, c.loaded = row, true, true
	return nil
}

// found makes en the entity of a chain that does not exist yet. Other inputs get a step of their own.
func (s *step) found(en entity) {
	s.c.entity, s.c.exists = en, true
	s.touched, s.sealed = true, true
}

// removeEntity takes the chain away with the step. Other inputs get a step of their own.
func (s *step) removeEntity() {
	s.touched, s.sealed, s.removes = true, true, true
}

// keepEntity puts the chain's entity into the append that is to be committed.
func (s *step) keepEntity(a *ports.Append, row *ports.Chain) {
	c := s.c
	if c.entity == nil {
		return
	}
	a.Entity = &ports.Entity{Remove: s.removes}
	row.WakeAt = time.Time{}
	if s.removes {
		return
	}
	a.Entity.Config, a.Entity.State = c.entity.keep()
	if at := c.entity.due(); at != math.MaxInt64 {
		row.WakeAt = time.Unix(0, at).UTC()
	}
	s.rearm = s.woken || !row.WakeAt.Equal(c.row.WakeAt)
}

// leaveEntity sets the wake-up of a chain of another kind and lets it leave memory.
func (s *step) leaveEntity() {
	c := s.c
	if c.entity == nil {
		return
	}
	if at := c.row.WakeAt; (s.rearm || s.woken) && !s.removes && !at.IsZero() {
		if at.UnixNano() > c.e.window.horizon.Load() {
			c.e.look(at.UnixNano()) // the index of the store remembers it
		} else {
			c.e.wakes.Add(at, c.key)
		}
	}
	c.discard()
}
