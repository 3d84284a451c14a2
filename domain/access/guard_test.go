package access_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/access"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

// heard collects what the audit hears.
type heard struct{ records []ports.AuditRecord }

func (h *heard) Record(_ context.Context, r ports.AuditRecord) { h.records = append(h.records, r) }

func as(grants ...string) context.Context {
	p := ports.Principal{Subject: "ada", Peer: "10.0.0.1:5"}
	for _, g := range grants {
		ns, role, _ := strings.Cut(g, "=")
		grant, err := ports.ParseGrant(ns, role)
		if err != nil {
			panic(err)
		}
		p.Grants = append(p.Grants, grant)
	}
	return ports.WithPrincipal(context.Background(), p)
}

func wantReason(t *testing.T, err error, r fault.Reason) {
	t.Helper()
	if fault.ReasonOf(err) != r {
		t.Fatalf("got %v, want %s", err, r)
	}
}

// call calls a method of the service with zero arguments, in the namespace that is named where one can be.
func call(t *testing.T, s ports.Service, method string, ctx context.Context, ns model.Namespace) error {
	t.Helper()
	m := reflect.ValueOf(s).MethodByName(method)
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < m.Type().NumIn(); i++ {
		v := reflect.New(m.Type().In(i)).Elem()
		set(v, ns)
		in = append(in, v)
	}
	out := m.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// set puts ns wherever a request has a namespace.
func set(v reflect.Value, ns model.Namespace) {
	switch {
	case v.Type() == reflect.TypeFor[model.Namespace]():
		v.Set(reflect.ValueOf(ns))
	case v.Type() == reflect.TypeFor[[]model.Namespace]():
		v.Set(reflect.ValueOf([]model.Namespace{ns}))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				set(v.Field(i), ns)
			}
		}
	}
}

var errReached = errors.New("the service was reached")

func service() *transporttest.Service {
	return &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) { return nil, errReached }}
}

// [SEC-1] Every method of the service has a row in the table, and is let through for exactly the roles of its row.
func TestEveryMethodIsGuarded(t *testing.T) {
	methods := reflect.TypeFor[ports.Service]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		t.Run(name, func(t *testing.T) {
			n, ok := access.Needs[name]
			if !ok || len(n.Roles) == 0 {
				t.Fatal("has no row in access.Needs")
			}
			g := access.New(service(), access.Options{})
			wantReason(t, call(t, g, name, context.Background(), "shop"), fault.Unauthenticated)
			if n.Filtered {
				return // see TestFilteredLists
			}
			for _, role := range ports.Roles() {
				permitted := slices.ContainsFunc(n.Roles, role.Includes)
				// A grant for the namespace.
				err := call(t, g, name, as("shop="+role.String()), "shop")
				switch {
				case permitted && !n.Server:
					if !errors.Is(err, errReached) {
						t.Errorf("%s in its namespace: %v", role, err)
					}
				default:
					wantReason(t, err, fault.PermissionDenied)
				}
				// A grant for another namespace: there is nothing.
				err = call(t, g, name, as("bank="+role.String()), "shop")
				if n.Server {
					wantReason(t, err, fault.PermissionDenied)
				} else {
					wantReason(t, err, fault.NotFound)
				}
				// A grant for everything.
				if err = call(t, g, name, as("*="+role.String()), "shop"); permitted != errors.Is(err, errReached) {
					t.Errorf("%s everywhere: %v", role, err)
				}
			}
		})
	}
	if got, want := len(access.Needs), methods.NumMethod()+1; got != want { // AuditAll
		t.Errorf("the table has %d rows for %d methods", got, want)
	}
}

