package connect

import (
	"context"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// CreateNamespace implements ports.Namespaces.
func (r *Remote) CreateNamespace(ctx context.Context, n ports.NamespaceRecord) (ports.NamespaceRecord, error) {
	res, err := call(ctx, r.namespaces.CreateNamespace, &aionv1.CreateNamespaceRequest{Namespace: wire.EncodeNamespace(n)})
	if err != nil {
		return ports.NamespaceRecord{}, err
	}
	return wire.DecodeNamespace(res.GetNamespace())
}

// GetNamespace implements ports.Namespaces.
func (r *Remote) GetNamespace(ctx context.Context, ns model.Namespace) (ports.NamespaceRecord, error) {
	res, err := call(ctx, r.namespaces.GetNamespace, &aionv1.GetNamespaceRequest{Name: string(ns)})
	if err != nil {
		return ports.NamespaceRecord{}, err
	}
	return wire.DecodeNamespace(res.GetNamespace())
}

// UpdateNamespace implements ports.Namespaces.
func (r *Remote) UpdateNamespace(ctx context.Context, u ports.NamespaceUpdate) (ports.NamespaceUpdated, error) {
	res, err := call(ctx, r.namespaces.UpdateNamespace, wire.EncodeNamespaceUpdate(u))
	if err != nil {
		return ports.NamespaceUpdated{}, err
	}
	n, err := wire.DecodeNamespace(res.GetNamespace())
	return ports.NamespaceUpdated{Namespace: n, Unblocked: int(res.GetBlockedRunsUnblocked())}, err
}

// ListNamespaces implements ports.Namespaces.
func (r *Remote) ListNamespaces(ctx context.Context) ([]ports.NamespaceRecord, error) {
	return allPages(func(token string) ([]ports.NamespaceRecord, string, error) {
		res, err := call(ctx, r.namespaces.ListNamespaces, &aionv1.ListNamespacesRequest{PageSize: 1000, PageToken: token})
		var out []ports.NamespaceRecord
		for _, m := range res.GetNamespaces() {
			n, derr := wire.DecodeNamespace(m)
			if derr != nil {
				return nil, "", derr
			}
			out = append(out, n)
		}
		return out, res.GetNextPageToken(), err
	})
}

// DeprecateNamespace implements ports.Namespaces.
func (r *Remote) DeprecateNamespace(ctx context.Context, ns model.Namespace, version uint64) (ports.NamespaceRecord, error) {
	res, err := call(ctx, r.namespaces.DeprecateNamespace, &aionv1.DeprecateNamespaceRequest{Name: string(ns), Etag: wire.EncodeETag(version)})
	if err != nil {
		return ports.NamespaceRecord{}, err
	}
	return wire.DecodeNamespace(res.GetNamespace())
}

// CountMatching implements ports.Workflows; without a filter it counts every run of the type and status.
func (r *Remote) CountMatching(ctx context.Context, q ports.CountQuery) (ports.CountResult, error) {
	res, err := call(ctx, r.workflows.CountWorkflows, wire.EncodeCountQuery(q))
	return ports.CountResult{N: res.GetCount(), AtLeast: res.GetAtLeast()}, err
}
