package engine

import (
	"context"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// CreateNamespace makes a namespace.
func (e *Engine) CreateNamespace(ctx context.Context, n ports.NamespaceRecord) (ports.NamespaceRecord, error) {
	if err := e.accepting(); err != nil {
		return ports.NamespaceRecord{}, err
	}
	return e.ns.Create(ctx, n)
}

// GetNamespace shows a namespace.
func (e *Engine) GetNamespace(_ context.Context, ns model.Namespace) (ports.NamespaceRecord, error) {
	return e.ns.Get(ns)
}

// UpdateNamespace changes a namespace.
func (e *Engine) UpdateNamespace(ctx context.Context, u ports.NamespaceUpdate) (ports.NamespaceUpdated, error) {
	if err := e.accepting(); err != nil {
		return ports.NamespaceUpdated{}, err
	}
	n, err := e.ns.Update(ctx, u)
	out := ports.NamespaceUpdated{Namespace: n}
	if err == nil && len(u.Attributes) > 0 {
		out.Unblocked, err = e.unblockAttributes(ctx, n.Name)
	}
	return out, err
}

// ListNamespaces lists namespaces by name.
func (e *Engine) ListNamespaces(context.Context) ([]ports.NamespaceRecord, error) {
	return e.ns.All(), nil
}

// DeprecateNamespace lets nothing be started in a namespace any more.
func (e *Engine) DeprecateNamespace(ctx context.Context, ns model.Namespace, version uint64) (ports.NamespaceRecord, error) {
	if err := e.accepting(); err != nil {
		return ports.NamespaceRecord{}, err
	}
	return e.ns.Deprecate(ctx, ns, version)
}
