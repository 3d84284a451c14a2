package filter

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Parse reads a filter. now is what now() means everywhere in it. An empty filter means every run, the latest start first.
// Errors: InvalidInput, whose message names the column, what is there and what is allowed (metadata "column").
func Parse(src string, schema Schema, now time.Time) (*Query, error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{src: src, tokens: tokens, schema: schema, now: now}
	q := &Query{Order: Newest}
	if t := p.peek(); t.kind != tokEnd && !(t.is("order") && p.tokens[p.at+1].is("by")) {
		q.Where = p.or(0)
	}
	if p.err == nil && p.take("order") {
		q.Order = p.order()
	}
	if t := p.peek(); p.err == nil && t.kind != tokEnd {
		p.fail(t, "%v is not expected here: 'and', 'or', 'order by' or the end may follow", t)
	}
	if p.err != nil {
		return nil, p.err
	}
	return q, nil
}

type parser struct {
	src    string
	tokens []token
	at     int
	schema Schema
	now    time.Time
	count  int // conditions
	err    error
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

// take goes on when the next token is the word or symbol s.
func (p *parser) take(s string) bool {
	if t := p.peek(); t.is(s) || t.kind == tokSymbol && t.text == s {
		p.at++
		return true
	}
	return false
}

func (p *parser) fail(t token, format string, args ...any) {
	if p.err == nil {
		p.err = failAt(p.src, t.at, format, args...)
	}
}

func (p *parser) expect(s, what string) bool {
	if p.err == nil && !p.take(s) {
		p.fail(p.peek(), "%s must follow, not %v", what, p.peek())
	}
	return p.err == nil
}

func (p *parser) or(depth int) Expr {
	parts := []Expr{p.and(depth)}
	for p.err == nil && p.take("or") {
		parts = append(parts, p.and(depth))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return Or(parts)
}

func (p *parser) and(depth int) Expr {
	parts := []Expr{p.unary(depth)}
	for p.err == nil && p.take("and") {
		parts = append(parts, p.unary(depth))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return And(parts)
}

func (p *parser) unary(depth int) Expr {
	t := p.peek()
	if depth > MaxDepth {
		p.fail(t, "parentheses and 'not' are nested deeper than %d", MaxDepth)
	}
	switch {
	case p.err != nil:
		return nil
	case p.take("not"):
		return Not{p.unary(depth + 1)}
	case p.take("("):
		e := p.or(depth + 1)
		p.expect(")", "')' or 'and' or 'or'")
		return e
	}
	return p.condition()
}

// field reads a name that must be a field.
func (p *parser) field() (Field, token) {
	t := p.next()
	if t.kind != tokName {
		p.fail(t, "a field must stand here, not %v: %s", t, strings.Join(p.schema.names(), ", "))
		return Field{}, t
	}
	f, ok := p.schema.field(t.text)
	if !ok {
		names := p.schema.names()
		near := ""
		if best := slices.MinFunc(names, func(a, b string) int { return distance(a, t.text) - distance(b, t.text) }); distance(best, t.text) <= 1+len(best)/3 {
			near = "did you mean " + best + "? "
		}
		p.fail(t, "there is no field %q; %sfields are: %s", clip(t.text), near, strings.Join(names, ", "))
	}
	return f, t
}

var allowed = map[model.AttributeType][]Op{
	model.AttributeBool:        {Equal, In, IsNull},
	model.AttributeInt:         {Equal, Less, LessEqual, Greater, GreaterEqual, In, IsNull},
	model.AttributeFloat:       {Equal, Less, LessEqual, Greater, GreaterEqual, In, IsNull},
	model.AttributeDatetime:    {Equal, Less, LessEqual, Greater, GreaterEqual, In, IsNull},
	model.AttributeKeyword:     {Equal, Less, LessEqual, Greater, GreaterEqual, In, StartsWith, IsNull},
	model.AttributeKeywordList: {Equal, In, IsNull},
	model.AttributeText:        {Contains, IsNull},
}

func (p *parser) condition() Expr {
	f, at := p.field()
	if p.count++; p.count > MaxConditions {
		p.fail(at, "the filter has more than %d conditions", MaxConditions)
	}
	if p.err != nil {
		return nil
	}
	t := p.peek()
	negated := false
	c := &Condition{Field: f}
	switch {
	case p.take("="):
		c.Op = Equal
	case p.take("!="):
		c.Op, negated = Equal, true
	case p.take("<"):
		c.Op = Less
	case p.take("<="):
		c.Op = LessEqual
	case p.take(">"):
		c.Op = Greater
	case p.take(">="):
		c.Op = GreaterEqual
	case p.take("is"):
		negated = p.take("not")
		c.Op = IsNull
		p.expect("null", "'null' or 'not null'")
	default:
		negated = p.take("not")
		switch {
		case p.take("in"):
			c.Op = In
		case p.take("starts_with"):
			c.Op = StartsWith
		case p.take("contains"):
			c.Op = Contains
		default:
			p.fail(p.peek(), "after %s must follow %s, not %v", f.Name, operations(f.Type), p.peek())
			return nil
		}
	}
	if !slices.Contains(allowed[f.Type], c.Op) {
		p.fail(t, "%s is a %v, for which there is no %q; it knows %s", f.Name, f.Type, c.Op, operations(f.Type))
	}
	switch c.Op {
	case IsNull:
	case In:
		p.list(c)
	default:
		c.Values = []model.AttributeValue{p.value(f)}
	}
	if negated {
		return Not{c}
	}
	return c
}

// operations names what a type knows.
func operations(t model.AttributeType) string {
	var out []string
	for _, o := range allowed[t] {
		out = append(out, o.String())
		if o == Equal {
			out = append(out, "!=")
		}
	}
	return strings.Join(out, ", ")
}

func (p *parser) list(c *Condition) {
	if !p.expect("(", "'(' and the values") {
		return
	}
	for p.err == nil {
		if c.Values = append(c.Values, p.value(c.Field)); len(c.Values) > MaxValues {
			p.fail(p.peek(), "the list has more than %d values", MaxValues)
		}
		if !p.take(",") {
			break
		}
	}
	p.expect(")", "',' or ')'")
}

// value reads a value for field f.
func (p *parser) value(f Field) (v model.AttributeValue) {
	if p.err != nil {
		return v
	}
	t := p.next()
	switch f.Type {
	case model.AttributeBool:
		if t.is("true") || t.is("false") {
			return model.BoolValue(t.is("true"))
		}
		p.fail(t, "%s is a bool: true or false must stand here, not %v", f.Name, t)
	case model.AttributeInt, model.AttributeFloat:
		return p.number(f, t)
	case model.AttributeDatetime:
		return p.moment(f, t)
	default:
		if t.kind != tokText {
			p.fail(t, "%s is a %v: a text in single quotes must stand here, not %v", f.Name, f.Type, t)
		}
		if f == Status && !slices.Contains(Statuses(), t.text) {
			p.fail(t, "there is no status %v; statuses are: %s", t, strings.Join(Statuses(), ", "))
		}
		if f.Type == model.AttributeText {
			if len(model.Words(t.text)) == 0 {
				p.fail(t, "%v has no word to look for", t)
			}
			return model.TextValue(t.text)
		}
		return model.KeywordValue(t.text)
	}
	return v
}

func (p *parser) number(f Field, t token) (v model.AttributeValue) {
	first, sign := t, ""
	if t.kind == tokSymbol && (t.text == "-" || t.text == "+") {
		sign, t = strings.TrimPrefix(t.text, "+"), p.next()
	}
	if t.kind != tokNumber {
		p.fail(first, "%s is a %v: a number must stand here, not %v", f.Name, f.Type, t)
		return v
	}
	if f.Type == model.AttributeInt {
		n, err := strconv.ParseInt(sign+t.text, 10, 64)
		if err != nil {
			p.fail(first, "%s is an int, and %s%s is not a whole number of 64 bits", f.Name, sign, clip(t.text))
		}
		return model.IntValue(n)
	}
	x, err := strconv.ParseFloat(sign+t.text, 64)
	if err != nil || math.IsInf(x, 0) {
		p.fail(first, "%s is a float, and %s%s is not a number that it can hold", f.Name, sign, clip(t.text))
		return v
	}
	return model.FloatValue(x)
}

func (p *parser) moment(f Field, t token) (v model.AttributeValue) {
	switch {
	case t.kind == tokText:
		for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
			if at, err := time.Parse(form, t.text); err == nil {
				return model.TimeValue(at)
			}
		}
		p.fail(t, "%v is not a moment: write '2026-01-31T15:04:05Z', '2026-01-31' (midnight UTC) or now() - 1h", t)
		return v
	case !t.is("now"):
		p.fail(t, "%s is a datetime: a text like '2026-01-31T15:04:05Z' or now() must stand here, not %v", f.Name, t)
		return v
	}
	if !p.expect("(", "'()'") || !p.expect(")", "')'") {
		return v
	}
	at := p.now
	for {
		minus := p.take("-")
		if !minus && !p.take("+") {
			return model.TimeValue(at)
		}
		d := p.next()
		if d.kind != tokDuration {
			p.fail(d, "a duration like 90s, 1h30m, 7d or 2w must stand here, not %v", d)
			return v
		}
		if minus {
			d.span = -d.span
		}
		at = at.Add(d.span)
	}
}

func (p *parser) order() Order {
	if !p.expect("by", "'by'") {
		return Order{}
	}
	f, t := p.field()
	if p.err != nil {
		return Order{}
	}
	if f != StartedAt && !(f.Declared && f.Type != model.AttributeKeywordList && f.Type != model.AttributeText) {
		p.fail(t, "lists cannot be ordered by %s: use started_at, or a search attribute that is neither a keyword_list nor a text", f.Name)
	}
	o := Order{Field: f}
	if p.take("desc") {
		o.Desc = true
	} else {
		p.take("asc")
	}
	return o
}

// distance is the edit distance of two names, ignoring case.
func distance(a, b string) int {
	a, b = lower(a), lower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
