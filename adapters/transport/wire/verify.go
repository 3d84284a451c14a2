package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodeDeploy writes a deploy.
func EncodeDeploy(r ports.DeployRequest) *aionv1.DeployPackageRequest {
	out := &aionv1.DeployPackageRequest{Archive: r.Archive, KeepRoutes: r.KeepRoutes, Force: r.Force}
	if r.Verify != nil {
		out.Verify = encodeVerifyOptions(*r.Verify)
	}
	return out
}

// DecodeDeploy reads a deploy.
func DecodeDeploy(r *aionv1.DeployPackageRequest) ports.DeployRequest {
	out := ports.DeployRequest{Archive: r.GetArchive(), KeepRoutes: r.GetKeepRoutes(), Force: r.GetForce()}
	if r.GetVerify() != nil {
		o := decodeVerifyOptions(r.GetVerify())
		out.Verify = &o
	}
	return out
}

func encodeVerifyOptions(o ports.VerifyOptions) *aionv1.VerifyOptions {
	return &aionv1.VerifyOptions{OpenRuns: count(o.Open), ClosedRuns: count(o.Closed), AllOpen: o.AllOpen}
}

// maxVerified bounds how many runs of a type a caller may ask for by number; all open ones may be asked for, too.
const maxVerified = 100_000

func decodeVerifyOptions(o *aionv1.VerifyOptions) ports.VerifyOptions {
	return ports.VerifyOptions{Open: int(min(o.GetOpenRuns(), maxVerified)), Closed: int(min(o.GetClosedRuns(), maxVerified)), AllOpen: o.GetAllOpen()}
}

// EncodeVerify writes a request for a verification.
func EncodeVerify(r ports.VerifyRequest) *aionv1.VerifyPackageRequest {
	out := &aionv1.VerifyPackageRequest{Options: encodeVerifyOptions(r.Options), Code: &aionv1.VerifyPackageRequest_Hash{Hash: r.Hash}}
	if r.Archive != nil {
		out.Code = &aionv1.VerifyPackageRequest_Archive{Archive: r.Archive}
	}
	return out
}

// DecodeVerify reads a request for a verification. InvalidInput when it names no package.
func DecodeVerify(r *aionv1.VerifyPackageRequest) (ports.VerifyRequest, error) {
	out := ports.VerifyRequest{Options: decodeVerifyOptions(r.GetOptions())}
	switch c := r.GetCode().(type) {
	case *aionv1.VerifyPackageRequest_Archive:
		if out.Archive = c.Archive; out.Archive == nil {
			out.Archive = []byte{}
		}
	case *aionv1.VerifyPackageRequest_Hash:
		out.Hash = c.Hash
	default:
		return out, fault.Invalidf("there is no package to verify").Hinted("set archive, or hash for one that is stored")
	}
	return out, nil
}

// EncodeVerification writes what a verification found.
func EncodeVerification(v ports.Verification) *aionv1.Verification {
	out := &aionv1.Verification{Package: string(v.Package)}
	for _, t := range v.Types {
		out.Types = append(out.Types, &aionv1.VerifiedType{
			WorkflowType: string(t.Type), Routed: string(t.Routed), OpenRuns: count(t.Open), ClosedRuns: count(t.Closed), Different: count(t.Different), More: t.More,
		})
	}
	for _, d := range v.Differences {
		out.Differences = append(out.Differences, &aionv1.ReplayDifference{
			Namespace: string(d.Key.Namespace), WorkflowId: string(d.Key.WorkflowID), RunId: string(d.Run), WorkflowType: string(d.Type), Open: d.Open,
			AtSeq: uint32(d.AtSeq), Expected: text(d.Expected), Found: text(d.Found), Problem: text(d.Problem),
		})
	}
	return out
}

// DecodeVerification reads what a verification found.
func DecodeVerification(v *aionv1.Verification) ports.Verification {
	out := ports.Verification{Package: model.PackageHash(v.GetPackage())}
	for _, t := range v.GetTypes() {
		out.Types = append(out.Types, ports.VerifiedType{
			Type: model.WorkflowType(t.GetWorkflowType()), Routed: model.PackageHash(t.GetRouted()), Open: int(t.GetOpenRuns()), Closed: int(t.GetClosedRuns()),
			Different: int(t.GetDifferent()), More: t.GetMore(),
		})
	}
	for _, d := range v.GetDifferences() {
		out.Differences = append(out.Differences, ports.Difference{
			Key: model.ChainKey{Namespace: model.Namespace(d.GetNamespace()), WorkflowID: model.WorkflowID(d.GetWorkflowId())}, Run: model.RunID(d.GetRunId()),
			Type: model.WorkflowType(d.GetWorkflowType()), Open: d.GetOpen(), AtSeq: model.Seq(d.GetAtSeq()), Expected: d.GetExpected(), Found: d.GetFound(), Problem: d.GetProblem(),
		})
	}
	return out
}

// EncodeRollback writes what a rollback did.
func EncodeRollback(r ports.SetRouteResult) *aionv1.RollbackRouteResponse {
	return &aionv1.RollbackRouteResponse{Route: EncodeRoute(r.Route), BlockedRunsTried: count(r.Tried), BlockedRunsUnblocked: count(r.Unblocked)}
}

// DecodeRollback reads what a rollback did.
func DecodeRollback(r *aionv1.RollbackRouteResponse) ports.SetRouteResult {
	return ports.SetRouteResult{Route: DecodeRoute(r.GetRoute()), Tried: int(r.GetBlockedRunsTried()), Unblocked: int(r.GetBlockedRunsUnblocked())}
}
