package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// packages serves PackageService.
type packages struct{ s *server }

var _ aionv1connect.PackageServiceHandler = packages{}

func (h packages) DeployPackage(ctx context.Context, req *connect.Request[aionv1.DeployPackageRequest]) (*connect.Response[aionv1.DeployPackageResponse], error) {
	if err := h.checkArchive(req.Msg.GetArchive()); err != nil {
		return nil, err
	}
	out, err := h.s.Service.Deploy(ctx, wire.DecodeDeploy(req.Msg))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeDeployResult(out)), nil
}

func (h packages) checkArchive(b []byte) error {
	if n := int64(len(b)); n > h.s.MaxArchiveBytes {
		return fault.New(fault.ArchiveTooLarge, "the archive has %d bytes; at most %d are allowed", n, h.s.MaxArchiveBytes).
			Hinted("make the package smaller (aion build names its largest dependencies), or raise deploy.max_archive_bytes")
	}
	return nil
}

func (h packages) VerifyPackage(ctx context.Context, req *connect.Request[aionv1.VerifyPackageRequest]) (*connect.Response[aionv1.VerifyPackageResponse], error) {
	if err := h.checkArchive(req.Msg.GetArchive()); err != nil {
		return nil, err
	}
	r, err := wire.DecodeVerify(req.Msg)
	if err != nil {
		return nil, err
	}
	out, err := h.s.Service.Verify(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.VerifyPackageResponse{Verification: wire.EncodeVerification(out)}), nil
}

func (h packages) RollbackRoute(ctx context.Context, req *connect.Request[aionv1.RollbackRouteRequest]) (*connect.Response[aionv1.RollbackRouteResponse], error) {
	out, err := h.s.Service.Rollback(ctx, model.WorkflowType(req.Msg.GetWorkflowType()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeRollback(out)), nil
}

func (h packages) GetPackage(ctx context.Context, req *connect.Request[aionv1.GetPackageRequest]) (*connect.Response[aionv1.GetPackageResponse], error) {
	out, err := h.s.Service.Package(ctx, req.Msg.GetHash())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.GetPackageResponse{Package: wire.EncodePackage(out)}), nil
}

func (h packages) ListPackages(ctx context.Context, req *connect.Request[aionv1.ListPackagesRequest]) (*connect.Response[aionv1.ListPackagesResponse], error) {
	all, err := h.s.Service.Packages(ctx)
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodePackages(req.Msg, all, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (h packages) SetRoute(ctx context.Context, req *connect.Request[aionv1.SetRouteRequest]) (*connect.Response[aionv1.SetRouteResponse], error) {
	out, err := h.s.Service.SetRoute(ctx, model.WorkflowType(req.Msg.GetWorkflowType()), req.Msg.GetPackage())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeSetRouteResult(out)), nil
}

func (h packages) ListRoutes(ctx context.Context, req *connect.Request[aionv1.ListRoutesRequest]) (*connect.Response[aionv1.ListRoutesResponse], error) {
	all, err := h.s.Service.Routes(ctx)
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodeRoutes(req.Msg, all, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (h packages) UnloadPackage(ctx context.Context, req *connect.Request[aionv1.UnloadPackageRequest]) (*connect.Response[aionv1.UnloadPackageResponse], error) {
	if err := h.s.Service.Unload(ctx, req.Msg.GetHash()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.UnloadPackageResponse{}), nil
}
