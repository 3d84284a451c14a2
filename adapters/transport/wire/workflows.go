package wire

import (
	"google.golang.org/protobuf/proto"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// MaxHistoryBytes is the largest page of events that fits into a message of 4 MiB with what is around it.
const MaxHistoryBytes = 4<<20 - 4<<10

// EncodeRef writes a reference to a chain or run.
func EncodeRef(r ports.WorkflowRef) *aionv1.WorkflowRef {
	return &aionv1.WorkflowRef{Namespace: string(r.Namespace), WorkflowId: string(r.WorkflowID), RunId: string(r.Run)}
}

// DecodeRef reads a reference. InvalidInput when there is none.
func DecodeRef(r *aionv1.WorkflowRef) (ports.WorkflowRef, error) {
	if r == nil {
		return ports.WorkflowRef{}, fault.Invalidf("workflow is missing").Hinted("set workflow.namespace and workflow.workflow_id")
	}
	return ports.WorkflowRef{
		Namespace:  model.Namespace(r.GetNamespace()),
		WorkflowID: model.WorkflowID(r.GetWorkflowId()),
		Run:        model.RunID(r.GetRunId()),
	}, nil
}

// EncodeStart writes a start. Identity is not carried: the receiver takes it from the credentials.
func EncodeStart(r ports.StartRequest) *aionv1.StartWorkflowRequest {
	return &aionv1.StartWorkflowRequest{
		Namespace:    string(r.Namespace),
		WorkflowId:   string(r.WorkflowID),
		WorkflowType: string(r.Type),
		Input:        EncodePayload(r.Input),
		RequestId:    string(r.RequestID),
		TaskQueue:    string(r.TaskQueue),
		Wait:         EncodeDuration(r.Wait),
		RunTimeout:   EncodeDuration(r.RunTimeout),

		ExecutionTimeout: EncodeDuration(r.ExecutionTimeout),
		StartDelay:       EncodeDuration(r.StartDelay),
		RetryPolicy:      encodeRetry(r.Retry),

		ReusePolicy:      aionv1.WorkflowIdReusePolicy(r.Reuse),
		ConflictPolicy:   aionv1.WorkflowIdConflictPolicy(r.Conflict),
		Header:           r.Header,
		SearchAttributes: encodePayloads(r.Attributes),
		Priority:         r.Priority, FairnessKey: r.FairnessKey, ConcurrencyKey: r.ConcurrencyKey,
	}
}

// DecodeStart reads a start. Unimplemented, naming the field, for one that asks for what does not exist yet; InvalidInput.
func DecodeStart(r *aionv1.StartWorkflowRequest) (ports.StartRequest, error) {
	for _, f := range [...]struct {
		name string
		set  bool
	}{
		{"memo", len(r.GetMemo()) > 0},
	} {
		if f.set {
			return ports.StartRequest{}, fault.New(fault.Unimplemented, "%s is not implemented", f.name).
				Hinted("leave %s out", f.name).With("field", f.name)
		}
	}
	wait, err := DecodeDuration("wait", r.GetWait())
	if err != nil {
		return ports.StartRequest{}, err
	}
	timeout, err := DecodeDuration("run_timeout", r.GetRunTimeout())
	if err != nil {
		return ports.StartRequest{}, err
	}
	times, err := decodeTimes(r)
	if err != nil {
		return ports.StartRequest{}, err
	}
	reuse, err := decodeEnum[ports.ReusePolicy]("reuse_policy", int32(r.GetReusePolicy()), aionv1.WorkflowIdReusePolicy_name)
	if err != nil {
		return ports.StartRequest{}, err
	}
	conflict, err := decodeEnum[ports.ConflictPolicy]("conflict_policy", int32(r.GetConflictPolicy()), aionv1.WorkflowIdConflictPolicy_name)
	if err != nil {
		return ports.StartRequest{}, err
	}
	return ports.StartRequest{
		Namespace:  model.Namespace(r.GetNamespace()),
		WorkflowID: model.WorkflowID(r.GetWorkflowId()),
		Type:       model.WorkflowType(r.GetWorkflowType()),
		Input:      DecodePayload(r.GetInput()),
		RequestID:  model.RequestID(r.GetRequestId()),
		TaskQueue:  model.TaskQueue(r.GetTaskQueue()),
		Wait:       wait,
		RunTimeout: timeout,

		ExecutionTimeout: times.ExecutionTimeout,
		StartDelay:       times.StartDelay,
		Retry:            times.Retry,

		Reuse:      reuse,
		Conflict:   conflict,
		Header:     r.GetHeader(),
		Attributes: decodePayloads(r.GetSearchAttributes()),
		Priority:   r.GetPriority(), FairnessKey: r.GetFairnessKey(), ConcurrencyKey: r.GetConcurrencyKey(),
	}, nil
}

// decodeEnum checks that a number is one that this version knows.
func decodeEnum[T ~uint8](field string, n int32, known map[int32]string) (T, error) {
	if _, ok := known[n]; !ok || n < 0 || n > 255 {
		return 0, fault.Invalidf("%s %d is not known to this server", field, n)
	}
	return T(n), nil
}

// EncodeStartResult writes the answer to a start.
func EncodeStartResult(r ports.StartResult) *aionv1.StartWorkflowResponse {
	out := &aionv1.StartWorkflowResponse{
		WorkflowId: string(r.WorkflowID), RunId: string(r.Run), Started: r.Started, Package: string(r.Package),
	}
	if r.Outcome != nil {
		out.Outcome = EncodeOutcome(*r.Outcome)
	}
	return out
}

// DecodeStartResult reads the answer to a start. The outcome of a chain that was followed names no run of its own.
func DecodeStartResult(r *aionv1.StartWorkflowResponse) ports.StartResult {
	out := ports.StartResult{
		WorkflowID: model.WorkflowID(r.GetWorkflowId()), Run: model.RunID(r.GetRunId()), Started: r.GetStarted(),
		Package: model.PackageHash(r.GetPackage()),
	}
	if r.GetOutcome() != nil {
		o := DecodeOutcome(r.GetOutcome())
		out.Outcome = &o
	}
	return out
}

// EncodeOutcome writes how a run stands or ended. A run that continued as another one is pending with that status.
func EncodeOutcome(o ports.Outcome) *aionv1.Outcome {
	switch o.Status {
	case model.StatusCompleted:
		return &aionv1.Outcome{Outcome: &aionv1.Outcome_Completed{Completed: somePayload(o.Result)}}
	case model.StatusFailed:
		f := EncodeFailure(o.Failure)
		if f == nil {
			f = &aionv1.Failure{}
		}
		return &aionv1.Outcome{Outcome: &aionv1.Outcome_Failed{Failed: f}}
	case model.StatusCanceled:
		return &aionv1.Outcome{Outcome: &aionv1.Outcome_Canceled{Canceled: &aionv1.OutcomeCanceled{Details: EncodePayload(o.Result)}}}
	case model.StatusTerminated:
		return &aionv1.Outcome{Outcome: &aionv1.Outcome_Terminated{Terminated: &aionv1.OutcomeTerminated{Reason: text(o.Reason)}}}
	case model.StatusTimedOut:
		return &aionv1.Outcome{Outcome: &aionv1.Outcome_TimedOut{TimedOut: &aionv1.OutcomeTimedOut{Kind: aionv1.TimeoutKind(o.Timeout)}}}
	}
	return &aionv1.Outcome{Outcome: &aionv1.Outcome_Pending{Pending: &aionv1.OutcomePending{
		Status: aionv1.WorkflowStatus(o.Status), Blocked: EncodeBlocked(o.Blocked), WaitingFor: text(o.WaitingFor),
	}}}
}

// DecodeOutcome reads how a run stands or ended.
func DecodeOutcome(o *aionv1.Outcome) ports.Outcome {
	switch v := o.GetOutcome().(type) {
	case *aionv1.Outcome_Completed:
		return ports.Outcome{Status: model.StatusCompleted, Result: DecodePayload(v.Completed)}
	case *aionv1.Outcome_Failed:
		return ports.Outcome{Status: model.StatusFailed, Failure: DecodeFailure(v.Failed)}
	case *aionv1.Outcome_Canceled:
		return ports.Outcome{Status: model.StatusCanceled, Result: DecodePayload(v.Canceled.GetDetails())}
	case *aionv1.Outcome_Terminated:
		return ports.Outcome{Status: model.StatusTerminated, Reason: v.Terminated.GetReason()}
	case *aionv1.Outcome_TimedOut:
		return ports.Outcome{Status: model.StatusTimedOut, Timeout: model.TimeoutKind(v.TimedOut.GetKind())}
	case *aionv1.Outcome_Pending:
		return ports.Outcome{
			Status: model.Status(v.Pending.GetStatus()), Blocked: DecodeBlocked(v.Pending.GetBlocked()), WaitingFor: v.Pending.GetWaitingFor(),
		}
	}
	return ports.Outcome{}
}

// EncodeSignal writes a signal; as with every request, its identity is not carried.
func EncodeSignal(r ports.SignalRequest) *aionv1.SignalWorkflowRequest {
	return &aionv1.SignalWorkflowRequest{
		Workflow: EncodeRef(r.Ref), Name: string(r.Name), Input: EncodePayload(r.Input), RequestId: string(r.RequestID), Header: r.Header,
	}
}

// DecodeSignal reads a signal. InvalidInput.
func DecodeSignal(r *aionv1.SignalWorkflowRequest) (ports.SignalRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	return ports.SignalRequest{
		Ref: ref, Name: model.SignalName(r.GetName()), Input: DecodePayload(r.GetInput()), RequestID: model.RequestID(r.GetRequestId()),
		Header: r.GetHeader(),
	}, err
}

// EncodeQuery writes a query.
func EncodeQuery(r ports.QueryRequest) *aionv1.QueryWorkflowRequest {
	return &aionv1.QueryWorkflowRequest{Workflow: EncodeRef(r.Ref), Name: string(r.Name), Input: EncodePayload(r.Input)}
}

// DecodeQuery reads a query. InvalidInput.
func DecodeQuery(r *aionv1.QueryWorkflowRequest) (ports.QueryRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	return ports.QueryRequest{Ref: ref, Name: model.QueryName(r.GetName()), Input: DecodePayload(r.GetInput())}, err
}

// EncodeQueryResult writes a query's answer.
func EncodeQueryResult(r ports.QueryResult) *aionv1.QueryWorkflowResponse {
	return &aionv1.QueryWorkflowResponse{Output: EncodePayload(r.Output), AsOfSeq: uint32(r.AsOf), RunId: string(r.Run)}
}

// DecodeQueryResult reads a query's answer.
func DecodeQueryResult(r *aionv1.QueryWorkflowResponse) ports.QueryResult {
	return ports.QueryResult{Output: DecodePayload(r.GetOutput()), AsOf: model.Seq(r.GetAsOfSeq()), Run: model.RunID(r.GetRunId())}
}

// EncodeHistory writes a page of events out of the stored encoding, which is the one of GetHistoryResponse.events; kinds and
// fields that this version does not know are kept. Internal for bytes that are no events.
func EncodeHistory(r ports.HistoryResult) (*aionv1.GetHistoryResponse, error) {
	out := &aionv1.GetHistoryResponse{}
	if err := proto.Unmarshal(r.Bytes, out); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the stored events of run %s cannot be read", r.Run)
	}
	if len(out.ProtoReflect().GetUnknown()) > 0 || out.GetNextSeq() != 0 || out.GetRunId() != "" {
		return nil, fault.Internalf("the stored events of run %s have something beside them", r.Run)
	}
	out.NextSeq, out.RunId = uint32(r.Next), string(r.Run)
	return out, nil
}

// DecodeHistory reads a page of events back into the stored encoding.
func DecodeHistory(r *aionv1.GetHistoryResponse) (ports.HistoryResult, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&aionv1.GetHistoryResponse{Events: r.GetEvents()})
	if err != nil {
		return ports.HistoryResult{}, fault.Wrap(fault.Internal, err, "events cannot be written")
	}
	return ports.HistoryResult{Run: model.RunID(r.GetRunId()), Bytes: b, Next: model.Seq(r.GetNextSeq())}, nil
}
