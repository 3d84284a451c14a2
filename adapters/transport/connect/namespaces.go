package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/model"
)

// namespaces serves NamespaceService.
type namespaces struct{ s *server }

var _ aionv1connect.NamespaceServiceHandler = namespaces{}

func (h namespaces) CreateNamespace(ctx context.Context, req *connect.Request[aionv1.CreateNamespaceRequest]) (*connect.Response[aionv1.CreateNamespaceResponse], error) {
	n, err := wire.DecodeNamespace(req.Msg.GetNamespace())
	if err != nil {
		return nil, err
	}
	if n, err = h.s.Service.CreateNamespace(ctx, n); err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.CreateNamespaceResponse{Namespace: wire.EncodeNamespace(n)}), nil
}

func (h namespaces) GetNamespace(ctx context.Context, req *connect.Request[aionv1.GetNamespaceRequest]) (*connect.Response[aionv1.GetNamespaceResponse], error) {
	n, err := h.s.Service.GetNamespace(ctx, model.Namespace(req.Msg.GetName()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.GetNamespaceResponse{Namespace: wire.EncodeNamespace(n)}), nil
}

func (h namespaces) UpdateNamespace(ctx context.Context, req *connect.Request[aionv1.UpdateNamespaceRequest]) (*connect.Response[aionv1.UpdateNamespaceResponse], error) {
	u, err := wire.DecodeNamespaceUpdate(req.Msg)
	if err != nil {
		return nil, err
	}
	out, err := h.s.Service.UpdateNamespace(ctx, u)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.UpdateNamespaceResponse{Namespace: wire.EncodeNamespace(out.Namespace), BlockedRunsUnblocked: uint32(max(out.Unblocked, 0))}), nil
}

func (h namespaces) ListNamespaces(ctx context.Context, req *connect.Request[aionv1.ListNamespacesRequest]) (*connect.Response[aionv1.ListNamespacesResponse], error) {
	all, err := h.s.Service.ListNamespaces(ctx)
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodeNamespaces(req.Msg, all, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (h namespaces) DeprecateNamespace(ctx context.Context, req *connect.Request[aionv1.DeprecateNamespaceRequest]) (*connect.Response[aionv1.DeprecateNamespaceResponse], error) {
	version, err := wire.DecodeETag(req.Msg.GetEtag())
	if err != nil {
		return nil, err
	}
	n, err := h.s.Service.DeprecateNamespace(ctx, model.Namespace(req.Msg.GetName()), version)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.DeprecateNamespaceResponse{Namespace: wire.EncodeNamespace(n)}), nil
}
