package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// encodeStartOf writes a start that is part of another request, which has the request ID.
func encodeStartOf(r ports.StartRequest) *aionv1.StartWorkflowRequest {
	start := EncodeStart(r)
	start.RequestId = ""
	return start
}

// decodeStartOf reads a start that is part of another request. InvalidInput, Unimplemented.
func decodeStartOf(start *aionv1.StartWorkflowRequest, requestID string) (ports.StartRequest, error) {
	if start == nil {
		return ports.StartRequest{}, fault.Invalidf("start is missing").Hinted("say in start what is started where the workflow does not run")
	}
	if id := start.GetRequestId(); id != "" && id != requestID {
		return ports.StartRequest{}, fault.Invalidf("start.request_id is set").Hinted("set request_id, which is that of start and message together")
	}
	r, err := DecodeStart(start)
	r.RequestID = model.RequestID(requestID)
	return r, err
}

// EncodeSignalStart writes a signal with a start. Identity is not carried.
func EncodeSignalStart(r ports.SignalStartRequest) *aionv1.SignalWithStartWorkflowRequest {
	return &aionv1.SignalWithStartWorkflowRequest{
		Start: encodeStartOf(r.Start), SignalName: string(r.Name), SignalInput: EncodePayload(r.Input), SignalHeader: r.Header,
		RequestId: string(r.Start.RequestID),
	}
}

// DecodeSignalStart reads a signal with a start. InvalidInput, and Unimplemented as with DecodeStart.
func DecodeSignalStart(r *aionv1.SignalWithStartWorkflowRequest) (ports.SignalStartRequest, error) {
	start, err := decodeStartOf(r.GetStart(), r.GetRequestId())
	return ports.SignalStartRequest{
		Start: start, Name: model.SignalName(r.GetSignalName()), Input: DecodePayload(r.GetSignalInput()), Header: r.GetSignalHeader(),
	}, err
}

// EncodeSignalStartResult writes the answer to a signal with a start.
func EncodeSignalStartResult(r ports.StartResult) *aionv1.SignalWithStartWorkflowResponse {
	s := EncodeStartResult(r)
	return &aionv1.SignalWithStartWorkflowResponse{WorkflowId: s.WorkflowId, RunId: s.RunId, Started: s.Started, Outcome: s.Outcome, Package: s.Package}
}

// DecodeSignalStartResult reads the answer to a signal with a start.
func DecodeSignalStartResult(r *aionv1.SignalWithStartWorkflowResponse) ports.StartResult {
	return DecodeStartResult(&aionv1.StartWorkflowResponse{
		WorkflowId: r.GetWorkflowId(), RunId: r.GetRunId(), Started: r.GetStarted(), Outcome: r.GetOutcome(), Package: r.GetPackage(),
	})
}