// [SEC-2] A namespace that a caller does not see gets the same answer whether it exists or not: the service is not even asked.
func TestForeignIsMissing(t *testing.T) {
	s := service()
	g := access.New(s, access.Options{})
	for name, n := range access.Needs {
		if n.Server || n.Filtered {
			continue
		}
		one := call(t, g, name, as("shop-*=admin"), "bank")
		if want := `namespace "bank" does not exist`; one == nil || !strings.Contains(one.Error(), want) || !fault.Has(one, fault.NotFound) {
			t.Errorf("%s: %v", name, one)
		}
	}
	if len(s.Calls()) > 0 {
		t.Errorf("the service was asked: %v", s.Calls())
	}
}

// [SEC-2] A list over all namespaces holds those that the caller may read, and nothing of the others.
func TestFilteredLists(t *testing.T) {
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		return []ports.NamespaceRecord{{Name: "bank"}, {Name: "shop-eu"}, {Name: "shop-us"}}, nil
	}}
	g := access.New(s, access.Options{})
	for grant, want := range map[string]int{"shop-*=reader": 2, "shop-us=admin": 1, "*=reader": 3, "shop-*=worker": 0, "other=admin": 0} {
		if all, err := g.ListNamespaces(as(grant)); err != nil || len(all) != want {
			t.Errorf("%s: %v, %v", grant, all, err)
		}
	}
	_, err := g.ListNamespaces(as())
	wantReason(t, err, fault.NotFound)
}

// The audit of everything is for those who are admins of everything.
func TestAuditOfAll(t *testing.T) {
	g := access.New(service(), access.Options{})
	if _, err := g.Audit(as("*=admin"), ports.AuditQuery{}); !errors.Is(err, errReached) {
		t.Error(err)
	}
	_, err := g.Audit(as("default=admin", "*=operator"), ports.AuditQuery{})
	wantReason(t, err, fault.PermissionDenied)
}

// A call that names no namespace is one in the default namespace, for which there must be a grant.
func TestDefaultNamespace(t *testing.T) {
	g := access.New(service(), access.Options{Default: "main"})
	if err := call(t, g, "Describe", as("main=reader"), ""); !errors.Is(err, errReached) {
		t.Errorf("with a grant: %v", err)
	}
	err := call(t, g, "Describe", as("default=reader"), "")
	wantReason(t, err, fault.NotFound)
	// The same words as when it is named: nobody learns what the default is called from an error that differs.
	if named := call(t, g, "Describe", as("default=reader"), "main"); named.Error() != err.Error() {
		t.Errorf("%q and %q", named, err)
	}
}

// Ending an open run takes the role for that, also where a start does it.
func TestStartThatTerminates(t *testing.T) {
	g := access.New(service(), access.Options{})
	r := ports.StartRequest{Namespace: "shop", Conflict: ports.ConflictTerminateExisting}
	_, err := g.Start(as("shop=starter"), r)
	wantReason(t, err, fault.PermissionDenied)
	if _, err = g.Start(as("shop=operator"), r); !errors.Is(err, errReached) {
		t.Error(err)
	}
	_, err = g.SignalWithStart(as("shop=starter"), ports.SignalStartRequest{Start: r})
	wantReason(t, err, fault.PermissionDenied)
	_, err = g.UpdateWithStart(as("shop=starter"), ports.UpdateStartRequest{Start: r})
	wantReason(t, err, fault.PermissionDenied)
}

// What workflow types there are is told only to those who may list them.
func TestNoRouteTellsNothing(t *testing.T) {
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		return nil, fault.New(fault.NoRoute, "no package has workflow type x; known types: Payroll").With("known_types", "Payroll")
	}}
	g := access.New(s, access.Options{})
	_, err := g.Start(as("shop=starter"), ports.StartRequest{Namespace: "shop", Type: "x"})
	var f *fault.Error
	if !errors.As(err, &f) || f.Reason != fault.NoRoute || strings.Contains(err.Error(), "Payroll") || len(f.Metadata) > 0 {
		t.Errorf("got %v", err)
	}
	if _, err = g.Start(as("shop=starter", "*=reader"), ports.StartRequest{Namespace: "shop", Type: "x"}); !strings.Contains(err.Error(), "Payroll") {
		t.Errorf("got %v", err)
	}
}

