package filter

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/aionrun/aion/domain/model"
)

// By says which index of a store gives a Range.
type By uint8

// The indexes of a store. All of them but ByRange give runs in order of their start.
const (
	All       By = iota // every run of the namespace
	ByRun               // Text is a run ID
	ByChain             // Text is a workflow ID
	ByKind              // Text is a workflow type, "" for any; Status is a status, 0 for any
	ByBlocked           // runs that are Blocked
	ByPaused            // runs that are paused
	ByPoint             // runs that have the search attribute Text with an entry of exactly Low
	ByRange             // runs that have the search attribute Text with an entry from Low to below High; High nil = no end
)

// Range is a part of an index: runs that a store finds without looking at others.
type Range struct {
	By        By
	Text      string
	Status    model.Status
	Low, High []byte
}

// Key is the place of a run in an order. Value is the entry of the attribute that it is ordered by, nil in an order by start.
type Key struct {
	Value     []byte
	StartedAt int64 // unix nanoseconds
	Run       model.RunID
}

// Compare orders keys ascending.
func (k Key) Compare(l Key) int {
	return cmp.Or(bytes.Compare(k.Value, l.Value), cmp.Compare(k.StartedAt, l.StartedAt), cmp.Compare(k.Run, l.Run))
}

// KeyOf is the place of a run in an order.
func (o Order) KeyOf(r Record) Key {
	k := Key{StartedAt: r.FilterValue(StartedAt).Int, Run: model.RunID(r.FilterValue(RunID).Text)}
	if o.Field.Declared {
		k.Value = r.FilterValue(o.Field).Key()
	}
	return k
}

// Scan asks a store for runs that are in one of the ranges, each once.
type Scan struct {
	Ranges []Range
	// Order is the order in which they come. By a search attribute there is a single range, ByRange of that attribute. In an order by start
	// no range is ByRange, unless Unordered allows any order.
	Order     Order
	Unordered bool
	From, To  int64 // only runs that started between, in unix nanoseconds, both included
	After     *Key  // only runs behind this one; nil where Unordered
	Limit     int
}

// Source is a store's indexes, of one namespace.
type Source[R Record] interface {
	// Next gives the first runs of a scan.
	Next(s Scan) ([]R, error)
	// Size counts the entries of a range, at least up to limit.
	Size(r Range, limit int) (int64, error)
}

// alternative is a way to find every run that a filter can be true for.
type alternative struct {
	ranges []Range
	covers []Expr // conjuncts that are true for every run of the ranges
	cost   int64  // entries of the ranges, counted to sortable+1
}

func (a *alternative) ordered() bool {
	return !slices.ContainsFunc(a.ranges, func(r Range) bool { return r.By == ByRange })
}

// plan is what is known about a filter before anything is read.
type plan struct {
	conjuncts []Expr
	from, to  int64
	window    []Expr // the conjuncts that from and to say
	choices   []alternative
}

// sortable is how many runs are read and put into order where no index has them in order.
const sortable = 5000

// maxRanges bounds the ranges that one scan merges.
const maxRanges = 200

func planOf(e Expr) *plan {
	p := &plan{from: math.MinInt64, to: math.MaxInt64}
	p.conjuncts = flatten(nil, e)
	var types, statuses *Condition
	for _, c := range p.conjuncts {
		if cond, ok := c.(*Condition); ok {
			switch {
			case cond.Field == StartedAt && p.bound(cond):
				p.window = append(p.window, c)
				continue
			case cond.Field == WorkflowType && (cond.Op == Equal || cond.Op == In):
				types = cond
			case cond.Field == Status && plainStatuses(cond):
				statuses = cond
			}
		}
		if rs, exact := rangesOf(c); rs != nil && len(rs) <= maxRanges {
			a := alternative{ranges: rs}
			if exact {
				a.covers = []Expr{c}
			}
			p.choices = append(p.choices, a)
		}
	}
	if types != nil && statuses != nil {
		a := alternative{covers: []Expr{types, statuses}}
		for _, t := range types.Values {
			for _, s := range statuses.Values {
				st, _ := model.ParseStatus(s.Text)
				a.ranges = append(a.ranges, Range{By: ByKind, Text: t.Text, Status: st})
			}
		}
		if len(a.ranges) <= maxRanges {
			p.choices = append(p.choices, a)
		}
	}
	return p
}

func flatten(out []Expr, e Expr) []Expr {
	switch e := e.(type) {
	case nil:
		return out
	case And:
		for _, part := range e {
			out = flatten(out, part)
		}
		return out
	}
	return append(out, e)
}

// bound takes a condition on started_at into the window.
func (p *plan) bound(c *Condition) bool {
	if c.Op < Equal || c.Op > GreaterEqual {
		return false
	}
	v := c.Values[0].Int
	switch c.Op {
	case Less, LessEqual:
		if c.Op == Less {
			v--
		}
		p.to = min(p.to, v)
	case Greater, GreaterEqual:
		if c.Op == Greater && v < math.MaxInt64 {
			v++
		}
		p.from = max(p.from, v)
	default:
		p.from, p.to = max(p.from, v), min(p.to, v)
	}
	return true
}

