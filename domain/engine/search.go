package engine

import (
	"context"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// countedRuns is up to how many runs a count by a filter is exact (rule V-1).
const countedRuns = 10_000

// search is a page of a list with a filter. now() is the moment of the list's first page.
func (e *Engine) search(ctx context.Context, q ports.ListQuery) ([]ports.Run, *ports.ListCursor, error) {
	now := e.opt.Clock.Now()
	sq := ports.SearchQuery{Namespace: q.Namespace, Limit: q.Limit + 1}
	if c := q.After; c != nil {
		now = c.Now
		sq.After = &filter.Key{Value: c.Value, StartedAt: model.TimeValue(c.StartedAt).Int, Run: c.Run}
	}
	var err error
	if sq.Filter, err = filter.Parse(q.Filter, filter.NewSchema(e.ns.Attributes(q.Namespace)), now); err != nil {
		return nil, nil, err
	}
	sq.Filter = narrow(sq.Filter, &q)
	runs, err := e.store.Search(ctx, sq)
	if err != nil || len(runs) <= q.Limit {
		return runs, nil, err
	}
	k := sq.Filter.Order.KeyOf(&runs[q.Limit-1])
	return runs[:q.Limit], &ports.ListCursor{StartedAt: ports.SearchTime(k.StartedAt), Run: k.Run, Value: k.Value, Now: now}, nil
}

// narrow adds the other fields of a list to its filter.
func narrow(f *filter.Query, q *ports.ListQuery) *filter.Query {
	var all filter.And
	equal := func(field filter.Field, text string) {
		if text != "" {
			all = append(all, &filter.Condition{Field: field, Op: filter.Equal, Values: []model.AttributeValue{model.KeywordValue(text)}})
		}
	}
	equal(filter.WorkflowID, string(q.WorkflowID))
	equal(filter.WorkflowType, string(q.Type))
	if q.Status != 0 {
		equal(filter.Status, q.Status.String())
	}
	if q.Blocked {
		equal(filter.Status, filter.StatusBlocked)
	}
	if q.Paused {
		equal(filter.Status, filter.StatusPaused)
	}
	if len(all) == 0 {
		return f
	}
	if f.Where != nil {
		all = append(all, f.Where)
	}
	return &filter.Query{Where: all, Order: f.Order}
}

// CountMatching counts the runs that a filter is true for.
func (e *Engine) CountMatching(ctx context.Context, q ports.CountQuery) (ports.CountResult, error) {
	ns, err := e.ns.Resolve(ctx, q.Namespace, false)
	if err != nil {
		return ports.CountResult{}, err
	}
	f, err := filter.Parse(q.Filter, filter.NewSchema(e.ns.Attributes(ns)), e.opt.Clock.Now())
	if err != nil {
		return ports.CountResult{}, err
	}
	f = narrow(f, &ports.ListQuery{Type: q.Type, Status: q.Status})
	if byCounters(f.Where) && !f.Order.Field.Declared {
		counts, err := e.store.Count(ctx, ns)
		out := ports.CountResult{}
		for _, c := range counts {
			if r := (&ports.Run{Type: c.Type, Status: c.Status}); f.Matches(r) {
				out.N += c.N
			}
		}
		return out, err
	}
	n, exact, err := e.store.CountRuns(ctx, ports.SearchQuery{Namespace: ns, Filter: f, Limit: countedRuns})
	return ports.CountResult{N: n, AtLeast: !exact}, err
}

// byCounters says whether the counters by type and status answer a filter, whatever the number of runs.
func byCounters(e filter.Expr) bool {
	switch e := e.(type) {
	case nil:
		return true
	case filter.And:
		return allByCounters(e)
	case filter.Or:
		return allByCounters(e)
	case filter.Not:
		return byCounters(e.Of)
	case *filter.Condition:
		if e.Field == filter.Status {
			for _, v := range e.Values {
				if _, plain := model.ParseStatus(v.Text); !plain {
					return false
				}
			}
			return true
		}
		return e.Field == filter.WorkflowType
	}
	return false
}

func allByCounters(parts []filter.Expr) bool {
	for _, p := range parts {
		if !byCounters(p) {
			return false
		}
	}
	return true
}
