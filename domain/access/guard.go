package access

import (
	"context"
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/namespace"
	"github.com/aionrun/aion/ports"
)

// Options configure a Guard.
type Options struct {
	Default model.Namespace // of calls that name none; "" = "default"
	Audit   ports.Auditor   // hears of every change and every refusal; nil = nobody
}

// Guard is a service that does for its caller only what the caller's grants permit. A namespace that no grant of the caller's is for does
// not exist for it, whether it is there or not: the answer is the same, and the service beneath is not asked. A context without a principal
// is refused. Safe for concurrent use.
type Guard struct {
	next ports.Service
	opt  Options
}

var _ ports.Service = (*Guard)(nil)

// New guards a service.
func New(next ports.Service, o Options) *Guard {
	if o.Default == "" {
		o.Default = "default"
	}
	return &Guard{next, o}
}

// check says whether p may call a method in ns, which is ignored for methods of the whole server.
func (g *Guard) check(p ports.Principal, method string, ns model.Namespace) error {
	n, known := Needs[method]
	if !known || len(n.Roles) == 0 {
		return fault.Internalf("nobody has said who may call %s", method).Hinted("add it to access.Needs")
	}
	if n.Server {
		for _, r := range n.Roles {
			if p.AllowsServer(r) {
				return nil
			}
		}
		return fault.New(fault.PermissionDenied, "%q may not do this: it needs the role %s for all namespaces", p.Subject, roles(n)).
			Hinted("ask for a credential with a grant for the namespace pattern *")
	}
	if !p.Sees(ns) {
		if err := model.ValidateNamespace(ns); err != nil {
			return err
		}
		return namespace.Missing(ns)
	}
	for _, r := range n.Roles {
		if p.Allows(ns, r) {
			return nil
		}
	}
	return denied(p, ns, roles(n))
}

func denied(p ports.Principal, ns model.Namespace, role string) error {
	return fault.New(fault.PermissionDenied, "%q may not do this in namespace %q: it needs the role %s there", p.Subject, ns, role).
		Hinted("ask for a credential with that role, or one that includes it")
}

func roles(n Need) string {
	names := make([]string, len(n.Roles))
	for i, r := range n.Roles {
		names[i] = r.String()
	}
	return strings.Join(names, " or ")
}

// call is one call of a method, before it is let through.
type call struct {
	method  string
	ns      model.Namespace // "" = the default one
	object  string          // what it is about, for the audit
	request model.RequestID
}

// guarded lets a call through when its caller may make it, and reports it.
func guarded[T any](ctx context.Context, g *Guard, c call, f func(p ports.Principal) (T, error)) (T, error) {
	n := Needs[c.method]
	if c.ns == "" && !n.Server {
		c.ns = g.opt.Default
	}
	var none T
	p, ok := ports.PrincipalFrom(ctx)
	if !ok {
		return none, fault.New(fault.Unauthenticated, "the call has no caller").Hinted("a transport puts the principal into the context of every call")
	}
	if err := g.check(p, c.method, c.ns); err != nil {
		g.report(ctx, p, c, err, true)
		return none, err
	}
	out, err := f(p)
	if n.Change {
		g.report(ctx, p, c, err, false)
	}
	return out, err
}

func (g *Guard) report(ctx context.Context, p ports.Principal, c call, err error, refused bool) {
	if g.opt.Audit == nil {
		return
	}
	r := ports.AuditRecord{Subject: p.Subject, Peer: p.Peer, Action: c.method, Namespace: c.ns, Object: c.object, RequestID: c.request, Outcome: "ok"}
	if err != nil {
		r.Outcome = fault.ReasonOf(err).String()
	}
	r.Denied = refused || fault.Has(err, fault.PermissionDenied)
	g.opt.Audit.Record(ctx, r)
}

func object(ref ports.WorkflowRef) string {
	if ref.Run != "" {
		return string(ref.WorkflowID) + " run " + string(ref.Run)
	}
	return string(ref.WorkflowID)
}