// plainStatuses says whether a condition is about statuses by which kinds are found.
func plainStatuses(c *Condition) bool {
	return (c.Op == Equal || c.Op == In) && !slices.ContainsFunc(c.Values, func(v model.AttributeValue) bool {
		return v.Text == StatusBlocked || v.Text == StatusPaused
	})
}

// rangesOf gives ranges that hold every run for which e is true, nil where no index does; exact: and no others.
func rangesOf(e Expr) (rs []Range, exact bool) {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			if found, _ := rangesOf(part); found != nil && (rs == nil || len(found) < len(rs)) {
				rs = found
			}
		}
		return rs, false
	case Or:
		for _, part := range e {
			found, _ := rangesOf(part)
			if found == nil {
				return nil, false
			}
			rs = append(rs, found...)
		}
		return rs, false
	case Not:
		if c, ok := e.Of.(*Condition); ok && c.Op == IsNull && c.Field.Declared {
			return []Range{{By: ByRange, Text: c.Field.Name}}, true
		}
	case *Condition:
		return conditionRanges(e)
	}
	return nil, false
}

func conditionRanges(c *Condition) (rs []Range, exact bool) {
	if c.Field.Declared {
		return valueRanges(c)
	}
	if c.Op != Equal && c.Op != In {
		return nil, false
	}
	for _, v := range c.Values {
		switch c.Field {
		case RunID:
			rs = append(rs, Range{By: ByRun, Text: v.Text})
		case WorkflowID:
			rs = append(rs, Range{By: ByChain, Text: v.Text})
		case WorkflowType:
			rs = append(rs, Range{By: ByKind, Text: v.Text})
		case Blocked:
			return []Range{{By: ByBlocked}}, false
		case Paused:
			if v.Int == 0 {
				return nil, false
			}
			rs = append(rs, Range{By: ByPaused})
		case Status:
			switch v.Text {
			case StatusBlocked:
				rs = append(rs, Range{By: ByBlocked})
			case StatusPaused:
				rs = append(rs, Range{By: ByPaused})
			default:
				st, _ := model.ParseStatus(v.Text)
				rs = append(rs, Range{By: ByKind, Status: st})
			}
		default:
			return nil, false
		}
	}
	return rs, true
}

func valueRanges(c *Condition) (rs []Range, exact bool) {
	name := c.Field.Name
	span := func(low, high []byte) ([]Range, bool) {
		return []Range{{By: ByRange, Text: name, Low: low, High: high}}, true
	}
	switch c.Op {
	case Equal, In:
		for _, v := range c.Values {
			rs = append(rs, Range{By: ByPoint, Text: name, Low: v.Key()})
		}
		return rs, true
	case Contains:
		words := model.Words(c.Values[0].Text)
		if len(words) == 0 {
			return nil, false
		}
		return []Range{{By: ByPoint, Text: name, Low: []byte(words[0])}}, len(words) == 1
	case Less:
		return span(nil, c.Values[0].Key())
	case LessEqual:
		return span(nil, above(c.Values[0].Key()))
	case Greater:
		return span(above(c.Values[0].Key()), nil)
	case GreaterEqual:
		return span(c.Values[0].Key(), nil)
	case StartsWith:
		return span([]byte(c.Values[0].Text), behindPrefix(c.Values[0].Text))
	}
	return nil, false
}

// above is the entry that follows k.
func above(k []byte) []byte { return append(slices.Clip(k), 0) }

// behindPrefix is the first entry behind all that begin with p, nil where there is none.
func behindPrefix(p string) []byte {
	b := []byte(p)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return b[:i+1]
		}
	}
	return nil
}

// orderRange is the part of the index of the order's attribute that the filter leaves.
func (p *plan) orderRange(f Field) Range {
	r := Range{By: ByRange, Text: f.Name}
	for _, c := range p.conjuncts {
		cond, ok := c.(*Condition)
		if !ok || cond.Field != f {
			continue
		}
		rs, _ := valueRanges(cond)
		if len(rs) != 1 {
			continue
		}
		low, high := rs[0].Low, rs[0].High
		if rs[0].By == ByPoint {
			high = above(low)
		}
		if bytes.Compare(low, r.Low) > 0 {
			r.Low = low
		}
		if high != nil && (r.High == nil || bytes.Compare(high, r.High) < 0) {
			r.High = high
		}
	}
	return r
}

// exact says whether every run of the alternative, within the window, is one that the filter is true for.
func (p *plan) exact(a *alternative) bool {
	return len(a.covers)+len(p.window) == len(p.conjuncts)
}

// weigh sets the cost of each alternative, and puts the cheapest first.
func weigh[R Record](src Source[R], p *plan) error {
	for i := range p.choices {
		a := &p.choices[i]
		for _, r := range a.ranges {
			if r.By == ByRun {
				a.cost++
				continue
			}
			n, err := src.Size(r, sortable+1)
			if err != nil {
				return err
			}
			if a.cost += n; a.cost > sortable {
				break
			}
		}
	}
	slices.SortStableFunc(p.choices, func(a, b alternative) int { return cmp.Compare(a.cost, b.cost) })
	return nil
}
