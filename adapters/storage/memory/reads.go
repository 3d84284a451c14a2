package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// read runs f with the store locked for reading, if it is usable, and counts the call.
func (s *Store) read(ctx context.Context, calls *atomic.Int64, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	calls.Add(1)
	return f()
}

// Chain implements ports.Store.
func (s *Store) Chain(ctx context.Context, key model.ChainKey) (row ports.Chain, current ports.Run, err error) {
	err = s.read(ctx, &s.stats.chainReads, func() error {
		c := s.chains[key]
		if c == nil || !c.exists {
			return fault.NotFoundf("no chain %q in namespace %q", key.WorkflowID, key.Namespace)
		}
		row = c.row
		if r := s.runs[c.row.CurrentRun]; r != nil {
			current = r.row
		}
		return nil
	})
	return row, current, err
}

// Run implements ports.Store.
func (s *Store) Run(ctx context.Context, ns model.Namespace, id model.RunID) (row ports.Run, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		r := s.runs[id]
		if r == nil || !r.exists || r.row.Key.Namespace != ns {
			return fault.NotFoundf("no run %q in namespace %q", id, ns)
		}
		row = r.row
		return nil
	})
	return row, err
}

// History implements ports.Store.
func (s *Store) History(ctx context.Context, id model.RunID, from model.Seq, maxBytes int) (rows []ports.HistoryRow, err error) {
	err = s.read(ctx, &s.stats.historyReads, func() error {
		r := s.runs[id]
		if r == nil {
			return nil
		}
		// The first row that does not end below from.
		at, _ := slices.BinarySearchFunc(r.history, from, func(h ports.HistoryRow, from model.Seq) int { return cmp.Compare(h.Last, from) })
		for total := 0; at < len(r.history); at++ {
			if total += len(r.history[at].Bytes); len(rows) > 0 && total > maxBytes {
				break
			}
			rows = append(rows, r.history[at])
		}
		s.countRows(rows)
		return nil
	})
	return rows, err
}

// LastHistory implements ports.Store.
func (s *Store) LastHistory(ctx context.Context, id model.RunID) (row ports.HistoryRow, err error) {
	err = s.read(ctx, &s.stats.historyReads, func() error {
		r := s.runs[id]
		if r == nil || len(r.history) == 0 {
			return fault.NotFoundf("run %q has no history", id)
		}
		row = r.history[len(r.history)-1]
		s.countRows([]ports.HistoryRow{row})
		return nil
	})
	return row, err
}

// Feed implements ports.Store.
func (s *Store) Feed(ctx context.Context, shard ports.ShardID, after int64, maxBytes int) (rows []ports.HistoryRow, err error) {
	if err := checkShard(shard); err != nil {
		return nil, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		total := 0
		after = max(after, 0)
		at, _ := s.feedAt(after + 1)
		for _, f := range s.feed[at:] {
			if f.run == nil {
				continue // its run was removed
			}
			h := f.run.history[f.index]
			if total += len(h.Bytes); len(rows) > 0 && total > maxBytes {
				break
			}
			h.Key = f.key
			rows = append(rows, h)
		}
		if len(rows) > 0 && rows[0].Pos == after+1 || after >= s.given {
			s.countRows(rows)
			return nil
		}
		lowest := s.given + 1
		if len(s.feed) > 0 {
			lowest = s.feed[0].pos
		}
		if after+1 < lowest {
			rows = nil
			return ports.Compacted(after, lowest)
		}
		s.countRows(rows)
		return nil
	})
	return rows, err
}

// Head implements ports.Store.
func (s *Store) Head(ctx context.Context, shard ports.ShardID) (head int64, err error) {
	if err := checkShard(shard); err != nil {
		return 0, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		head = s.given
		return nil
	})
	return head, err
}

func (s *Store) countRows(rows []ports.HistoryRow) {
	n := 0
	for i := range rows {
		n += len(rows[i].Bytes)
	}
	s.stats.rowsRead.Add(int64(len(rows)))
	s.stats.bytesRead.Add(int64(n))
}

