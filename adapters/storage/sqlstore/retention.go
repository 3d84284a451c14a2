package sqlstore

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	sqlClosed = `SELECT run.run_id, run.ns, run.workflow_id, run.type, run.status, run.blocked, run.started_at, run.detail FROM run INDEXED BY run_closed
		WHERE run.ns = ? AND run.closed_at <= ? ORDER BY run.closed_at, run.run_id LIMIT ?`
	sqlOldestClosed = `SELECT closed_at FROM run INDEXED BY run_closed WHERE ns = ? AND closed_at > ? ORDER BY closed_at LIMIT 1`

	// A chain goes with its current run, unless something is still to happen to it.
	sqlRemoveChain = `DELETE FROM chain WHERE ns = ? AND workflow_id = ? AND current_run = ? AND wake_at IS NULL`
	sqlRemoveDedup = `DELETE FROM dedup WHERE ns = ? AND workflow_id = ?`
	sqlBusyChain   = `SELECT 1 FROM chain WHERE ns = ? AND workflow_id = ? AND current_run = ? AND wake_at IS NOT NULL`
	sqlGarbage     = `INSERT INTO garbage (run) VALUES (?)`

	sqlFirstGarbage     = `SELECT run FROM garbage WHERE run >= x'' ORDER BY run LIMIT 1`
	sqlGarbageRows      = `SELECT first_seq, length(bytes) FROM history WHERE run = ? ORDER BY first_seq LIMIT ?`
	sqlRemoveRows       = `DELETE FROM history WHERE run = ? AND first_seq <= ?`
	sqlRemoveHeartbeats = `DELETE FROM heartbeat WHERE (run, ordinal) IN (SELECT run, ordinal FROM heartbeat WHERE run = ? ORDER BY ordinal LIMIT ?)`
	sqlSwept            = `DELETE FROM garbage WHERE run = ?`
	sqlRemoveExpired    = `DELETE FROM dedup WHERE (ns, workflow_id, request_id) IN
		(SELECT ns, workflow_id, request_id FROM dedup INDEXED BY dedup_expires WHERE expires <= ? ORDER BY expires LIMIT ?)`

	sqlKeptPosition = `SELECT value FROM meta WHERE name = 'position'`
	sqlKeepPosition = `UPDATE meta SET value = ? WHERE name = 'position'`
	sqlBounds       = `SELECT (SELECT min(pos) FROM history), (SELECT max(pos) FROM history), (SELECT value FROM meta WHERE name = 'position')`
)

// removeRun takes a run and its few rows out of what is found. A table with rows of runs belongs here, or into Sweep where a run may have many.
var removeRun = [...]string{
	`DELETE FROM run WHERE run_id = ?`,
	`DELETE FROM checkpoint WHERE run = ?`,
	`DELETE FROM task WHERE run = ?`,
	`DELETE FROM attr WHERE run_id = ?`,
}

// RemoveClosed implements ports.Retention.
func (s *Store) RemoveClosed(ctx context.Context, ns model.Namespace, until time.Time, limit int) (removed int, oldest time.Time, err error) {
	err = s.alone(ctx, 0, func(w *writer) error {
		removed, oldest = 0, time.Time{}
		var runs []ports.Run
		err := s.rows(w.c, sqlClosed, func(a *args) { a.text(string(ns)).time(until).int(int64(limit)) }, func(c *columns) bool {
			runs = append(runs, readRun(c))
			return true
		})
		if err != nil {
			return err
		}
		last := nanos(until)
		if len(runs) == limit {
			last = 0 // more may be due
		}
		for i := range runs {
			ok, err := w.remove(&runs[i])
			if err != nil {
				return err
			}
			if ok {
				removed++
			}
		}
		return s.rows(w.c, sqlOldestClosed, func(a *args) { a.text(string(ns)).int(last) }, func(c *columns) bool {
			oldest = c.time()
			return false
		})
	})
	return removed, oldest, err
}

