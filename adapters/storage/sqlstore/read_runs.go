package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// maxKinds bounds how many lists one statement merges (SQLite allows 500 parts in a compound statement).
const maxKinds = 400

// kind is a workflow type and a status: the runs of a kind are one range of the index run_kind.
type kind struct {
	typ    model.WorkflowType
	status model.Status
}

// sqlNextKind jumps from one kind of a namespace to the next, whatever the number of its runs.
const sqlNextKind = `SELECT type, status FROM run WHERE ns = ? AND (type, status) > (?, ?) ORDER BY type, status LIMIT 1`

// List implements ports.Store. Every combination of filters but one reads ranges of an index that hold nothing else: the
// exception is a filter by type or status on top of a workflow ID, of Blocked or of Paused, which looks at the runs of that chain, at the Blocked or at the paused runs.
func (s *Store) List(ctx context.Context, q ports.ListQuery) (out []ports.Run, err error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	err = s.reading(ctx, &s.stats.otherReads, func(c *conn) error {
		var kinds []kind
		if (q.Type != "" || q.Status != 0) && q.WorkflowID == "" && !q.Blocked && !q.Paused {
			var err error
			if kinds, err = s.kinds(c, &q); err != nil {
				return err
			}
			switch {
			case len(kinds) == 0:
				return nil
			case len(kinds) > maxKinds:
				kinds = nil // so many types: walk all runs of the namespace
			}
		}
		sql, bind := listStatement(&q, kinds)
		return s.rows(c, sql, bind, func(c *columns) bool {
			out = append(out, readRun(c))
			return true
		})
	})
	return out, err
}

// kinds lists the kinds of runs that a filter by type and status means and that exist.
func (s *Store) kinds(c *conn, q *ports.ListQuery) (out []kind, err error) {
	if q.Type != "" && q.Status != 0 {
		return []kind{{q.Type, q.Status}}, nil
	}
	at := kind{q.Type, 0}
	for more := true; more && len(out) <= maxKinds; {
		more = false
		err := s.rows(c, sqlNextKind, func(a *args) { a.text(string(q.Namespace)).text(string(at.typ)).int(int64(at.status)) }, func(c *columns) bool {
			at, more = kind{model.WorkflowType(c.text()), model.Status(c.int())}, true
			return false
		})
		if err != nil {
			return nil, err
		}
		if !more || q.Type != "" && at.typ != q.Type {
			break
		}
		if q.Status == 0 || at.status == q.Status {
			out = append(out, at)
		}
	}
	return out, nil
}

// listStatement makes the statement of a page: a range of one index, or the merge of one range for each kind.
func listStatement(q *ports.ListQuery, kinds []kind) (string, func(*args)) {
	var where []string
	var binds []func(*args)
	on := func(cond string, bind func(*args)) {
		where = append(where, cond)
		binds = append(binds, bind)
	}
	cursor := func(a *args) {}
	after := ""
	if q.After != nil {
		after = " AND (run.started_at, run.run_id) < (?, ?)"
		cursor = func(a *args) { a.time(q.After.StartedAt).id(string(q.After.Run)) }
	}
	const newest = " ORDER BY run.started_at DESC, run.run_id DESC LIMIT ?"
	limit := func(a *args) { a.int(int64(q.Limit)) }

	if q.WorkflowID != "" {
		return chainStatement(q, after, cursor)
	}
	if len(kinds) > 0 {
		part := "SELECT * FROM (SELECT run.started_at AS at, run.run_id AS id FROM run INDEXED BY run_kind WHERE run.ns = ? AND run.type = ? AND run.status = ?" + after + newest + ")"
		sql := "SELECT " + runColumns + " FROM (" + strings.Join(slices.Repeat([]string{part}, len(kinds)), " UNION ALL ") +
			" ORDER BY at DESC, id DESC LIMIT ?) AS page CROSS JOIN run ON run.run_id = page.id ORDER BY page.at DESC, page.id DESC"
		return sql, func(a *args) {
			for _, k := range kinds {
				a.text(string(q.Namespace)).text(string(k.typ)).int(int64(k.status))
				cursor(a)
				limit(a)
			}
			limit(a)
		}
	}

	index := "run_time"
	on("run.ns = ?", func(a *args) { a.text(string(q.Namespace)) })
	if q.Blocked {
		index = "run_blocked"
		on("run.blocked <> x''", func(*args) {})
	}
	if q.Paused {
		if !q.Blocked {
			index = "run_paused"
		}
		on(sqlPaused, func(*args) {})
	}
	if q.Type != "" {
		on("run.type = ?", func(a *args) { a.text(string(q.Type)) })
	}
	if q.Status != 0 {
		on("run.status = ?", func(a *args) { a.int(int64(q.Status)) })
	}
	sql := "SELECT " + runColumns + " FROM run INDEXED BY " + index + " WHERE " + strings.Join(where, " AND ") + after + newest
	return sql, func(a *args) {
		for _, b := range binds {
			b(a)
		}
		cursor(a)
		limit(a)
	}
}

// chainStatement lists the runs of one chain: its current one, and the prior ones by their index.
func chainStatement(q *ports.ListQuery, after string, cursor func(*args)) (string, func(*args)) {
	filter := after
	filters := []func(*args){cursor}
	if q.Type != "" {
		filter += " AND run.type = ?"
		filters = append(filters, func(a *args) { a.text(string(q.Type)) })
	}
	if q.Status != 0 {
		filter += " AND run.status = ?"
		filters = append(filters, func(a *args) { a.int(int64(q.Status)) })
	}
	if q.Blocked {
		filter += " AND run.blocked <> x''"
	}
	if q.Paused {
		filter += " AND " + sqlPaused
	}
	sql := "SELECT " + runColumns + " FROM (SELECT run.started_at AS at, run.run_id AS id FROM chain AS c CROSS JOIN run ON run.run_id = c.current_run" +
		" WHERE c.ns = ? AND c.workflow_id = ?" + filter +
		" UNION ALL SELECT * FROM (SELECT run.started_at, run.run_id FROM run INDEXED BY run_prior WHERE run.ns = ? AND run.workflow_id = ? AND run.prior = 1" + filter +
		" ORDER BY run.started_at DESC, run.run_id DESC LIMIT ?)" +
		" ORDER BY at DESC, id DESC LIMIT ?) AS page CROSS JOIN run ON run.run_id = page.id ORDER BY page.at DESC, page.id DESC"
	return sql, func(a *args) {
		for range 2 {
			a.text(string(q.Namespace)).text(string(q.WorkflowID))
			for _, f := range filters {
				f(a)
			}
		}
		a.int(int64(q.Limit)).int(int64(q.Limit))
	}
}
