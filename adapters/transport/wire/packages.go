package wire

import (
	"cmp"
	"slices"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodePackage writes a package's description.
func EncodePackage(p ports.PackageInfo) *aionv1.Package {
	return &aionv1.Package{
		Hash: string(p.Hash), Name: text(p.Name), WorkflowTypes: strs[string](p.WorkflowTypes), ActivityTypes: strs[string](p.ActivityTypes),
		Sdk: text(p.SDK), GoVersion: text(p.GoVersion), CodeBytes: p.CodeBytes, DeployedAt: EncodeTime(p.DeployedAt), Pins: p.Pins,
		RoutedTypes: strs[string](p.RoutedTypes), PreviousTypes: strs[string](p.PreviousTypes),
	}
}

// DecodePackage reads a package's description.
func DecodePackage(p *aionv1.Package) ports.PackageInfo {
	return ports.PackageInfo{
		Hash: model.PackageHash(p.GetHash()), Name: p.GetName(), WorkflowTypes: strs[model.WorkflowType](p.GetWorkflowTypes()),
		ActivityTypes: strs[model.ActivityType](p.GetActivityTypes()), SDK: p.GetSdk(), GoVersion: p.GetGoVersion(),
		CodeBytes: p.GetCodeBytes(), DeployedAt: DecodeTime(p.GetDeployedAt()), Pins: p.GetPins(),
		RoutedTypes: strs[model.WorkflowType](p.GetRoutedTypes()), PreviousTypes: strs[model.WorkflowType](p.GetPreviousTypes()),
	}
}

// EncodeRoute writes a route.
func EncodeRoute(r ports.RouteChange) *aionv1.Route {
	return &aionv1.Route{WorkflowType: string(r.Type), Package: string(r.Package), Previous: string(r.Previous)}
}

// DecodeRoute reads a route.
func DecodeRoute(r *aionv1.Route) ports.RouteChange {
	return ports.RouteChange{
		Type: model.WorkflowType(r.GetWorkflowType()), Package: model.PackageHash(r.GetPackage()), Previous: model.PackageHash(r.GetPrevious()),
	}
}

// EncodeDeployResult writes what a deploy did.
func EncodeDeployResult(r ports.DeployResult) *aionv1.DeployPackageResponse {
	out := &aionv1.DeployPackageResponse{Package: EncodePackage(r.Package), Created: r.Created}
	if r.Verified != nil {
		out.Verification = EncodeVerification(*r.Verified)
	}
	for _, c := range r.Routes {
		out.Routes = append(out.Routes, EncodeRoute(c))
	}
	return out
}

// DecodeDeployResult reads what a deploy did.
func DecodeDeployResult(r *aionv1.DeployPackageResponse) ports.DeployResult {
	out := ports.DeployResult{Package: DecodePackage(r.GetPackage()), Created: r.GetCreated()}
	if r.GetVerification() != nil {
		v := DecodeVerification(r.GetVerification())
		out.Verified = &v
	}
	for _, c := range r.GetRoutes() {
		out.Routes = append(out.Routes, DecodeRoute(c))
	}
	return out
}

// EncodePackages writes a page of a list of packages, newest first. InvalidPageToken.
func EncodePackages(r *aionv1.ListPackagesRequest, all []ports.PackageInfo, limit int) (*aionv1.ListPackagesResponse, error) {
	// Packages of the same moment come in order of hash, so that a page knows where it ends.
	all = slices.SortedFunc(slices.Values(all), func(a, b ports.PackageInfo) int {
		return cmp.Or(b.DeployedAt.Compare(a.DeployedAt), cmp.Compare(a.Hash, b.Hash))
	})
	page, next, err := Page(all, Scope{"packages"}, r.GetPageToken(), PageSize(r.GetPageSize(), limit),
		func(p ports.PackageInfo) []byte { return append(timeCursor(p.DeployedAt), p.Hash...) },
		func(p ports.PackageInfo, cursor []byte) (int, error) {
			at, hash, err := parseTimeCursor(cursor)
			return cmp.Or(at.Compare(p.DeployedAt), cmp.Compare(string(p.Hash), string(hash))), err
		})
	if err != nil {
		return nil, err
	}
	out := &aionv1.ListPackagesResponse{NextPageToken: next}
	for _, p := range page {
		out.Packages = append(out.Packages, EncodePackage(p))
	}
	return out, nil
}

// EncodeRoutes writes a page of the routes in order of type. InvalidPageToken.
func EncodeRoutes(r *aionv1.ListRoutesRequest, all []ports.Route, limit int) (*aionv1.ListRoutesResponse, error) {
	page, next, err := Page(all, Scope{"routes"}, r.GetPageToken(), PageSize(r.GetPageSize(), limit),
		func(r ports.Route) []byte { return []byte(r.Type) },
		func(r ports.Route, cursor []byte) (int, error) {
			return cmp.Compare(string(r.Type), string(cursor)), nil
		})
	if err != nil {
		return nil, err
	}
	out := &aionv1.ListRoutesResponse{NextPageToken: next}
	for _, r := range page {
		out.Routes = append(out.Routes, EncodeRoute(ports.RouteChange{Type: r.Type, Package: r.Package, Previous: r.Previous}))
	}
	return out, nil
}

// EncodeSetRouteResult writes what a route change did.
func EncodeSetRouteResult(r ports.SetRouteResult) *aionv1.SetRouteResponse {
	return &aionv1.SetRouteResponse{Route: EncodeRoute(r.Route), BlockedRunsTried: count(r.Tried), BlockedRunsUnblocked: count(r.Unblocked)}
}

// DecodeSetRouteResult reads what a route change did.
func DecodeSetRouteResult(r *aionv1.SetRouteResponse) ports.SetRouteResult {
	return ports.SetRouteResult{Route: DecodeRoute(r.GetRoute()), Tried: int(r.GetBlockedRunsTried()), Unblocked: int(r.GetBlockedRunsUnblocked())}
}