// remove hides a run, unless its chain has something to do.
func (w *writer) remove(r *ports.Run) (bool, error) {
	chain := func() *args {
		return w.args.reset().text(string(r.Key.Namespace)).text(string(r.Key.WorkflowID))
	}
	_, busy, err := w.c.number(sqlBusyChain, chain().id(string(r.ID)).vals)
	if err != nil || busy {
		return false, err
	}
	gone, err := w.c.exec(sqlRemoveChain, chain().id(string(r.ID)).vals)
	if err == nil && gone > 0 {
		_, err = w.c.exec(sqlRemoveDedup, chain().vals)
	}
	for _, sql := range removeRun {
		if err == nil {
			_, err = w.c.exec(sql, w.args.reset().id(string(r.ID)).vals)
		}
	}
	if err == nil {
		_, err = w.c.exec(sqlGarbage, w.args.reset().id(string(r.ID)).vals)
	}
	w.counts.add(countKey{r.Key.Namespace, r.Type, r.Status}, -1)
	w.pins.add(r.Package, -1)
	w.work += 4
	return err == nil, err
}

const (
	sweepBytes  = 4 << 20 // of history that one transaction removes, at most, beyond the first row
	vacuumPages = 256     // what one transaction gives back
	spareFrom   = 4096    // free pages that are kept for what is written next
)

// Sweep implements ports.Retention.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (rows int, err error) {
	pages := int64(0)
	err = s.alone(ctx, 0, func(w *writer) error {
		rows = 0
		n, err := w.c.exec(sqlRemoveExpired, w.args.reset().time(now).int(int64(limit)).vals)
		if err != nil {
			return err
		}
		rows += int(n)
		for rows < limit {
			run, found := "", false
			err := s.rows(w.c, sqlFirstGarbage, nil, func(c *columns) bool {
				run, found = c.id(), true
				return false
			})
			if err != nil || !found {
				break
			}
			n, done, err := w.sweep(run, limit-rows)
			if err != nil {
				return err
			}
			if rows += n; !done {
				break
			}
		}
		w.work += rows
		pages, _, err = w.c.number("PRAGMA freelist_count", nil)
		return err
	})
	if err != nil || pages <= spareFrom || rows >= limit {
		return rows, err
	}
	// A transaction of its own, in a small step: the pragma gives back a page with each step of its statement.
	err = s.alone(ctx, 0, func(w *writer) error {
		rows++
		w.work += vacuumPages
		return w.c.query("PRAGMA incremental_vacuum(256)", nil, func([]driver.Value) bool { return true })
	})
	return rows, err
}

// sweep removes a piece of what a removed run has left; done says that it was the last.
func (w *writer) sweep(run string, limit int) (n int, done bool, err error) {
	id := func() *args { return w.args.reset().id(run) }
	size, through, complete := int64(0), int64(0), true
	err = w.s.rows(w.c, sqlGarbageRows, func(a *args) { a.id(run).int(int64(limit)) }, func(c *columns) bool {
		first, bytes := c.int(), c.int()
		if size += bytes; n > 0 && size > sweepBytes {
			complete = false
			return false
		}
		through, n = first, n+1
		return true
	})
	if err != nil {
		return 0, false, err
	}
	if n > 0 {
		// Whatever the highest position was, it is never given out again (S-3).
		if _, err := w.c.exec(sqlKeepPosition, w.args.reset().int(w.at.history).vals); err != nil {
			return 0, false, err
		}
		if _, err := w.c.exec(sqlRemoveRows, id().int(through).vals); err != nil {
			return 0, false, err
		}
	}
	if !complete || n == limit {
		return n, false, nil
	}
	beats, err := w.c.exec(sqlRemoveHeartbeats, id().int(int64(limit-n)).vals)
	if err != nil {
		return 0, false, err
	}
	if n += int(beats); n == limit {
		return n, false, nil
	}
	_, err = w.c.exec(sqlSwept, id().vals)
	return n + 1, true, err
}

// kept refuses a position below the lowest one that is kept (S-3).
func (s *Store) kept(c *conn, after int64) error {
	var lowest, highest, given int64
	err := s.rows(c, sqlBounds, nil, func(c *columns) bool {
		lowest, _ = c.optional()
		highest, _ = c.optional()
		given = c.int()
		return false
	})
	switch {
	case err != nil:
		return err
	case highest == 0 && after < given:
		return ports.Compacted(after, given+1)
	case after+1 < lowest:
		return ports.Compacted(after, lowest)
	}
	return nil
}
