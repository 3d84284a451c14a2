package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// attrAt is an entry of the index of a search attribute.
type attrAt struct {
	value   string
	started int64
	id      model.RunID
}

func compareAttrs(a, b attrAt) int {
	return cmp.Or(strings.Compare(a.value, b.value), cmp.Compare(a.started, b.started), strings.Compare(string(a.id), string(b.id)))
}

// addAttributes and removeAttributes keep the index entries of a run's search attributes.
func (l *runLists) addAttributes(r *ports.Run) {
	for _, a := range r.Attributes {
		o := l.attrs[a.Name]
		if o == nil {
			o = &ordered[attrAt]{cmp: compareAttrs}
			l.attrs[a.Name] = o
		}
		for _, k := range a.Value.Keys() {
			o.insert(attrAt{string(k), r.StartedNanos(), r.ID})
		}
	}
}

func (l *runLists) removeAttributes(r *ports.Run) {
	for _, a := range r.Attributes {
		if o := l.attrs[a.Name]; o != nil {
			for _, k := range a.Value.Keys() {
				o.remove(attrAt{string(k), r.StartedNanos(), r.ID})
			}
		}
	}
}

// Search implements ports.Store.
func (s *Store) Search(ctx context.Context, q ports.SearchQuery) (out []ports.Run, err error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		found, err := filter.List(source{s, q.Namespace}, q.Filter, q.After, q.Limit, q.Scan)
		for _, r := range found {
			out = append(out, *r)
		}
		return err
	})
	return out, err
}

// CountRuns implements ports.Store.
func (s *Store) CountRuns(ctx context.Context, q ports.SearchQuery) (n int64, exact bool, err error) {
	if err := q.Check(); err != nil {
		return 0, false, err
	}
	err = s.read(ctx, &s.stats.otherReads, func() error {
		n, exact, err = filter.Count(source{s, q.Namespace}, q.Filter, q.Limit, q.Scan)
		return err
	})
	return n, exact, err
}

// source is the indexes of a namespace. The caller of Search holds the lock.
type source struct {
	s  *Store
	ns model.Namespace
}

// Size implements filter.Source.
func (x source) Size(r filter.Range, limit int) (n int64, err error) {
	for range x.walk(r, filter.Scan{Order: filter.Newest}) {
		if n++; n >= int64(limit) {
			break
		}
	}
	return n, nil
}

