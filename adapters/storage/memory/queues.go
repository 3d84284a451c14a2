package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/aionrun/aion/ports"
)

// PutQueueSettings implements ports.Store.
func (s *Store) PutQueueSettings(ctx context.Context, q ports.QueueSettings) error {
	return s.change(ctx, func() error {
		q.KeyLimits, q.FairnessWeights = maps.Clone(q.KeyLimits), maps.Clone(q.FairnessWeights)
		if k := (queueKey{q.Namespace, q.Name}); q.IsZero() {
			delete(s.queues, k)
		} else {
			s.queues[k] = q
		}
		return nil
	})
}

// QueueSettings implements ports.Store.
func (s *Store) QueueSettings(ctx context.Context) (out []ports.QueueSettings, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		out = slices.Collect(maps.Values(s.queues))
		return nil
	})
	slices.SortFunc(out, func(a, b ports.QueueSettings) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out, err
}
