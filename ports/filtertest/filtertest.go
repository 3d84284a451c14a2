// Package filtertest makes random filters and random search attributes, for the property tests of what reads, evaluates or translates filters.
package filtertest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
)

// Declared are the search attributes that random filters use, two of some types.
var Declared = map[string]model.AttributeType{
	"vip": model.AttributeBool, "amount": model.AttributeInt, "lines": model.AttributeInt, "weight": model.AttributeFloat, "due": model.AttributeDatetime,
	"customer": model.AttributeKeyword, "region": model.AttributeKeyword, "tags": model.AttributeKeywordList, "note": model.AttributeText,
}

// Schema is the schema of Declared.
var Schema = filter.NewSchema(Declared)

// Epoch is the moment around which random moments lie.
var Epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var (
	keywords = []string{"", "a", "ab", "b", "it's", "zz\x00", "日本", "2026-03-01"}
	texts    = []string{"!", "late", "late delivery", "Delivery, twice", "on time", "日本 語"}
	fields   = []filter.Field{filter.WorkflowID, filter.RunID, filter.WorkflowType, filter.Status, filter.Blocked, filter.Paused, filter.Package, filter.TaskQueue, filter.StartedAt, filter.ClosedAt}
)

// WorkflowIDs, RunIDs, Types, Packages and Queues are the values that random filters look for in the fields of every run.
var (
	WorkflowIDs = []string{"w-0", "w-1", "w-2", "w-3"}
	RunIDs      = []string{"r-00", "r-01", "r-07", "r-12"}
	Types       = []string{"Order", "Refund", "Rare"}
	Packages    = []string{"native", "p1"}
	Queues      = []string{"default", "slow"}
	Blocks      = []string{"fuel", "nondeterminism"}
)

// Value draws a value for a field of type t; single says that it is one of a condition: of a keyword list one keyword, a text with words.
func Value(t model.AttributeType, single bool) *rapid.Generator[model.AttributeValue] {
	return rapid.Custom(func(r *rapid.T) model.AttributeValue {
		switch t {
		case model.AttributeBool:
			return model.BoolValue(rapid.Bool().Draw(r, "bool"))
		case model.AttributeInt:
			return model.IntValue(rapid.SampledFrom([]int64{-1 << 63, -300, -1, 0, 1, 2, 255, 256, 1<<63 - 1}).Draw(r, "int"))
		case model.AttributeFloat:
			return model.FloatValue(rapid.SampledFrom([]float64{-1e300, -2.5, -1, 0, 1e-9, 1, 2.5, 1e300}).Draw(r, "float"))
		case model.AttributeDatetime:
			return model.TimeValue(Epoch.Add(time.Duration(rapid.IntRange(-5, 25).Draw(r, "minutes")) * time.Minute))
		case model.AttributeText:
			from := texts
			if single {
				from = texts[1:] // a condition needs a word
			}
			return model.TextValue(rapid.SampledFrom(from).Draw(r, "text"))
		case model.AttributeKeywordList:
			if !single {
				return model.ListValue(rapid.SliceOfN(rapid.SampledFrom(keywords), 1, 4).Draw(r, "list")...)
			}
		}
		return model.KeywordValue(rapid.SampledFrom(keywords).Draw(r, "keyword"))
	})
}

// Field draws a field, of every run or declared.
func Field() *rapid.Generator[filter.Field] {
	all := slices.Clone(fields)
	for _, n := range []string{"vip", "amount", "lines", "weight", "due", "customer", "region", "tags", "note"} {
		all = append(all, filter.Field{Name: n, Type: Declared[n], Declared: true})
	}
	return rapid.SampledFrom(all)
}

