package engine

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// blockedAttribute is what blocks a run whose code sets a search attribute that its namespace does not declare, or declares otherwise.
// Whether it does is no part of the code's history, so that it must not be a decision of the code: the run waits until it is declared.
const blockedAttribute = "search_attribute"

// attributes reads the search attributes of a call by what the namespace declares. Errors: InvalidInput.
func (e *Engine) attributes(ns model.Namespace, given map[string]model.Payload) (model.Attributes, error) {
	if len(given) == 0 {
		return nil, nil
	}
	if len(given) > model.MaxAttributes {
		return nil, fault.Invalidf("%d search attributes were given; at most %d are allowed", len(given), model.MaxAttributes)
	}
	declared := e.ns.Attributes(ns)
	var out model.Attributes
	for _, name := range slices.Sorted(maps.Keys(given)) {
		t, ok := declared[name]
		if !ok {
			return nil, undeclared(ns, name, declared)
		}
		v, err := model.ParseAttribute(name, t, given[name])
		if err != nil {
			return nil, err
		}
		out = append(out, model.Attribute{Name: name, Value: v})
	}
	return out, nil
}

func undeclared(ns model.Namespace, name string, declared map[string]model.AttributeType) error {
	names := slices.Sorted(maps.Keys(declared))
	slices.SortStableFunc(names, func(a, b string) int { return distance(a, name) - distance(b, name) })
	known := "it declares none"
	if len(names) > 0 {
		known = "it declares " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return fault.Invalidf("namespace %q does not declare the search attribute %q; %s", ns, name, known).With("attribute", name).
		Hinted("aion namespace update %s --attribute %s=TYPE declares it", ns, name)
}

// beginAttributes gives the run that the step begins its search attributes, which were checked at the door: declarations only grow.
func (s *step) beginAttributes(given map[string]model.Payload) {
	as, err := s.c.e.attributes(s.c.key.Namespace, given)
	if err != nil {
		s.err = err
		return
	}
	for _, a := range as {
		s.setAttribute(a.Name, a.Value)
	}
}

// setAttribute changes a search attribute of the current run: its row, and its index entries where the value is another one.
func (s *step) setAttribute(name string, v model.AttributeValue) {
	c := s.c
	if c.run.Attributes.Get(name).Equal(v) {
		return
	}
	c.run.Attributes = c.run.Attributes.Set(name, v)
	for i := range s.append_.Attributes {
		if a := &s.append_.Attributes[i]; a.Run == c.run.ID && a.Name == name {
			a.Value = v
			return
		}
	}
	s.append_.Attributes = append(s.append_.Attributes, ports.AttributeRow{Run: c.run.ID, Name: name, Value: v})
}

// upsert follows search attributes that the code sets. false: it cannot be, and the run is to be blocked.
func (s *step) upsert(u *history.SearchAttributesUpserted) bool {
	c := s.c
	as, err := c.e.attributes(c.key.Namespace, u.Attributes)
	if err == nil {
		next := c.run.Attributes
		for _, a := range as {
			next = next.Set(a.Name, a.Value)
		}
		if n := len(next); n > model.MaxAttributes {
			err = fault.Invalidf("the run has %d search attributes; at most %d are allowed", n, model.MaxAttributes)
		}
	}
	if err != nil {
		s.rollback = &history.Blocked{What: blockedAttribute, Message: err.Error()}
		return false
	}
	before := len(s.append_.Attributes)
	for _, a := range as {
		s.setAttribute(a.Name, a.Value)
	}
	if len(s.append_.Attributes) > before {
		s.writeRun()
	}
	return true
}

// unblockAttributes tries the runs of a namespace that a search attribute blocked, with the code that they have.
func (e *Engine) unblockAttributes(ctx context.Context, ns model.Namespace) (unblocked int, err error) {
	q := ports.ListQuery{Namespace: ns, Blocked: true, Status: model.StatusRunning, Limit: unblockPage}
	for {
		page, err := e.store.List(ctx, q)
		if err != nil {
			return unblocked, err
		}
		for _, run := range page {
			if run.Blocked != blockedAttribute {
				continue
			}
			in := &repinInput{answer: newAnswer[repinned](), blocked: true, reason: "search attributes were declared",
				req: ports.RepinRequest{Ref: ports.WorkflowRef{Namespace: ns, WorkflowID: run.Key.WorkflowID, Run: run.ID}, Package: run.Package}}
			e.submit(run.Key, in)
			if res, err := wait(ctx, in.answer); err == nil && res.repinned {
				unblocked++
			} else if ctx.Err() != nil {
				return unblocked, err
			}
		}
		if len(page) < q.Limit {
			return unblocked, nil
		}
		last := page[len(page)-1]
		q.After = &ports.ListCursor{StartedAt: last.StartedAt, Run: last.ID}
	}
}
