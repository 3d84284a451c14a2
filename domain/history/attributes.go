package history

import (
	"maps"
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/model"
)

// SearchAttributesUpserted sets search attributes of the run, as the code gave them; a payload without data removes one.
type SearchAttributesUpserted struct{ Attributes map[string]model.Payload }

// Kind is KindSearchAttributes.
func (*SearchAttributesUpserted) Kind() Kind { return KindSearchAttributes }

func (a *SearchAttributesUpserted) walk(c *coder) { c.payloads(1, &a.Attributes) }

// check refuses what no namespace could have declared.
func (a *SearchAttributesUpserted) check() error {
	if n := len(a.Attributes); n == 0 || n > model.MaxAttributes {
		return refuse("the code set %d search attributes at once; 1 to %d are allowed", n, model.MaxAttributes)
	}
	for name := range a.Attributes {
		if err := model.ValidateAttributeName(name); err != nil {
			return refuse("%v", err)
		}
	}
	return nil
}

func (a *SearchAttributesUpserted) describe() string {
	var b strings.Builder
	b.WriteString("search attributes")
	for i, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		if i > 0 {
			b.WriteByte(',')
		}
		p := a.Attributes[name]
		if len(p.Data) == 0 {
			b.WriteString(" " + name + " removed")
			continue
		}
		b.WriteString(" " + name + " = " + clip(p))
	}
	return b.String()
}

// payloads walks a map of payloads, in order of key.
func (c *coder) payloads(n int, p *map[string]model.Payload) {
	if c.enc {
		for _, k := range slices.Sorted(maps.Keys(*p)) {
			v := (*p)[k]
			at := c.open(n)
			str(c, 1, &k)
			c.payload(2, &v)
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		var k string
		var v model.Payload
		c.sub(func(s *coder) { str(s, 1, &k); s.payload(2, &v) })
		if *p == nil {
			*p = map[string]model.Payload{}
		}
		(*p)[k] = v
	}
}