func valueOf(f filter.Field) *rapid.Generator[model.AttributeValue] {
	from := func(ss []string) *rapid.Generator[model.AttributeValue] {
		return rapid.Map(rapid.SampledFrom(ss), model.KeywordValue)
	}
	switch f {
	case filter.WorkflowID:
		return from(WorkflowIDs)
	case filter.RunID:
		return from(RunIDs)
	case filter.WorkflowType:
		return from(Types)
	case filter.Status:
		return from(filter.Statuses())
	case filter.Blocked:
		return from(Blocks)
	case filter.Package:
		return from(Packages)
	case filter.TaskQueue:
		return from(Queues)
	}
	return Value(f.Type, true)
}

var operations = map[model.AttributeType][]filter.Op{
	model.AttributeBool:        {filter.Equal, filter.In, filter.IsNull},
	model.AttributeInt:         {filter.Equal, filter.Less, filter.LessEqual, filter.Greater, filter.GreaterEqual, filter.In, filter.IsNull},
	model.AttributeFloat:       {filter.Equal, filter.Less, filter.LessEqual, filter.Greater, filter.GreaterEqual, filter.In, filter.IsNull},
	model.AttributeDatetime:    {filter.Equal, filter.Less, filter.LessEqual, filter.Greater, filter.GreaterEqual, filter.In, filter.IsNull},
	model.AttributeKeyword:     {filter.Equal, filter.Equal, filter.Less, filter.GreaterEqual, filter.In, filter.StartsWith, filter.IsNull},
	model.AttributeKeywordList: {filter.Equal, filter.In, filter.IsNull},
	model.AttributeText:        {filter.Contains, filter.Contains, filter.IsNull},
}

// Expr draws an expression of at most so many levels.
func Expr(depth int) *rapid.Generator[filter.Expr] {
	return rapid.Custom(func(r *rapid.T) filter.Expr {
		kind := 0
		if depth > 0 {
			kind = rapid.IntRange(0, 6).Draw(r, "kind")
		}
		switch kind {
		case 4:
			return filter.Not{Of: Expr(depth-1).Draw(r, "part")}
		case 5:
			return filter.Or(rapid.SliceOfN(Expr(depth-1), 2, 3).Draw(r, "parts"))
		case 2, 3, 6:
			return filter.And(rapid.SliceOfN(Expr(depth-1), 2, 3).Draw(r, "parts"))
		}
		f := Field().Draw(r, "field")
		c := &filter.Condition{Field: f, Op: rapid.SampledFrom(operations[f.Type]).Draw(r, "op")}
		n := 1
		switch c.Op {
		case filter.IsNull:
			return c
		case filter.In:
			n = rapid.IntRange(1, 3).Draw(r, "n")
		}
		for range n {
			value := valueOf(f)
			if f.Type == model.AttributeText {
				value = value.Filter(func(v model.AttributeValue) bool { return len(model.Words(v.Text)) > 0 }) // others are refused
			}
			c.Values = append(c.Values, value.Draw(r, "value"))
		}
		return c
	})
}

// Query draws a filter with an order.
func Query() *rapid.Generator[*filter.Query] {
	return rapid.Custom(func(r *rapid.T) *filter.Query {
		q := &filter.Query{Order: filter.Newest}
		if rapid.IntRange(0, 9).Draw(r, "where") > 0 {
			q.Where = Expr(2).Draw(r, "expr")
		}
		if rapid.Bool().Draw(r, "ordered") {
			name := rapid.SampledFrom([]string{"", "vip", "amount", "weight", "due", "customer"}).Draw(r, "order")
			q.Order.Desc = rapid.Bool().Draw(r, "desc")
			if name != "" {
				q.Order.Field = filter.Field{Name: name, Type: Declared[name], Declared: true}
			}
		}
		return q
	})
}

// Attributes draws the search attributes of a run.
func Attributes() *rapid.Generator[model.Attributes] {
	return rapid.Custom(func(r *rapid.T) (out model.Attributes) {
		for _, n := range []string{"amount", "customer", "due", "lines", "note", "region", "tags", "vip", "weight"} {
			if rapid.IntRange(0, 2).Draw(r, n) > 0 {
				out = out.Set(n, Value(Declared[n], false).Draw(r, n))
			}
		}
		return out
	})
}