// List implements ports.Store.
func (s *Store) List(ctx context.Context, q ports.ListQuery) (rows []ports.Run, err error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		rows = s.list(&q)
		return nil
	})
	return rows, err
}

// Count implements ports.Store.
func (s *Store) Count(ctx context.Context, ns model.Namespace) (out []ports.RunCount, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		for k, n := range s.counts {
			if k.ns == ns {
				out = append(out, ports.RunCount{Namespace: k.ns, Type: k.typ, Status: k.status, N: n})
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b ports.RunCount) int {
		return cmp.Or(strings.Compare(string(a.Type), string(b.Type)), cmp.Compare(a.Status, b.Status))
	})
	return out, err
}

// Due implements ports.Store.
func (s *Store) Due(ctx context.Context, shard ports.ShardID, until time.Time, after *ports.Due, limit int) (out []ports.Due, err error) {
	if err := checkShard(shard); err != nil {
		return nil, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		seq := s.due.all()
		if after != nil {
			seq = s.due.after(ports.Due{WakeAt: sameTime(after.WakeAt), Key: after.Key})
		}
		out = take(seq, limit, func(d ports.Due) bool { return !d.WakeAt.After(until) })
		return nil
	})
	return out, err
}

// Inbox implements ports.Store.
func (s *Store) Inbox(ctx context.Context, key model.ChainKey, limit int) (out []ports.Message, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		if c := s.chains[key]; c != nil {
			out = take(c.inbox.all(), limit, func(ports.Message) bool { return true })
		}
		return nil
	})
	return out, err
}

// InboxTargets implements ports.Store.
func (s *Store) InboxTargets(ctx context.Context, shard ports.ShardID, after *model.ChainKey, limit int) (out []model.ChainKey, err error) {
	if err := checkShard(shard); err != nil {
		return nil, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		seq := s.inboxTargets.all()
		if after != nil {
			seq = s.inboxTargets.after(*after)
		}
		out = take(seq, limit, func(model.ChainKey) bool { return true })
		return nil
	})
	return out, err
}

// Dedup implements ports.Store.
func (s *Store) Dedup(ctx context.Context, key model.ChainKey, id model.RequestID, now time.Time) (d ports.Dedup, ok bool, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		if c := s.chains[key]; c != nil {
			d, ok = c.dedup[id]
		}
		if ok = ok && d.Expires.After(now); !ok {
			d = ports.Dedup{}
		}
		return nil
	})
	return d, ok, err
}

// Tasks implements ports.Store.
func (s *Store) Tasks(ctx context.Context, ns model.Namespace, queue model.TaskQueue, after int64, limit int) (out []ports.Task, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		if o := s.backlog[queueKey{ns, queue}]; o != nil {
			out = take(o.after(ports.Task{Order: after}), limit, func(ports.Task) bool { return true })
		}
		return nil
	})
	return out, err
}

// Checkpoint implements ports.Store.
func (s *Store) Checkpoint(ctx context.Context, id model.RunID) (c ports.Checkpoint, ok bool, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		if r := s.runs[id]; r != nil && r.checkpoint != nil {
			c, ok = *r.checkpoint, true
		}
		return nil
	})
	return c, ok, err
}

// Heartbeat implements ports.Store.
func (s *Store) Heartbeat(ctx context.Context, id model.RunID, o model.Ordinal) (h ports.Heartbeat, ok bool, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		if r := s.runs[id]; r != nil {
			h, ok = r.heartbeats[o]
		}
		return nil
	})
	return h, ok, err
}

// take collects the first elements that keep accepts, at most limit.
func take[T any](seq func(func(T) bool), limit int, keep func(T) bool) (out []T) {
	if limit <= 0 {
		return nil
	}
	for x := range seq {
		if !keep(x) {
			break
		}
		if out = append(out, x); len(out) == limit {
			break
		}
	}
	return out
}
