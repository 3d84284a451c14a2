package access

import (
	"context"
	"slices"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Deploy implements ports.Packages.
func (g *Guard) Deploy(ctx context.Context, r ports.DeployRequest) (ports.DeployResult, error) {
	return guarded(ctx, g, call{method: "Deploy"}, func(p ports.Principal) (ports.DeployResult, error) {
		res, err := g.next.Deploy(ctx, r)
		if res.Verified != nil {
			v := readable(p, *res.Verified)
			res.Verified = &v
		}
		return res, err
	})
}

// Verify implements ports.Packages. All runs are looked at and counted; those that the caller may not read are not shown.
func (g *Guard) Verify(ctx context.Context, r ports.VerifyRequest) (ports.Verification, error) {
	return guarded(ctx, g, call{method: "Verify", object: r.Hash}, func(p ports.Principal) (ports.Verification, error) {
		v, err := g.next.Verify(ctx, r)
		return readable(p, v), err
	})
}

func readable(p ports.Principal, v ports.Verification) ports.Verification {
	v.Differences = slices.DeleteFunc(v.Differences, func(d ports.Difference) bool { return !p.Allows(d.Key.Namespace, ports.RoleReader) })
	return v
}

// Rollback implements ports.Packages.
func (g *Guard) Rollback(ctx context.Context, t model.WorkflowType) (ports.SetRouteResult, error) {
	return guarded(ctx, g, call{method: "Rollback", object: string(t)}, func(ports.Principal) (ports.SetRouteResult, error) { return g.next.Rollback(ctx, t) })
}

// Package implements ports.Packages.
func (g *Guard) Package(ctx context.Context, hash string) (ports.PackageInfo, error) {
	return guarded(ctx, g, call{method: "Package", object: hash}, func(ports.Principal) (ports.PackageInfo, error) { return g.next.Package(ctx, hash) })
}

// Packages implements ports.Packages.
func (g *Guard) Packages(ctx context.Context) ([]ports.PackageInfo, error) {
	return guarded(ctx, g, call{method: "Packages"}, func(ports.Principal) ([]ports.PackageInfo, error) { return g.next.Packages(ctx) })
}

// SetRoute implements ports.Packages.
func (g *Guard) SetRoute(ctx context.Context, t model.WorkflowType, hash string) (ports.SetRouteResult, error) {
	return guarded(ctx, g, call{method: "SetRoute", object: string(t) + " to " + hash}, func(ports.Principal) (ports.SetRouteResult, error) {
		return g.next.SetRoute(ctx, t, hash)
	})
}

// Routes implements ports.Packages.
func (g *Guard) Routes(ctx context.Context) ([]ports.Route, error) {
	return guarded(ctx, g, call{method: "Routes"}, func(ports.Principal) ([]ports.Route, error) { return g.next.Routes(ctx) })
}

// Unload implements ports.Packages.
func (g *Guard) Unload(ctx context.Context, hash string) error {
	_, err := guarded(ctx, g, call{method: "Unload", object: hash}, func(ports.Principal) (struct{}, error) { return struct{}{}, g.next.Unload(ctx, hash) })
	return err
}

// Register implements ports.Workers: the caller needs the role in every namespace that the worker is for.
func (g *Guard) Register(ctx context.Context, r ports.WorkerRegistration) (ports.WorkerSession, error) {
	all := slices.Clone(r.Namespaces) // the service beneath may change those of the registration
	if len(all) == 0 {
		all = []model.Namespace{""}
	}
	for i, ns := range all {
		if ns == "" {
			all[i] = g.opt.Default
		}
	}
	ns := all[0]
	p, _ := ports.PrincipalFrom(ctx)
	for _, candidate := range all {
		if g.check(p, "Register", candidate) != nil {
			ns = candidate // it is refused for this one
			break
		}
	}
	return guarded(ctx, g, call{method: "Register", ns: ns, object: "worker " + r.Identity}, func(ports.Principal) (ports.WorkerSession, error) {
		s, err := g.next.Register(ctx, r)
		if err != nil {
			return nil, err
		}
		return session{s, g, all}, nil
	})
}

// session is a worker's session that remembers what it was let in for.
type session struct {
	ports.WorkerSession
	g   *Guard
	all []model.Namespace
}

// Renew implements ports.Renewer.
func (s session) Renew(p ports.Principal) error {
	for _, ns := range s.all {
		if err := s.g.check(p, "Register", ns); err != nil {
			return err
		}
	}
	return nil
}

// Workers implements ports.Operator. Of a worker for several namespaces only those are named that the caller may read.
func (g *Guard) Workers(ctx context.Context, ns model.Namespace) ([]ports.WorkerStatus, error) {
	return listed(ctx, g, "Workers", ns, g.next.Workers, func(p ports.Principal, w ports.WorkerStatus) (ports.WorkerStatus, bool) {
		var seen []model.Namespace
		for _, ns := range w.Registered.Namespaces {
			if p.Allows(ns, ports.RoleReader) {
				seen = append(seen, ns)
			}
		}
		w.Registered.Namespaces = seen
		return w, len(seen) > 0
	})
}

// TaskQueues implements ports.Operator.
func (g *Guard) TaskQueues(ctx context.Context, ns model.Namespace) ([]ports.QueueStatus, error) {
	return listed(ctx, g, "TaskQueues", ns, g.next.TaskQueues, func(p ports.Principal, q ports.QueueStatus) (ports.QueueStatus, bool) {
		return q, p.Allows(q.Namespace, ports.RoleReader)
	})
}

// listed lists what is in ns, or without one in every namespace that the caller may read; visible gives the part of an entry that the
// caller may see.
func listed[T any](ctx context.Context, g *Guard, method string, ns model.Namespace, list func(context.Context, model.Namespace) ([]T, error), visible func(ports.Principal, T) (T, bool)) ([]T, error) {
	p, _ := ports.PrincipalFrom(ctx)
	if ns != "" || len(p.Grants) == 0 {
		if _, err := guarded(ctx, g, call{method: method, ns: ns}, func(ports.Principal) (struct{}, error) { return struct{}{}, nil }); err != nil {
			return nil, err
		}
	}
	all, err := list(ctx, ns)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, v := range all {
		if v, ok := visible(p, v); ok {
			out = append(out, v)
		}
	}
	return out, nil
}
