package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// early is a store that says yes before it has written: what the contract of ports.Store forbids. Only a kill shows the difference,
// because whoever reads through it is shown what was written up to then.
type early struct {
	ports.Store
	late  time.Duration   // how long an acknowledged append waits
	broke func(err error) // hears that an acknowledged append cannot be written

	mu    sync.Mutex
	queue []*ports.Append
	timer *time.Timer
}

// Append answers at once.
func (s *early) Append(_ context.Context, a *ports.Append) (ports.AppendResult, error) {
	if _, _, err := a.Check(); err != nil {
		return ports.AppendResult{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, keep(a))
	if s.timer == nil {
		s.timer = time.AfterFunc(s.late, s.write)
	}
	return ports.AppendResult{}, nil
}

// write writes what waits, in order.
func (s *early) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.queue {
		if _, err := s.Store.Append(context.Background(), a); err != nil {
			s.broke(err)
			break
		}
	}
	s.queue = nil
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// writeFor writes what waits if something of the chain is in it.
func (s *early) writeFor(key model.ChainKey) {
	s.mu.Lock()
	waits := slices.ContainsFunc(s.queue, func(a *ports.Append) bool { return a.Key == key })
	s.mu.Unlock()
	if waits {
		s.write()
	}
}

// keep copies an append: the caller uses its slices again.
func keep(a *ports.Append) *ports.Append {
	c := *a
	c.Runs, c.Dedup, c.Take, c.Tasks, c.TasksDone = slices.Clone(a.Runs), slices.Clone(a.Dedup), slices.Clone(a.Take), slices.Clone(a.Tasks), slices.Clone(a.TasksDone)
	c.Counts, c.Pins = slices.Clone(a.Counts), slices.Clone(a.Pins)
	c.History, c.Send = slices.Clone(a.History), slices.Clone(a.Send)
	for i := range c.History {
		c.History[i].Bytes = slices.Clone(c.History[i].Bytes)
	}
	for i := range c.Send {
		c.Send[i].Bytes = slices.Clone(c.Send[i].Bytes)
	}
	return &c
}

// Reads see everything that was acknowledged.

func (s *early) Chain(ctx context.Context, key model.ChainKey) (ports.Chain, ports.Run, error) {
	s.writeFor(key)
	return s.Store.Chain(ctx, key)
}

func (s *early) Run(ctx context.Context, ns model.Namespace, id model.RunID) (ports.Run, error) {
	s.write()
	return s.Store.Run(ctx, ns, id)
}

func (s *early) History(ctx context.Context, run model.RunID, from model.Seq, maxBytes int) ([]ports.HistoryRow, error) {
	s.write()
	return s.Store.History(ctx, run, from, maxBytes)
}

func (s *early) LastHistory(ctx context.Context, run model.RunID) (ports.HistoryRow, error) {
	s.write()
	return s.Store.LastHistory(ctx, run)
}

func (s *early) Feed(ctx context.Context, shard ports.ShardID, after int64, maxBytes int) ([]ports.HistoryRow, error) {
	s.write()
	return s.Store.Feed(ctx, shard, after, maxBytes)
}

func (s *early) List(ctx context.Context, q ports.ListQuery) ([]ports.Run, error) {
	s.write()
	return s.Store.List(ctx, q)
}

func (s *early) Count(ctx context.Context, ns model.Namespace) ([]ports.RunCount, error) {
	s.write()
	return s.Store.Count(ctx, ns)
}

func (s *early) Due(ctx context.Context, shard ports.ShardID, until time.Time, after *ports.Due, limit int) ([]ports.Due, error) {
	s.write()
	return s.Store.Due(ctx, shard, until, after, limit)
}

func (s *early) Inbox(ctx context.Context, key model.ChainKey, limit int) ([]ports.Message, error) {
	s.writeFor(key)
	return s.Store.Inbox(ctx, key, limit)
}

func (s *early) InboxTargets(ctx context.Context, shard ports.ShardID, after *model.ChainKey, limit int) ([]model.ChainKey, error) {
	s.write()
	return s.Store.InboxTargets(ctx, shard, after, limit)
}

func (s *early) Dedup(ctx context.Context, key model.ChainKey, id model.RequestID, now time.Time) (ports.Dedup, bool, error) {
	s.writeFor(key)
	return s.Store.Dedup(ctx, key, id, now)
}

func (s *early) Tasks(ctx context.Context, ns model.Namespace, queue model.TaskQueue, after int64, limit int) ([]ports.Task, error) {
	s.write()
	return s.Store.Tasks(ctx, ns, queue, after, limit)
}

func (s *early) PutCheckpoint(ctx context.Context, c ports.Checkpoint) error {
	s.write()
	return s.Store.PutCheckpoint(ctx, c)
}

func (s *early) Packages(ctx context.Context) ([]ports.Package, error) {
	s.write()
	return s.Store.Packages(ctx)
}

// Close writes what waits, as an orderly end does.
func (s *early) Close() error {
	s.write()
	return s.Store.Close()
}
