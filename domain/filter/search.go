package filter

import (
	"slices"

	"github.com/aionrun/aion/domain/fault"
)

// ScanBound is how many runs that are no result a list or a count looks at before it is refused.
const ScanBound = 20_000

// pageRuns bounds how many runs a scan asks for at once.
const pageRuns = 1000

func tooWide(bound int) error {
	return fault.New(fault.NeedsIndexedCondition, "the filter leaves too many runs to look at: more than %d were looked at in vain", bound).
		Hinted("add a condition with = or in on workflow_type, status, workflow_id or a search attribute, or narrow started_at")
}

// List gives the first runs that match q behind after, at most limit, in q's order. It looks at no more than about bound runs in vain:
// NeedsIndexedCondition beyond that.
func List[R Record](src Source[R], q *Query, after *Key, limit, bound int) (out []R, err error) {
	p := planOf(q.Where)
	if err := weigh(src, p); err != nil {
		return nil, err
	}
	s := Scan{Order: q.Order, From: p.from, To: p.to, After: after}
	exact := false
	byAttribute := q.Order.Field.Declared
	if len(p.choices) > 0 && p.choices[0].cost <= sortable && (byAttribute || !p.choices[0].ordered()) {
		return sorted(src, q, p.choices[0].ranges, s, limit, bound)
	}
	if byAttribute {
		s.Ranges = []Range{p.orderRange(q.Order.Field)}
		exact = len(p.conjuncts) == len(p.window)
	} else {
		s.Ranges, exact = p.inOrder()
	}
	err = walk(src, q, s, exact, limit, bound, func(r R) { out = append(out, r) })
	return out, err
}

// inOrder chooses the cheapest ranges that are in order of the start.
func (p *plan) inOrder() (rs []Range, exact bool) {
	for i := range p.choices {
		if a := &p.choices[i]; a.ordered() {
			return a.ranges, p.exact(a)
		}
	}
	return []Range{{By: All}}, len(p.conjuncts) == len(p.window)
}

// walk gives matching runs to each, in the order of s.
func walk[R Record](src Source[R], q *Query, s Scan, exact bool, limit, bound int, each func(R)) error {
	found, vain := 0, 0
	for size := min(limit, pageRuns); ; size = min(2*size, pageRuns) {
		s.Limit = min(size, bound-vain+1)
		if exact {
			s.Limit = min(limit-found, pageRuns)
		}
		page, err := src.Next(s)
		if err != nil {
			return err
		}
		for _, r := range page {
			if !q.Matches(r) {
				vain++
				continue
			}
			each(r)
			if found++; found == limit {
				return nil
			}
		}
		if len(page) < s.Limit {
			return nil
		}
		if vain > bound {
			return tooWide(bound)
		}
		k := s.Order.KeyOf(page[len(page)-1])
		s.After = &k
	}
}

// sorted reads all runs of ranges that are few, and puts them into order.
func sorted[R Record](src Source[R], q *Query, ranges []Range, s Scan, limit, bound int) ([]R, error) {
	after := s.After
	s.Ranges, s.Unordered, s.After, s.Limit = ranges, true, nil, bound+sortable
	all, err := src.Next(s)
	if err != nil {
		return nil, err
	}
	if len(all) == s.Limit {
		return nil, tooWide(bound)
	}
	type placed struct {
		key Key
		run R
	}
	var out []placed
	for _, r := range all {
		if !q.Matches(r) {
			continue
		}
		k := q.Order.KeyOf(r)
		if after == nil || q.Order.before(*after, k) {
			out = append(out, placed{k, r})
		}
	}
	slices.SortFunc(out, func(a, b placed) int {
		if q.Order.Desc {
			return b.key.Compare(a.key)
		}
		return a.key.Compare(b.key)
	})
	runs := make([]R, 0, min(limit, len(out)))
	for _, p := range out[:min(limit, len(out))] {
		runs = append(runs, p.run)
	}
	return runs, nil
}

// before says whether a run at a stands in front of one at b.
func (o Order) before(a, b Key) bool {
	n := a.Compare(b)
	return n < 0 && !o.Desc || n > 0 && o.Desc
}

// Count counts the runs that match q: exactly up to most, else it gives most and false. NeedsIndexedCondition as List.
func Count[R Record](src Source[R], q *Query, most, bound int) (n int64, exact bool, err error) {
	p := planOf(q.Where)
	if err := weigh(src, p); err != nil {
		return 0, false, err
	}
	// Only which runs are counted matters, not their order.
	s := Scan{Order: Newest, From: p.from, To: p.to}
	if len(p.choices) > 0 {
		a := &p.choices[0]
		if p.exact(a) && len(p.window) == 0 && len(a.ranges) == 1 && a.ranges[0].By != ByRange && !q.Order.Field.Declared {
			if n, err = src.Size(a.ranges[0], most+1); err != nil {
				return 0, false, err
			}
			return min(n, int64(most)), n <= int64(most), nil
		}
		if a.cost <= sortable && !a.ordered() {
			runs, err := sorted(src, &Query{q.Where, q.Order}, a.ranges, s, most+1, bound)
			return min(int64(len(runs)), int64(most)), len(runs) <= most, err
		}
	}
	whole := false
	s.Ranges, whole = p.inOrder()
	err = walk(src, q, s, whole && !q.Order.Field.Declared, most+1, bound, func(R) { n++ })
	if err != nil && n > int64(most) {
		err = nil
	}
	return min(n, int64(most)), n <= int64(most), err
}
