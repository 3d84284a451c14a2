package filter

import (
	"strconv"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// String writes the filter so that Parse reads the same query from it. Moments are written out: now() is gone.
func (q *Query) String() string {
	var b strings.Builder
	if q.Where != nil {
		printExpr(&b, q.Where, 0)
		b.WriteByte(' ')
	}
	b.WriteString("order by " + q.Order.Field.Name)
	if q.Order.Desc {
		b.WriteString(" desc")
	}
	return b.String()
}

// How tightly a part binds: 0 stands anywhere, 1 inside of or, 2 inside of and, 3 after not.
func printExpr(b *strings.Builder, e Expr, binds int) {
	switch e := e.(type) {
	case Or:
		printParts(b, e, " or ", 1, binds > 0)
	case And:
		printParts(b, e, " and ", 2, binds > 1)
	case Not:
		if c, ok := e.Of.(*Condition); ok {
			printCondition(b, c, true)
			return
		}
		b.WriteString("not ")
		printExpr(b, e.Of, 3)
	case *Condition:
		printCondition(b, e, false)
	}
}

func printParts(b *strings.Builder, parts []Expr, between string, binds int, enclosed bool) {
	if enclosed {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, e := range parts {
		if i > 0 {
			b.WriteString(between)
		}
		printExpr(b, e, binds)
	}
}

func printCondition(b *strings.Builder, c *Condition, negated bool) {
	if negated && c.Op >= Less && c.Op <= GreaterEqual {
		b.WriteString("not ") // these have no opposite with a form of its own
		negated = false
	}
	b.WriteString(c.Field.Name + " ")
	switch {
	case c.Op == IsNull && negated:
		b.WriteString("is not null")
	case c.Op == IsNull:
		b.WriteString("is null")
	case c.Op == Equal && negated:
		b.WriteString("!= ")
	case negated:
		b.WriteString("not " + c.Op.String() + " ")
	default:
		b.WriteString(c.Op.String() + " ")
	}
	if c.Op == In {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, v := range c.Values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(printValue(v))
	}
}

func printValue(v model.AttributeValue) string {
	switch v.Type {
	case model.AttributeBool:
		return strconv.FormatBool(v.Int != 0)
	case model.AttributeInt:
		return strconv.FormatInt(v.Int, 10)
	case model.AttributeFloat:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case model.AttributeDatetime:
		return quote(v.Time().Format(time.RFC3339Nano))
	}
	return quote(v.Text)
}
