package access

import (
	"context"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// CreateNamespace implements ports.Namespaces: the caller's grants say which names it may take.
func (g *Guard) CreateNamespace(ctx context.Context, n ports.NamespaceRecord) (ports.NamespaceRecord, error) {
	return guarded(ctx, g, call{method: "CreateNamespace", ns: n.Name, object: "namespace"}, func(ports.Principal) (ports.NamespaceRecord, error) {
		return g.next.CreateNamespace(ctx, n)
	})
}

// GetNamespace implements ports.Namespaces.
func (g *Guard) GetNamespace(ctx context.Context, ns model.Namespace) (ports.NamespaceRecord, error) {
	return guarded(ctx, g, call{method: "GetNamespace", ns: ns}, func(ports.Principal) (ports.NamespaceRecord, error) { return g.next.GetNamespace(ctx, ns) })
}

// UpdateNamespace implements ports.Namespaces.
func (g *Guard) UpdateNamespace(ctx context.Context, u ports.NamespaceUpdate) (ports.NamespaceUpdated, error) {
	return guarded(ctx, g, call{method: "UpdateNamespace", ns: u.Name, object: "namespace"}, func(ports.Principal) (ports.NamespaceUpdated, error) {
		return g.next.UpdateNamespace(ctx, u)
	})
}

// DeprecateNamespace implements ports.Namespaces.
func (g *Guard) DeprecateNamespace(ctx context.Context, ns model.Namespace, version uint64) (ports.NamespaceRecord, error) {
	return guarded(ctx, g, call{method: "DeprecateNamespace", ns: ns, object: "namespace"}, func(ports.Principal) (ports.NamespaceRecord, error) {
		return g.next.DeprecateNamespace(ctx, ns, version)
	})
}

// ListNamespaces implements ports.Namespaces: it lists those that the caller may read.
func (g *Guard) ListNamespaces(ctx context.Context) ([]ports.NamespaceRecord, error) {
	list := func(ctx context.Context, _ model.Namespace) ([]ports.NamespaceRecord, error) {
		return g.next.ListNamespaces(ctx)
	}
	return listed(ctx, g, "ListNamespaces", "", list, func(p ports.Principal, n ports.NamespaceRecord) (ports.NamespaceRecord, bool) {
		return n, p.Allows(n.Name, ports.RoleReader)
	})
}
