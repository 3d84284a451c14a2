package memory

import (
	"bytes"
	"context"
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// putEntity writes the entity of an admitted append, or removes the chain with it.
func (s *Store) putEntity(a *ports.Append, c *chain) {
	e := a.Entity
	if e == nil {
		return
	}
	if e.Remove {
		if !c.row.WakeAt.IsZero() {
			s.due.remove(ports.Due{WakeAt: c.row.WakeAt, Key: a.Key})
		}
		s.entities.remove(a.Key)
		c.row, c.exists, c.entity = ports.Chain{}, false, nil
		clear(c.dedup)
		if c.inbox.empty() {
			delete(s.chains, a.Key)
		}
		return
	}
	next := &ports.Entity{Key: a.Key, State: bytes.Clone(e.State)} // a new one: readers may hold the old one
	switch {
	case e.Config != nil:
		next.Config = bytes.Clone(e.Config)
	case c.entity != nil:
		next.Config = c.entity.Config
	}
	if c.entity == nil {
		s.entities.insert(a.Key)
	}
	c.entity = next
}

// Entity implements ports.Store.
func (s *Store) Entity(ctx context.Context, key model.ChainKey) (row ports.Chain, e ports.Entity, err error) {
	err = s.read(ctx, &s.stats.chainReads, func() error {
		c := s.chains[key]
		if c == nil || c.entity == nil {
			return fault.NotFoundf("no entity %q in namespace %q", key.WorkflowID, key.Namespace)
		}
		row, e = c.row, *c.entity
		return nil
	})
	return row, e, err
}

// Entities implements ports.Store.
func (s *Store) Entities(ctx context.Context, ns model.Namespace, prefix string, after model.WorkflowID, limit, maxBytes int) (out []ports.Entity, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		total := 0
		for key := range s.entities.after(model.ChainKey{Namespace: ns, WorkflowID: max(after, model.WorkflowID(prefix))}) {
			if key.Namespace != ns || !strings.HasPrefix(string(key.WorkflowID), prefix) || len(out) >= limit {
				break
			}
			e := *s.chains[key].entity
			if total += len(e.Config) + len(e.State); len(out) > 0 && total > maxBytes {
				break
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}
