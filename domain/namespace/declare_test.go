package namespace_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/namespace"
	"github.com/aionrun/aion/ports"
)

type clock struct{}

func (clock) Now() time.Time                              { return time.Unix(1_800_000_000, 0).UTC() }
func (clock) AfterFunc(time.Duration, func()) ports.Timer { panic("no timers here") }

func resolver(t *testing.T, st ports.Store, o namespace.Options) *namespace.Resolver {
	t.Helper()
	r := namespace.New(st, clock{}, o)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// [NS-1] What a namespace declares is checked, kept, and only ever grows; a change meant for another version is refused.
func TestDeclare(t *testing.T) {
	st := memory.New()
	r := resolver(t, st, namespace.Options{})
	ctx := t.Context()
	shop := ports.NamespaceRecord{Name: "shop", Attributes: map[string]model.AttributeType{"customer": model.AttributeKeyword}}
	made, err := r.Create(ctx, shop)
	if err != nil || made.Version != 1 || made.Retention != 720*time.Hour {
		t.Fatalf("%+v, %v", made, err)
	}
	if again, err := r.Create(ctx, shop); err != nil || again.Version != 1 {
		t.Fatalf("the same again gives %+v, %v", again, err)
	}
	if _, err := r.Create(ctx, ports.NamespaceRecord{Name: "shop"}); !fault.Has(err, fault.AlreadyExists) {
		t.Fatalf("another shop gives %v", err)
	}
	many := map[string]model.AttributeType{}
	for i := range model.MaxDeclared {
		many[fmt.Sprint("a", i)] = model.AttributeInt
	}
	for name, bad := range map[string]ports.NamespaceUpdate{
		"type changed":     {Attributes: map[string]model.AttributeType{"customer": model.AttributeInt}},
		"reserved":         {Attributes: map[string]model.AttributeType{"Workflow_ID": model.AttributeInt}},
		"a word":           {Attributes: map[string]model.AttributeType{"and": model.AttributeInt}},
		"no name":          {Attributes: map[string]model.AttributeType{"": model.AttributeInt}},
		"strange name":     {Attributes: map[string]model.AttributeType{"a-b": model.AttributeInt}},
		"no type":          {Attributes: map[string]model.AttributeType{"b": 0}},
		"too many":         {Attributes: many},
		"long description": {Description: ptr(strings.Repeat("x", 5000))},
		"negative":         {Retention: ptr(-time.Hour)},
	} {
		bad.Name = "shop"
		if _, err := r.Update(ctx, bad); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	n, err := r.Update(ctx, ports.NamespaceUpdate{Name: "shop", Version: 1, Description: ptr("orders"), Attributes: map[string]model.AttributeType{"amount": model.AttributeInt}})
	if err != nil || n.Version != 2 || len(n.Attributes) != 2 || len(made.Attributes) != 1 {
		t.Fatalf("%+v, %v; before %+v", n, err, made)
	}
	if _, err := r.Update(ctx, ports.NamespaceUpdate{Name: "shop", Version: 1, Description: ptr("late")}); !fault.Has(err, fault.Conflict) {
		t.Fatalf("a change of the old version gives %v", err)
	}
	if _, err := r.Update(ctx, ports.NamespaceUpdate{Name: "none"}); !fault.Has(err, fault.NotFound) {
		t.Fatalf("a change of nothing gives %v", err)
	}
	again := resolver(t, st, namespace.Options{})
	if got := again.Attributes("shop"); len(got) != 2 || again.Attributes("default") != nil {
		t.Fatalf("read again: %v", got)
	}
	// Two servers never overwrite one another's change.
	if _, err := again.Deprecate(ctx, "shop", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update(ctx, ports.NamespaceUpdate{Name: "shop", Description: ptr("lost?")}); !fault.Has(err, fault.Conflict) {
		t.Fatalf("a change on an old record gives %v", err)
	}
}

// [NS-2] Nothing starts in a deprecated namespace; what is there can be named.
func TestDeprecate(t *testing.T) {
	r := resolver(t, memory.New(), namespace.Options{AutoCreate: true})
	ctx := t.Context()
	if _, err := r.Resolve(ctx, "shop", true); err != nil {
		t.Fatal(err)
	}
	if err := r.Startable("shop"); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Deprecate(ctx, "shop", 0); err != nil || !n.Deprecated {
		t.Fatalf("%+v, %v", n, err)
	}
	if err := r.Startable("shop"); !fault.Has(err, fault.InvalidInput) {
		t.Fatalf("a start gives %v", err)
	}
	if ns, err := r.Resolve(ctx, "shop", true); ns != "shop" || err != nil {
		t.Fatalf("%v, %v", ns, err)
	}
}

// Where there is a single namespace, no other one is seen or made.
func TestSingle(t *testing.T) {
	st := memory.New()
	if err := st.PutNamespace(context.Background(), ports.NamespaceRecord{Name: "other", Version: 1}); err != nil {
		t.Fatal(err)
	}
	r := resolver(t, st, namespace.Options{Single: true})
	if _, err := r.Get("other"); !fault.Has(err, fault.NotFound) {
		t.Fatal(err)
	}
	if _, err := r.Create(t.Context(), ports.NamespaceRecord{Name: "more"}); !fault.Has(err, fault.InvalidInput) {
		t.Fatal(err)
	}
	if all := r.All(); len(all) != 1 || all[0].Name != "default" {
		t.Fatalf("%+v", all)
	}
}

func ptr[T any](v T) *T { return &v }
