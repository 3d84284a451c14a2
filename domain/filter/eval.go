package filter

import (
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/model"
)

// Record is what a filter is evaluated over: a run. It gives the value of a field, the zero value where it is not set.
type Record interface {
	FilterValue(f Field) model.AttributeValue
}

// Matches says whether r is among the runs that the query is about: the filter is true, and r has the attribute by which the list is ordered.
func (q *Query) Matches(r Record) bool {
	if q.Order.Field.Declared && r.FilterValue(q.Order.Field).Type != q.Order.Field.Type {
		return false
	}
	return q.Where == nil || Eval(q.Where, r)
}

// Eval says whether e is true for r.
func Eval(e Expr, r Record) bool {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			if !Eval(part, r) {
				return false
			}
		}
		return true
	case Or:
		for _, part := range e {
			if Eval(part, r) {
				return true
			}
		}
		return false
	case Not:
		return !Eval(e.Of, r)
	case *Condition:
		v := r.FilterValue(e.Field)
		return e.holds(v)
	}
	return false
}

// holds evaluates the condition for a value of the field.
func (c *Condition) holds(v model.AttributeValue) bool {
	set := v.Type == c.Field.Type
	if c.Op == IsNull || !set {
		return c.Op == IsNull && !set
	}
	if v.Type == model.AttributeKeywordList {
		return slices.ContainsFunc(c.Values, func(w model.AttributeValue) bool {
			_, found := slices.BinarySearch(v.List, w.Text)
			return found
		})
	}
	switch c.Op {
	case StartsWith:
		return strings.HasPrefix(v.Text, c.Values[0].Text)
	case Contains:
		has := model.Words(v.Text)
		for _, w := range model.Words(c.Values[0].Text) {
			if _, found := slices.BinarySearch(has, w); !found {
				return false
			}
		}
		return true
	case In, Equal:
		return slices.ContainsFunc(c.Values, func(w model.AttributeValue) bool { return v.Compare(w) == 0 })
	}
	n := v.Compare(c.Values[0])
	switch c.Op {
	case Less:
		return n < 0
	case LessEqual:
		return n <= 0
	case Greater:
		return n > 0
	default:
		return n >= 0
	}
}
