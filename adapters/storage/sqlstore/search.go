package sqlstore

import (
	"context"
	"math"
	"strings"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Search implements ports.Store.
func (s *Store) Search(ctx context.Context, q ports.SearchQuery) ([]ports.Run, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	found, err := filter.List(runIndex{s, ctx, q.Namespace}, q.Filter, q.After, q.Limit, q.Scan)
	if err != nil {
		return nil, err
	}
	out := make([]ports.Run, len(found))
	for i, r := range found {
		out[i] = *r
	}
	return out, nil
}

// CountRuns implements ports.Store.
func (s *Store) CountRuns(ctx context.Context, q ports.SearchQuery) (int64, bool, error) {
	if err := q.Check(); err != nil {
		return 0, false, err
	}
	return filter.Count(runIndex{s, ctx, q.Namespace}, q.Filter, q.Limit, q.Scan)
}

// runIndex is the indexes of a namespace. Each of its reads is a transaction of its own, which ends with a page (S-6).
type runIndex struct {
	s   *Store
	ctx context.Context
	ns  model.Namespace
}

const (
	sqlSizeBlocked = `SELECT count(*) FROM (SELECT 1 FROM run AS r INDEXED BY run_blocked WHERE r.ns = ? AND r.blocked <> x'' LIMIT ?)`
	sqlSizePaused  = `SELECT count(*) FROM (SELECT 1 FROM run INDEXED BY run_paused WHERE ns = ? AND ` + sqlPaused + ` LIMIT ?)`
	sqlSizePrior   = `SELECT count(*) FROM (SELECT 1 FROM run AS r INDEXED BY run_prior WHERE r.ns = ? AND r.workflow_id = ? AND r.prior = 1 LIMIT ?)`
	sqlSizePoint   = `SELECT count(*) FROM (SELECT 1 FROM attr AS r WHERE r.ns = ? AND r.name = ? AND r.value = ? LIMIT ?)`
	sqlSizeAbove   = `SELECT count(*) FROM (SELECT 1 FROM attr AS r WHERE r.ns = ? AND r.name = ? AND r.value >= ? LIMIT ?)`
	sqlSizeBetween = `SELECT count(*) FROM (SELECT 1 FROM attr AS r WHERE r.ns = ? AND r.name = ? AND r.value >= ? AND r.value < ? LIMIT ?)`
	sqlHasChain    = `SELECT count(*) FROM chain WHERE ns = ? AND workflow_id = ?`
)

// Size implements filter.Source. Kinds are counted by the counters, whatever their size.
func (x runIndex) Size(r filter.Range, limit int) (n int64, err error) {
	one := func(sql string, bind func(*args)) {
		if err != nil {
			return
		}
		err = x.s.read(x.ctx, &x.s.stats.otherReads, sql, bind, func(c *columns) bool {
			n += c.int()
			return false
		})
	}
	ns := string(x.ns)
	switch r.By {
	case filter.ByBlocked:
		one(sqlSizeBlocked, func(a *args) { a.text(ns).int(int64(limit)) })
	case filter.ByPaused:
		one(sqlSizePaused, func(a *args) { a.text(ns).int(int64(limit)) })
	case filter.ByRun:
		n = 1
	case filter.ByChain:
		one(sqlSizePrior, func(a *args) { a.text(ns).text(r.Text).int(int64(limit)) })
		one(sqlHasChain, func(a *args) { a.text(ns).text(r.Text) })
	case filter.ByPoint:
		one(sqlSizePoint, func(a *args) { a.text(ns).text(r.Text).blob(some(r.Low)).int(int64(limit)) })
	case filter.ByRange:
		if r.High == nil {
			one(sqlSizeAbove, func(a *args) { a.text(ns).text(r.Text).blob(some(r.Low)).int(int64(limit)) })
		} else {
			one(sqlSizeBetween, func(a *args) { a.text(ns).text(r.Text).blob(some(r.Low)).blob(r.High).int(int64(limit)) })
		}
	default:
		counts, err := x.s.Count(x.ctx, x.ns)
		if err != nil {
			return 0, err
		}
		for _, c := range counts {
			if r.By == filter.All || (r.Text == "" || c.Type == model.WorkflowType(r.Text)) && (r.Status == 0 || c.Status == r.Status) && (r.Text != "" || r.Status != 0) {
				n += c.N
			}
		}
	}
	return n, err
}

// some is never nil: NULL equals nothing.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Next implements filter.Source.
func (x runIndex) Next(sc filter.Scan) (out []*ports.Run, err error) {
	err = x.s.reading(x.ctx, &x.s.stats.otherReads, func(c *conn) error {
		ranges, err := x.expand(c, sc.Ranges)
		if err != nil || len(ranges) == 0 {
			return err
		}
		sql, bind := searchStatement(x.ns, ranges, &sc)
		return x.s.rows(c, sql, bind, func(c *columns) bool {
			r := readRun(c)
			out = append(out, &r)
			return true
		})
	})
	return out, err
}

// expand replaces kinds of any type or any status by those that exist. Where they are too many to be merged, all runs take their place.
func (x runIndex) expand(c *conn, in []filter.Range) (out []filter.Range, err error) {
	for _, r := range in {
		switch {
		case r.By == filter.ByKind && r.Text == "" && r.Status == 0, r.By == filter.ByChain && r.Text == "":
			continue // a condition on an empty name, which no run has
		case r.By != filter.ByKind || r.Text != "" && r.Status != 0:
			out = append(out, r)
			continue
		}
		kinds, err := x.s.kinds(c, &ports.ListQuery{Namespace: x.ns, Type: model.WorkflowType(r.Text), Status: r.Status})
		if err != nil {
			return nil, err
		}
		for _, k := range kinds {
			out = append(out, filter.Range{By: filter.ByKind, Text: string(k.typ), Status: k.status})
		}
	}
	if len(out) > maxKinds {
		out = []filter.Range{{By: filter.All}}
	}
	return out, nil
}

// searchStatement makes the statement of a scan: the merge of one range of an index for each part, each of which gives no more than a page.
func searchStatement(ns model.Namespace, ranges []filter.Range, sc *filter.Scan) (string, func(*args)) {
	way, behind := " ASC", ">"
	if sc.Order.Desc {
		way, behind = " DESC", "<"
	}
	byValue := sc.Order.Field.Declared && !sc.Unordered
	columns := "r.started_at AS at, r.run_id AS id"
	order := []string{"at" + way, "id" + way}
	cursor := " AND (r.started_at, r.run_id) " + behind + " (?, ?)"
	if byValue {
		columns = "r.value AS v, " + columns
		order = append([]string{"v" + way}, order...)
		cursor = " AND (r.value, r.started_at, r.run_id) " + behind + " (?, ?, ?)"
	}
	sorted := func(prefix string) string {
		if sc.Unordered {
			return ""
		}
		return " ORDER BY " + prefix + strings.Join(order, ", "+prefix)
	}
	restrict := ""
	var binds []func(*args)
	if sc.From > math.MinInt64 {
		restrict += " AND r.started_at >= ?"
		binds = append(binds, func(a *args) { a.int(sc.From) })
	}
	if sc.To < math.MaxInt64 {
		restrict += " AND r.started_at <= ?"
		binds = append(binds, func(a *args) { a.int(sc.To) })
	}
	if sc.After != nil {
		restrict += cursor
		binds = append(binds, func(a *args) {
			if byValue {
				a.blob(some(sc.After.Value))
			}
			a.int(sc.After.StartedAt).id(string(sc.After.Run))
		})
	}
	var parts []string
	var bindings []func(*args)
	for _, r := range ranges {
		for _, p := range rangeParts(ns, r) {
			distinct := ""
			if r.By == filter.ByRange && !byValue {
				distinct = "DISTINCT "
			}
			inOrder := sorted("")
			if p.single {
				inOrder = ""
			}
			parts = append(parts, "SELECT * FROM (SELECT "+distinct+columns+p.from+restrict+inOrder+" LIMIT ?)")
			bindings = append(bindings, func(a *args) {
				p.bind(a)
				for _, b := range binds {
					b(a)
				}
				a.int(int64(sc.Limit))
			})
		}
	}
	sql := "SELECT " + runColumns + " FROM (" + strings.Join(parts, " UNION ") + sorted("") + " LIMIT ?) AS page CROSS JOIN run ON run.run_id = page.id" + sorted("page.")
	return sql, func(a *args) {
		for _, b := range bindings {
			b(a)
		}
		a.int(int64(sc.Limit))
	}
}

// rangePart is the FROM and WHERE of a range, and what they are bound to.
type rangePart struct {
	from   string
	bind   func(*args)
	single bool // one run at most
}

func rangeParts(namespace model.Namespace, r filter.Range) []rangePart {
	ns := string(namespace)
	named := func(a *args) { a.text(ns).text(r.Text) }
	switch r.By {
	case filter.ByRun:
		return []rangePart{{" FROM run AS r WHERE r.run_id = ? AND r.ns = ?", func(a *args) { a.id(r.Text).text(ns) }, true}}
	case filter.ByChain:
		return []rangePart{
			{" FROM chain AS c CROSS JOIN run AS r ON r.run_id = c.current_run WHERE c.ns = ? AND c.workflow_id = ?", named, true},
			{" FROM run AS r INDEXED BY run_prior WHERE r.ns = ? AND r.workflow_id = ? AND r.prior = 1", named, false},
		}
	case filter.ByKind:
		return []rangePart{{" FROM run AS r INDEXED BY run_kind WHERE r.ns = ? AND r.type = ? AND r.status = ?", func(a *args) { named(a); a.int(int64(r.Status)) }, false}}
	case filter.ByBlocked:
		return []rangePart{{" FROM run AS r INDEXED BY run_blocked WHERE r.ns = ? AND r.blocked <> x''", func(a *args) { a.text(ns) }, false}}
	case filter.ByPaused:
		return []rangePart{{" FROM run AS r INDEXED BY run_paused WHERE r.ns = ? AND " + sqlPaused, func(a *args) { a.text(ns) }, false}}
	case filter.ByPoint:
		return []rangePart{{" FROM attr AS r WHERE r.ns = ? AND r.name = ? AND r.value = ?", func(a *args) { named(a); a.blob(some(r.Low)) }, false}}
	case filter.ByRange:
		if r.High == nil {
			return []rangePart{{" FROM attr AS r WHERE r.ns = ? AND r.name = ? AND r.value >= ?", func(a *args) { named(a); a.blob(some(r.Low)) }, false}}
		}
		return []rangePart{{" FROM attr AS r WHERE r.ns = ? AND r.name = ? AND r.value >= ? AND r.value < ?", func(a *args) { named(a); a.blob(some(r.Low)).blob(r.High) }, false}}
	}
	return []rangePart{{" FROM run AS r INDEXED BY run_time WHERE r.ns = ?", func(a *args) { a.text(ns) }, false}}
}
