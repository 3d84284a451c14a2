package sqlstore

import (
	"context"

	"github.com/aionrun/aion/ports"
)

var _ ports.WorkerRegistry = (*Store)(nil)

// KnownWorkers implements ports.WorkerRegistry.
func (s *Store) KnownWorkers(ctx context.Context) (out []string, err error) {
	err = s.read(ctx, &s.stats.otherReads, `SELECT identity FROM worker ORDER BY identity`, func(*args) {}, func(c *columns) bool {
		out = append(out, c.text())
		return true
	})
	return out, err
}

// WorkerJoined implements ports.WorkerRegistry. It is committed together with whatever else is queued.
func (s *Store) WorkerJoined(ctx context.Context, identity string) error {
	return s.put(ctx, len(identity), func(w *writer) error {
		_, err := w.c.exec(`INSERT INTO worker (identity) VALUES (?) ON CONFLICT (identity) DO NOTHING`, w.args.reset().text(identity).vals)
		return err
	})
}

// WorkerLeft implements ports.WorkerRegistry.
func (s *Store) WorkerLeft(ctx context.Context, identity string) error {
	return s.put(ctx, len(identity), func(w *writer) error {
		_, err := w.c.exec(`DELETE FROM worker WHERE identity = ?`, w.args.reset().text(identity).vals)
		return err
	})
}
