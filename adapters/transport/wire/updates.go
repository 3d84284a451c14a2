package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodeUpdate writes an update. Identity is not carried.
func EncodeUpdate(r ports.UpdateRequest) *aionv1.UpdateWorkflowRequest {
	return &aionv1.UpdateWorkflowRequest{
		Workflow: EncodeRef(r.Ref), UpdateId: string(r.ID), Name: string(r.Name), Input: EncodePayload(r.Input), Header: r.Header, Wait: EncodeDuration(r.Wait),
	}
}

// DecodeUpdate reads an update. InvalidInput.
func DecodeUpdate(r *aionv1.UpdateWorkflowRequest) (ports.UpdateRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	if err != nil {
		return ports.UpdateRequest{}, err
	}
	wait, err := DecodeDuration("wait", r.GetWait())
	return ports.UpdateRequest{
		Ref: ref, ID: updateID(r.GetUpdateId(), r.GetRequestId()), Name: model.UpdateName(r.GetName()), Input: DecodePayload(r.GetInput()),
		Header: r.GetHeader(), Wait: wait,
	}, err
}

// updateID is the ID of an update whose caller may have named the request only.
func updateID(id, requestID string) model.UpdateID {
	if id == "" {
		id = requestID
	}
	return model.UpdateID(id)
}

// DecodeGetUpdate reads a question for an update. InvalidInput.
func DecodeGetUpdate(r *aionv1.GetUpdateRequest) (ports.GetUpdateRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	if err != nil {
		return ports.GetUpdateRequest{}, err
	}
	wait, err := DecodeDuration("wait", r.GetWait())
	return ports.GetUpdateRequest{Ref: ref, ID: model.UpdateID(r.GetUpdateId()), Wait: wait}, err
}

// EncodeUpdateStatus writes how an update stands.
func EncodeUpdateStatus(s ports.UpdateStatus) *aionv1.UpdateStatus {
	out := &aionv1.UpdateStatus{UpdateId: text(string(s.ID)), RunId: string(s.Run), Stage: aionv1.UpdateStage(s.Stage), Blocked: EncodeBlocked(s.Blocked)}
	switch {
	case s.Failure != nil:
		out.Outcome = &aionv1.UpdateStatus_Failed{Failed: EncodeFailure(s.Failure)}
	case s.Stage == ports.UpdateCompleted:
		out.Outcome = &aionv1.UpdateStatus_Completed{Completed: somePayload(s.Result)}
	}
	return out
}

// DecodeUpdateStatus reads how an update stands.
func DecodeUpdateStatus(s *aionv1.UpdateStatus) ports.UpdateStatus {
	return ports.UpdateStatus{
		ID: model.UpdateID(s.GetUpdateId()), Run: model.RunID(s.GetRunId()), Stage: ports.UpdateStage(s.GetStage()),
		Result: DecodePayload(s.GetCompleted()), Failure: DecodeFailure(s.GetFailed()), Blocked: DecodeBlocked(s.GetBlocked()),
	}
}

func encodePendingUpdates(in []ports.PendingUpdate) (out []*aionv1.PendingUpdate) {
	for _, u := range in {
		out = append(out, &aionv1.PendingUpdate{UpdateId: text(string(u.ID)), Name: text(string(u.Name)), AcceptedAt: EncodeTime(u.AcceptedAt)})
	}
	return out
}

func decodePendingUpdates(in []*aionv1.PendingUpdate) (out []ports.PendingUpdate) {
	for _, u := range in {
		out = append(out, ports.PendingUpdate{ID: model.UpdateID(u.GetUpdateId()), Name: model.UpdateName(u.GetName()), AcceptedAt: DecodeTime(u.GetAcceptedAt())})
	}
	return out
}

// EncodeUpdateStart writes an update with a start. Identity is not carried.
func EncodeUpdateStart(r ports.UpdateStartRequest) *aionv1.UpdateWithStartWorkflowRequest {
	return &aionv1.UpdateWithStartWorkflowRequest{
		Start: encodeStartOf(r.Start), UpdateId: string(r.ID), Name: string(r.Name), Input: EncodePayload(r.Input), Header: r.Header,
		Wait: EncodeDuration(r.Wait), RequestId: string(r.Start.RequestID),
	}
}

// DecodeUpdateStart reads an update with a start. InvalidInput, and Unimplemented as with DecodeStart.
func DecodeUpdateStart(r *aionv1.UpdateWithStartWorkflowRequest) (ports.UpdateStartRequest, error) {
	start, err := decodeStartOf(r.GetStart(), r.GetRequestId())
	if err != nil {
		return ports.UpdateStartRequest{}, err
	}
	if start.Wait != 0 {
		return ports.UpdateStartRequest{}, fault.Invalidf("start.wait is set").Hinted("set wait, which is for the update")
	}
	wait, err := DecodeDuration("wait", r.GetWait())
	return ports.UpdateStartRequest{
		Start: start, ID: updateID(r.GetUpdateId(), r.GetRequestId()), Name: model.UpdateName(r.GetName()), Input: DecodePayload(r.GetInput()),
		Header: r.GetHeader(), Wait: wait,
	}, err
}

// EncodeUpdateStartResult writes the answer to an update with a start.
func EncodeUpdateStartResult(r ports.UpdateStartResult) *aionv1.UpdateWithStartWorkflowResponse {
	return &aionv1.UpdateWithStartWorkflowResponse{
		WorkflowId: string(r.Start.WorkflowID), RunId: string(r.Start.Run), Started: r.Start.Started, Package: string(r.Start.Package),
		Update: EncodeUpdateStatus(r.Update),
	}
}

// DecodeUpdateStartResult reads the answer to an update with a start.
func DecodeUpdateStartResult(r *aionv1.UpdateWithStartWorkflowResponse) ports.UpdateStartResult {
	return ports.UpdateStartResult{
		Start: ports.StartResult{
			WorkflowID: model.WorkflowID(r.GetWorkflowId()), Run: model.RunID(r.GetRunId()), Started: r.GetStarted(), Package: model.PackageHash(r.GetPackage()),
		},
		Update: DecodeUpdateStatus(r.GetUpdate()),
	}
}
