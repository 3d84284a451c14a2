package prometheus

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Store gives next with its calls timed.
func (m *Metrics) Store(next ports.Store) ports.Store { return &store{next, m} }

// store times the calls that serve requests and steps; the rest passes through.
type store struct {
	ports.Store
	m *Metrics
}

// since ends the timing of an operation.
func (s *store) since(began time.Time, operation string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = fault.ReasonOf(err).String()
	}
	s.m.operations.WithLabelValues(operation, outcome).Observe(time.Since(began).Seconds())
}

// timed runs one call and times it.
func timed[T any](s *store, operation string, call func() (T, error)) (T, error) {
	began := time.Now()
	v, err := call()
	s.since(began, operation, err)
	return v, err
}

// Append implements ports.Store.
func (s *store) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	began := time.Now()
	res, err := s.Store.Append(ctx, a)
	s.since(began, "append", err)
	return res, err
}

// Chain implements ports.Store.
func (s *store) Chain(ctx context.Context, key model.ChainKey) (ports.Chain, ports.Run, error) {
	began := time.Now()
	c, r, err := s.Store.Chain(ctx, key)
	s.since(began, "chain", err)
	return c, r, err
}

// Run implements ports.Store.
func (s *store) Run(ctx context.Context, ns model.Namespace, id model.RunID) (ports.Run, error) {
	return timed(s, "run", func() (ports.Run, error) { return s.Store.Run(ctx, ns, id) })
}

// History implements ports.Store.
func (s *store) History(ctx context.Context, run model.RunID, from model.Seq, maxBytes int) ([]ports.HistoryRow, error) {
	return timed(s, "history", func() ([]ports.HistoryRow, error) { return s.Store.History(ctx, run, from, maxBytes) })
}

// LastHistory implements ports.Store.
func (s *store) LastHistory(ctx context.Context, run model.RunID) (ports.HistoryRow, error) {
	return timed(s, "last_history", func() (ports.HistoryRow, error) { return s.Store.LastHistory(ctx, run) })
}

// List implements ports.Store.
func (s *store) List(ctx context.Context, q ports.ListQuery) ([]ports.Run, error) {
	return timed(s, "list", func() ([]ports.Run, error) { return s.Store.List(ctx, q) })
}

// Due implements ports.Store.
func (s *store) Due(ctx context.Context, shard ports.ShardID, until time.Time, after *ports.Due, limit int) ([]ports.Due, error) {
	return timed(s, "due", func() ([]ports.Due, error) { return s.Store.Due(ctx, shard, until, after, limit) })
}

// Tasks implements ports.Store.
func (s *store) Tasks(ctx context.Context, ns model.Namespace, queue model.TaskQueue, after int64, limit int) ([]ports.Task, error) {
	return timed(s, "tasks", func() ([]ports.Task, error) { return s.Store.Tasks(ctx, ns, queue, after, limit) })
}

// PutCheckpoint implements ports.Store.
func (s *store) PutCheckpoint(ctx context.Context, c ports.Checkpoint) error {
	began := time.Now()
	err := s.Store.PutCheckpoint(ctx, c)
	s.since(began, "put_checkpoint", err)
	return err
}

// PutHeartbeat implements ports.Store.
func (s *store) PutHeartbeat(ctx context.Context, h ports.Heartbeat) error {
	began := time.Now()
	err := s.Store.PutHeartbeat(ctx, h)
	s.since(began, "put_heartbeat", err)
	return err
}
