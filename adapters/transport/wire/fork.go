package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodeFork writes a fork.
func EncodeFork(r ports.ForkRequest) *aionv1.ForkWorkflowRequest {
	return &aionv1.ForkWorkflowRequest{
		Workflow: EncodeRef(r.Ref), AtSeq: uint32(r.At), NewWorkflowId: string(r.NewID), Package: string(r.Package), ReapplySignals: r.ReapplySignals,
		Reason: r.Reason, RequestId: string(r.RequestID),
	}
}

// DecodeFork reads a fork. InvalidInput.
func DecodeFork(r *aionv1.ForkWorkflowRequest) (ports.ForkRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	return ports.ForkRequest{
		Ref: ref, At: model.Seq(r.GetAtSeq()), NewID: model.WorkflowID(r.GetNewWorkflowId()), Package: model.PackageHash(r.GetPackage()),
		ReapplySignals: r.GetReapplySignals(), Reason: r.GetReason(), RequestID: model.RequestID(r.GetRequestId()),
	}, err
}

// EncodeForkResult writes what a fork made.
func EncodeForkResult(r ports.ForkResult) *aionv1.ForkWorkflowResponse {
	return &aionv1.ForkWorkflowResponse{WorkflowId: string(r.WorkflowID), RunId: string(r.Run), Package: string(r.Package), AtSeq: uint32(r.At)}
}

// DecodeForkResult reads what a fork made.
func DecodeForkResult(r *aionv1.ForkWorkflowResponse) ports.ForkResult {
	return ports.ForkResult{
		WorkflowID: model.WorkflowID(r.GetWorkflowId()), Run: model.RunID(r.GetRunId()), Package: model.PackageHash(r.GetPackage()), At: model.Seq(r.GetAtSeq()),
	}
}