// A worker needs the role in each of its namespaces, and keeps it.
func TestWorkers(t *testing.T) {
	s := &transporttest.Service{Reply: func(_ context.Context, c transporttest.Call) (any, error) {
		switch c.Method {
		case "Register":
			return transporttest.NewSession(ports.WorkerInfo{}), nil
		case "Workers":
			return []ports.WorkerStatus{
				{ID: "a", Registered: ports.WorkerRegistration{Namespaces: []model.Namespace{"bank", "shop"}}},
				{ID: "b", Registered: ports.WorkerRegistration{Namespaces: []model.Namespace{"bank"}}},
			}, nil
		}
		return []ports.QueueStatus{{Namespace: "bank", Name: "q"}, {Namespace: "shop", Name: "q"}}, nil
	}}
	g := access.New(s, access.Options{})
	_, err := g.Register(as("shop=worker"), ports.WorkerRegistration{Namespaces: []model.Namespace{"shop", "bank"}})
	wantReason(t, err, fault.NotFound)
	_, err = g.Register(as("shop=worker", "bank=reader"), ports.WorkerRegistration{Namespaces: []model.Namespace{"shop", "bank"}})
	wantReason(t, err, fault.PermissionDenied)
	w, err := g.Register(as("shop=worker"), ports.WorkerRegistration{Namespaces: []model.Namespace{"shop"}})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := ports.PrincipalFrom(as("shop=worker", "bank=worker"))
	if err := w.(ports.Renewer).Renew(p); err != nil {
		t.Errorf("renewed: %v", err)
	}
	p, _ = ports.PrincipalFrom(as("bank=worker"))
	wantReason(t, w.(ports.Renewer).Renew(p), fault.NotFound)

	ws, err := g.Workers(as("shop=reader"), "")
	if err != nil || len(ws) != 1 || !slices.Equal(ws[0].Registered.Namespaces, []model.Namespace{"shop"}) {
		t.Errorf("workers: %+v, %v", ws, err)
	}
	qs, err := g.TaskQueues(as("shop=reader"), "")
	if err != nil || len(qs) != 1 || qs[0].Namespace != "shop" {
		t.Errorf("queues: %+v, %v", qs, err)
	}
	if qs, err = g.TaskQueues(as("shop=worker"), ""); err != nil || len(qs) > 0 {
		t.Errorf("queues for one who may not read: %+v, %v", qs, err)
	}
}

// [SEC-5] Every change and every refusal is told to the audit, and nothing else.
func TestAudit(t *testing.T) {
	for name, n := range access.Needs {
		if name == "AuditAll" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h := &heard{}
			g := access.New(service(), access.Options{Audit: h})
			_ = call(t, g, name, as("*=admin"), "shop")
			if len(h.records) > 0 != n.Change {
				t.Fatalf("a call that is let through: %+v", h.records)
			}
			for _, r := range h.records {
				if r.Subject != "ada" || r.Peer != "10.0.0.1:5" || r.Action != name || r.Denied || r.Outcome != "internal" || (r.Namespace != "shop") != n.Server {
					t.Errorf("recorded %+v", r)
				}
			}
			h.records = nil
			if n.Filtered {
				return
			}
			err := call(t, g, name, as("bank=starter"), "shop")
			if len(h.records) != 1 || !h.records[0].Denied || h.records[0].Outcome != fault.ReasonOf(err).String() {
				t.Errorf("a call that is refused: %+v", h.records)
			}
		})
	}
	h := &heard{}
	g := access.New(&transporttest.Service{}, access.Options{Audit: h})
	if _, err := g.Cancel(as("shop=starter"), ports.EndRequest{Ref: ports.WorkflowRef{Namespace: "shop", WorkflowID: "w"}, RequestID: "r"}); err != nil {
		t.Fatal(err)
	}
	if r := h.records[0]; r.Outcome != "ok" || r.Object != "w" || r.RequestID != "r" {
		t.Errorf("recorded %+v", r)
	}
}
