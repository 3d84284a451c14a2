package sqlstore

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	runColumns = `run.run_id, run.ns, run.workflow_id, run.type, run.status, run.blocked, run.started_at, run.detail`

	sqlChainAndRun = `SELECT c.version, c.current_run, c.head_seq, c.wake_at, c.checkpoint_seq, ` + runColumns + `
		FROM chain AS c LEFT JOIN run ON run.run_id = c.current_run WHERE c.ns = ? AND c.workflow_id = ?`
	sqlRun = `SELECT ` + runColumns + ` FROM run WHERE run.run_id = ? AND run.ns = ?`

	historyColumns = `h.pos, h.run, h.first_seq, h.last_seq, h.append_id, h.bytes`

	// From the row that holds a seq on, row by row until the bytes are used up: length() looks at a row's header only, so
	// that no row beyond the page is read.
	sqlHistory = `WITH RECURSIVE page (pos, last, total) AS (
			SELECT pos, last, size FROM (SELECT pos, last_seq AS last, length(bytes) AS size FROM history
				WHERE run = ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1) WHERE last >= ?
			UNION ALL
			SELECT h.pos, h.last_seq, page.total + length(h.bytes) FROM page CROSS JOIN history AS h
				WHERE h.run = ? AND h.first_seq = page.last + 1 AND page.total + length(h.bytes) <= ?
		) SELECT ` + historyColumns + ` FROM page CROSS JOIN history AS h ON h.pos = page.pos`
	sqlLastHistory = `SELECT ` + historyColumns + ` FROM history AS h WHERE h.run = ? ORDER BY h.first_seq DESC LIMIT 1`

	// The same by position.
	sqlFeed = `WITH RECURSIVE page (pos, total) AS (
			SELECT pos, size FROM (SELECT pos, length(bytes) AS size FROM history WHERE pos > ? ORDER BY pos LIMIT 1)
			UNION ALL
			SELECT h.pos, page.total + length(h.bytes) FROM page CROSS JOIN history AS h
				WHERE h.pos = (SELECT n.pos FROM history AS n WHERE n.pos > page.pos ORDER BY n.pos LIMIT 1) AND page.total + length(h.bytes) <= ?
		) SELECT ` + historyColumns + `, EXISTS (SELECT 1 FROM garbage AS g WHERE g.run = h.run), run.ns, run.workflow_id
		FROM page CROSS JOIN history AS h ON h.pos = page.pos LEFT JOIN run ON run.run_id = h.run`
)

func readChain(c *columns) ports.Chain {
	row := ports.Chain{Version: uint64(c.int()), CurrentRun: model.RunID(c.id()), HeadSeq: model.Seq(c.int())}
	if wake, ok := c.optional(); ok {
		row.WakeAt = moment(wake)
	}
	row.CheckpointSeq = model.Seq(c.int())
	return row
}

func readRun(c *columns) ports.Run {
	r := ports.Run{ID: model.RunID(c.id()), Key: readKey(c), Type: model.WorkflowType(c.text()), Status: model.Status(c.int()),
		Blocked: c.text(), StartedAt: c.time()}
	if err := parseDetail(&r, c.blob()); err != nil && c.err == nil {
		c.err = err
	}
	return r
}

func readKey(c *columns) model.ChainKey {
	return model.ChainKey{Namespace: model.Namespace(c.text()), WorkflowID: model.WorkflowID(c.text())}
}

func readHistory(c *columns) ports.HistoryRow {
	h := ports.HistoryRow{Pos: c.int(), Run: model.RunID(c.id()), First: model.Seq(c.int()), Last: model.Seq(c.int())}
	if n := copy(h.AppendID[:], c.blob()); n != len(h.AppendID) {
		c.fail("has a short append ID")
	}
	h.Bytes = c.blob()
	return h
}

// Chain implements ports.Store.
func (s *Store) Chain(ctx context.Context, key model.ChainKey) (row ports.Chain, current ports.Run, err error) {
	found := false
	err = s.read(ctx, &s.stats.chainReads, sqlChainAndRun, func(a *args) { a.text(string(key.Namespace)).text(string(key.WorkflowID)) }, func(c *columns) bool {
		row, current, found = readChain(c), readRun(c), true
		return false
	})
	if err == nil && !found {
		err = fault.NotFoundf("no chain %q in namespace %q", key.WorkflowID, key.Namespace)
	}
	return row, current, err
}

// Run implements ports.Store.
func (s *Store) Run(ctx context.Context, ns model.Namespace, id model.RunID) (row ports.Run, err error) {
	found := false
	err = s.read(ctx, &s.stats.otherReads, sqlRun, func(a *args) { a.id(string(id)).text(string(ns)) }, func(c *columns) bool {
		row, found = readRun(c), true
		return false
	})
	if err == nil && !found {
		err = fault.NotFoundf("no run %q in namespace %q", id, ns)
	}
	return row, err
}

// History implements ports.Store.
func (s *Store) History(ctx context.Context, run model.RunID, from model.Seq, maxBytes int) (rows []ports.HistoryRow, err error) {
	from = max(from, 1)
	err = s.read(ctx, &s.stats.historyReads, sqlHistory, func(a *args) {
		a.id(string(run)).int(int64(from)).int(int64(from)).id(string(run)).int(int64(maxBytes))
	}, func(c *columns) bool {
		rows = append(rows, readHistory(c))
		return true
	})
	s.countRows(rows)
	return rows, err
}

// LastHistory implements ports.Store.
func (s *Store) LastHistory(ctx context.Context, run model.RunID) (row ports.HistoryRow, err error) {
	found := false
	err = s.read(ctx, &s.stats.historyReads, sqlLastHistory, func(a *args) { a.id(string(run)) }, func(c *columns) bool {
		row, found = readHistory(c), true
		return false
	})
	if err == nil && !found {
		err = fault.NotFoundf("run %q has no history", run)
	}
	if found {
		s.countRows([]ports.HistoryRow{row})
	}
	return row, err
}

// Feed implements ports.Store. Rows that removed runs have left are passed over.
func (s *Store) Feed(ctx context.Context, shard ports.ShardID, after int64, maxBytes int) (rows []ports.HistoryRow, err error) {
	if err := checkShard(shard); err != nil {
		return nil, err
	}
	err = s.reading(ctx, &s.stats.otherReads, func(c *conn) error {
		after = max(after, 0)
		for at, more := after, true; more && len(rows) == 0; {
			more = false
			err := s.rows(c, sqlFeed, func(a *args) { a.int(at).int(int64(maxBytes)) }, func(c *columns) bool {
				h := readHistory(c)
				at, more = h.Pos, true
				if c.int() == 1 {
					return true
				}
				h.Key = readKey(c)
				rows = append(rows, h)
				return true
			})
			if err != nil {
				return err
			}
		}
		if len(rows) > 0 && rows[0].Pos == after+1 {
			return nil
		}
		return s.kept(c, after)
	})
	if err != nil {
		rows = nil
	}
	s.countRows(rows)
	return rows, err
}

// Head implements ports.Store. The writer knows it: no other process writes to the database.
func (s *Store) Head(ctx context.Context, shard ports.ShardID) (head int64, err error) {
	if err := checkShard(shard); err != nil {
		return 0, err
	}
	err = s.reading(ctx, &s.stats.otherReads, func(*conn) error {
		head = s.head.Load()
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