// Next implements filter.Source.
func (x source) Next(s filter.Scan) ([]*ports.Run, error) {
	type found struct {
		key filter.Key
		run *ports.Run
	}
	var all []found
	seen := map[model.RunID]bool{}
	for _, r := range s.Ranges {
		n := 0
		for k := range x.walk(r, s) {
			if k.StartedAt < s.From || k.StartedAt > s.To {
				continue
			}
			if n++; n > s.Limit {
				break
			}
			if !seen[k.Run] {
				seen[k.Run] = true
				all = append(all, found{k, &x.s.runs[k.Run].row})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		if s.Order.Desc {
			return b.key.Compare(a.key)
		}
		return a.key.Compare(b.key)
	})
	out := make([]*ports.Run, 0, min(len(all), s.Limit))
	for _, f := range all[:min(len(all), s.Limit)] {
		out = append(out, f.run)
	}
	return out, nil
}

// walk gives the places of a range's runs in the order of s, behind s.After.
func (x source) walk(r filter.Range, s filter.Scan) iter.Seq[filter.Key] {
	l := x.s.lists[x.ns]
	if l == nil {
		return func(func(filter.Key) bool) {}
	}
	switch r.By {
	case filter.ByPoint, filter.ByRange:
		return l.walkAttr(r, s)
	case filter.ByRun:
		return func(yield func(filter.Key) bool) {
			if run := x.s.runs[model.RunID(r.Text)]; run != nil && run.exists && run.row.Key.Namespace == x.ns {
				if k := (filter.Key{StartedAt: run.row.StartedNanos(), Run: run.row.ID}); behind(s, k) {
					yield(k)
				}
			}
		}
	}
	q := ports.ListQuery{Namespace: x.ns, Blocked: r.By == filter.ByBlocked, Paused: r.By == filter.ByPaused}
	switch r.By {
	case filter.ByChain:
		q.WorkflowID = model.WorkflowID(r.Text)
		if q.WorkflowID == "" {
			return func(func(filter.Key) bool) {} // no workflow has it, and an empty field would not restrict
		}
	case filter.ByKind:
		q.Type, q.Status = model.WorkflowType(r.Text), r.Status
		if q.Type == "" && q.Status == 0 {
			return func(func(filter.Key) bool) {}
		}
	}
	return func(yield func(filter.Key) bool) {
		var lists []iter.Seq[runAt]
		for _, o := range x.s.candidates(&q) {
			// The lists are ordered newest first.
			switch {
			case s.Order.Desc && s.After != nil:
				lists = append(lists, o.after(runAt{time.Unix(0, s.After.StartedAt).UTC(), s.After.Run}))
			case s.Order.Desc:
				lists = append(lists, o.all())
			case s.After != nil:
				lists = append(lists, o.before(runAt{time.Unix(0, s.After.StartedAt).UTC(), s.After.Run}))
			default:
				lists = append(lists, o.backward())
			}
		}
		merge(lists, s.Order.Desc, func(at runAt) bool {
			return yield(filter.Key{StartedAt: model.TimeValue(at.started).Int, Run: at.id})
		})
	}
}

// merge gives the elements of lists, each of which is in order, in order.
func merge(lists []iter.Seq[runAt], newest bool, yield func(runAt) bool) {
	if len(lists) == 1 {
		lists[0](yield)
		return
	}
	type head struct {
		at   runAt
		next func() (runAt, bool)
	}
	var heads []head
	for _, l := range lists {
		next, stop := iter.Pull(l)
		defer stop()
		if at, ok := next(); ok {
			heads = append(heads, head{at, next})
		}
	}
	for len(heads) > 0 {
		best := 0
		for i := range heads {
			if c := compareRuns(heads[i].at, heads[best].at); c < 0 && newest || c > 0 && !newest {
				best = i
			}
		}
		if !yield(heads[best].at) {
			return
		}
		if at, ok := heads[best].next(); ok {
			heads[best].at = at
		} else {
			heads = slices.Delete(heads, best, best+1)
		}
	}
}

func behind(s filter.Scan, k filter.Key) bool {
	if s.After == nil {
		return true
	}
	if s.Order.Desc {
		return k.Compare(*s.After) < 0
	}
	return k.Compare(*s.After) > 0
}

func (l *runLists) walkAttr(r filter.Range, s filter.Scan) iter.Seq[filter.Key] {
	o := l.attrs[r.Text]
	low, high := string(r.Low), string(r.High)
	if r.By == filter.ByPoint {
		high = low + "\x00"
	} else if r.High == nil {
		high = ""
	}
	bounded := r.By == filter.ByPoint || r.High != nil
	byValue := s.Order.Field.Declared
	return func(yield func(filter.Key) bool) {
		if o == nil {
			return
		}
		from := attrAt{value: low, started: -1 << 63}
		to := attrAt{value: high, started: -1 << 63}
		if s.After != nil {
			at := attrAt{string(s.After.Value), s.After.StartedAt, s.After.Run}
			if !byValue {
				at.value = low
			}
			if s.Order.Desc {
				if !bounded || compareAttrs(at, to) < 0 {
					to, bounded = at, true
				}
			} else if compareAttrs(at, from) > 0 {
				from = at
			}
		}
		seq := o.after(from)
		if s.Order.Desc && bounded {
			seq = o.before(to)
		} else if s.Order.Desc {
			seq = o.backward()
		}
		for a := range seq {
			if s.Order.Desc && compareAttrs(a, from) < 0 || !s.Order.Desc && bounded && compareAttrs(a, to) >= 0 {
				return
			}
			k := filter.Key{StartedAt: a.started, Run: a.id}
			if byValue {
				k.Value = []byte(a.value)
			}
			if !yield(k) {
				return
			}
		}
	}
}
