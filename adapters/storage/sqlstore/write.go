package sqlstore

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Append implements ports.Store.
func (s *Store) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	if err := checkShard(a.Shard); err != nil {
		return ports.AppendResult{}, err
	}
	if a.Epoch != 0 {
		return ports.AppendResult{}, fault.New(fault.Stale, "epoch %d is not valid: an embedded store has one owner for life, with epoch 0", a.Epoch)
	}
	r := &request{append: a, size: int64(a.Size()), done: make(chan struct{}, 1)}
	if err := s.queue.submit(ctx, r); err != nil {
		return ports.AppendResult{}, err
	}
	return r.res, nil
}

// put commits a single statement together with whatever else is queued.
func (s *Store) put(ctx context.Context, size int, f func(w *writer) error) error {
	return s.queue.submit(ctx, &request{put: f, size: int64(size) + 256, done: make(chan struct{}, 1)})
}

// alone commits f in a transaction of its own. A fault that f gives undoes it and is the answer.
func (s *Store) alone(ctx context.Context, size int, f func(w *writer) error) error {
	return s.queue.submit(ctx, &request{alone: f, size: int64(size) + 256, done: make(chan struct{}, 1)})
}

const (
	sqlPutCheckpoint = `INSERT INTO checkpoint (run, seq, version, bytes) VALUES (?, ?, ?, ?)
		ON CONFLICT (run) DO UPDATE SET seq = excluded.seq, version = excluded.version, bytes = excluded.bytes WHERE excluded.seq >= seq`
	sqlCheckpoint   = `SELECT seq, version, bytes FROM checkpoint WHERE run = ?`
	sqlPutHeartbeat = `INSERT INTO heartbeat (run, ordinal, attempt, at, content_type, metadata, data) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (run, ordinal) DO UPDATE SET attempt = excluded.attempt, at = excluded.at, content_type = excluded.content_type,
			metadata = excluded.metadata, data = excluded.data`
	sqlHeartbeat = `SELECT attempt, at, content_type, metadata, data FROM heartbeat WHERE run = ? AND ordinal = ?`
)

// PutCheckpoint implements ports.Store. It is committed together with whatever else is queued.
func (s *Store) PutCheckpoint(ctx context.Context, c ports.Checkpoint) error {
	return s.put(ctx, len(c.Bytes), func(w *writer) error {
		_, err := w.c.exec(sqlPutCheckpoint, w.args.reset().id(string(c.Run)).int(int64(c.Seq)).int(int64(c.Version)).blob(c.Bytes).vals)
		return err
	})
}

// Checkpoint implements ports.Store.
func (s *Store) Checkpoint(ctx context.Context, run model.RunID) (p ports.Checkpoint, ok bool, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlCheckpoint, func(a *args) { a.id(string(run)) }, func(c *columns) bool {
		p, ok = ports.Checkpoint{Run: run, Seq: model.Seq(c.int()), Version: uint32(c.int()), Bytes: c.blob()}, true
		return false
	})
	return p, ok, err
}

// PutHeartbeat implements ports.Store. It is committed together with whatever else is queued.
func (s *Store) PutHeartbeat(ctx context.Context, h ports.Heartbeat) error {
	return s.put(ctx, h.Details.Size(), func(w *writer) error {
		w.args.reset().id(string(h.Run)).int(int64(h.Ordinal)).int(int64(h.Attempt)).time(h.At).
			text(h.Details.ContentType).blob(appendPairs(nil, h.Details.Metadata)).blob(h.Details.Data)
		_, err := w.c.exec(sqlPutHeartbeat, w.args.vals)
		return err
	})
}

// Heartbeat implements ports.Store.
func (s *Store) Heartbeat(ctx context.Context, run model.RunID, o model.Ordinal) (h ports.Heartbeat, ok bool, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlHeartbeat, func(a *args) { a.id(string(run)).int(int64(o)) }, func(c *columns) bool {
		h, ok = ports.Heartbeat{Run: run, Ordinal: o, Attempt: model.Attempt(c.int()), At: c.time()}, true
		h.Details.ContentType = c.text()
		m, perr := parsePairs(c.blob())
		if perr != nil && c.err == nil {
			c.err = perr
		}
		h.Details.Metadata, h.Details.Data = m, c.blob()
		if len(h.Details.Data) == 0 {
			h.Details.Data = nil
		}
		return false
	})
	return h, ok, err
}
