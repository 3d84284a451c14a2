package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// WorkerProtocol is the version of the worker stream that this code speaks.
const WorkerProtocol = 1

// MaxSlots bounds how many tasks one worker may hold.
const MaxSlots = 100_000

// EncodeRegister writes a worker's first frame.
func EncodeRegister(r ports.WorkerRegistration) *aionv1.Register {
	return &aionv1.Register{
		Namespaces: strs[string](r.Namespaces), TaskQueues: strs[string](r.Queues), ActivityTypes: strs[string](r.ActivityTypes),
		Slots: count(r.Slots), Identity: r.Identity, Sdk: r.SDK, BuildId: r.BuildID, ProtocolVersion: WorkerProtocol, Executing: r.Executing,
	}
}

// DecodeRegister reads a worker's first frame. InvalidInput for one without register or without slots, or of a worker older than
// the protocol; Unimplemented for a newer one, with metadata "protocol_version" for a worker that can fall back.
func DecodeRegister(r *aionv1.Register) (ports.WorkerRegistration, error) {
	if r == nil {
		return ports.WorkerRegistration{}, fault.Invalidf("the first frame of the stream holds no register").
			Hinted("send register in the first frame, and only there")
	}
	switch v := r.GetProtocolVersion(); {
	case v < WorkerProtocol:
		return ports.WorkerRegistration{}, fault.Invalidf("the worker speaks protocol version %d of the stream, and this server begins with %d", v, WorkerProtocol).
			Hinted("build the worker with a newer SDK").With("protocol_version", "1")
	case v > WorkerProtocol:
		return ports.WorkerRegistration{}, fault.New(fault.Unimplemented, "the worker speaks protocol version %d of the stream, and this server ends with %d", v, WorkerProtocol).
			Hinted("update the server, or build the worker with the SDK of the server's version").With("protocol_version", "1")
	}
	if err := checkSlots(r.GetSlots()); err != nil {
		return ports.WorkerRegistration{}, err
	}
	return ports.WorkerRegistration{
		Namespaces: strs[model.Namespace](r.GetNamespaces()), Queues: strs[model.TaskQueue](r.GetTaskQueues()),
		ActivityTypes: strs[model.ActivityType](r.GetActivityTypes()), Slots: int(r.GetSlots()), Identity: r.GetIdentity(), SDK: r.GetSdk(),
		BuildID: r.GetBuildId(), Executing: r.GetExecuting(),
	}, nil
}

// DecodeSlots reads a change of slots. InvalidInput.
func DecodeSlots(s *aionv1.SlotsChanged) (int, error) {
	return int(s.GetSlots()), checkSlots(s.GetSlots())
}

func checkSlots(n uint32) error {
	if n < 1 || n > MaxSlots {
		return fault.Invalidf("slots is %d; a worker has 1 to %d", n, MaxSlots)
	}
	return nil
}

// EncodeRegistered writes the server's first frame.
func EncodeRegistered(i ports.WorkerInfo) *aionv1.Registered {
	return &aionv1.Registered{
		WorkerId: i.ID, HeartbeatWindow: EncodeDuration(i.HeartbeatWindow), ProtocolVersion: WorkerProtocol, Unknown: i.Unknown,
	}
}

// DecodeRegistered reads the server's first frame.
func DecodeRegistered(r *aionv1.Registered) ports.WorkerInfo {
	return ports.WorkerInfo{ID: r.GetWorkerId(), HeartbeatWindow: r.GetHeartbeatWindow().AsDuration(), Unknown: r.GetUnknown()}
}

// DecodeResults reads results. The payloads and failures are the core's afterwards. A result without an outcome is a completion
// without a value, which is how an encoder writes the empty payload if it leaves empty messages out.
func DecodeResults(in []*aionv1.TaskResult) ([]ports.TaskResult, error) {
	out := make([]ports.TaskResult, len(in))
	values := make([]model.Payload, len(in))
	for i, r := range in {
		out[i].Token = r.GetToken()
		switch o := r.GetOutcome().(type) {
		case *aionv1.TaskResult_Failed:
			delay, err := DecodeDuration("next_retry_delay", o.Failed.GetNextRetryDelay())
			if err != nil {
				return nil, err
			}
			out[i].NextDelay = delay
			if out[i].Failed = DecodeFailure(o.Failed.GetFailure()); out[i].Failed == nil {
				out[i].Failed = &model.Failure{Retryable: true}
			}
		case *aionv1.TaskResult_Pending:
			out[i].Pending = true
		case *aionv1.TaskResult_Canceled:
			values[i] = DecodePayload(o.Canceled.GetDetails())
			out[i].Canceled = &values[i]
		default:
			values[i] = DecodePayload(r.GetCompleted())
			out[i].Completed = &values[i]
		}
	}
	return out, nil
}

// EncodeResults writes results.
func EncodeResults(in []ports.TaskResult) []*aionv1.TaskResult {
	out := make([]*aionv1.TaskResult, len(in))
	for i, r := range in {
		out[i] = &aionv1.TaskResult{Token: r.Token}
		switch {
		case r.Failed != nil:
			out[i].Outcome = &aionv1.TaskResult_Failed{Failed: &aionv1.TaskFailure{
				Failure: EncodeFailure(r.Failed), NextRetryDelay: EncodeDuration(r.NextDelay),
			}}
		case r.Canceled != nil:
			out[i].Outcome = &aionv1.TaskResult_Canceled{Canceled: &aionv1.TaskCanceled{Details: EncodePayload(*r.Canceled)}}
		case r.Pending:
			out[i].Outcome = &aionv1.TaskResult_Pending{Pending: &aionv1.TaskPending{}}
		case r.Completed != nil:
			out[i].Outcome = &aionv1.TaskResult_Completed{Completed: somePayload(*r.Completed)}
		}
	}
	return out
}

// DecodeTask reads a task.
func DecodeTask(t *aionv1.Task) ports.ActivityTask {
	return ports.ActivityTask{
		Token:        t.GetToken(),
		Key:          model.ChainKey{Namespace: model.Namespace(t.GetNamespace()), WorkflowID: model.WorkflowID(t.GetWorkflowId())},
		Run:          model.RunID(t.GetRunId()),
		WorkflowType: model.WorkflowType(t.GetWorkflowType()),
		Ordinal:      model.Ordinal(t.GetActivityId()),
		Type:         model.ActivityType(t.GetActivityType()),
		Queue:        model.TaskQueue(t.GetTaskQueue()),
		Attempt:      model.Attempt(t.GetAttempt()),
		Input:        DecodePayload(t.GetInput()),
		Header:       t.GetHeaders(),
		ScheduledAt:  DecodeTime(t.GetScheduledAt()),
		Deadline:     DecodeTime(t.GetDeadline()),
		Heartbeat:    t.GetHeartbeatTimeout().AsDuration(),
		LastDetails:  DecodePayload(t.GetHeartbeat()),
	}
}

// DecodeFrame reads a frame to a worker.
func DecodeFrame(r *aionv1.StreamTasksResponse) ports.WorkerFrame {
	f := ports.WorkerFrame{Acks: r.GetAcks(), Drain: r.GetDrain()}
	for _, t := range r.GetTasks() {
		f.Tasks = append(f.Tasks, DecodeTask(t))
	}
	for _, c := range r.GetCancels() {
		f.Cancels = append(f.Cancels, ports.TaskCancel{Token: c.GetToken(), Reason: c.GetReason()})
	}
	return f
}

// EncodeWorker writes a connected worker.
func EncodeWorker(w ports.WorkerStatus) *aionv1.Worker {
	return &aionv1.Worker{
		WorkerId: w.ID, Identity: text(w.Registered.Identity), Namespaces: strs[string](w.Registered.Namespaces),
		TaskQueues: strs[string](w.Registered.Queues), ActivityTypes: strs[string](w.Registered.ActivityTypes), Slots: count(w.Slots),
		SlotsUsed: count(w.SlotsUsed), ConnectedAt: EncodeTime(w.ConnectedAt), Sdk: text(w.Registered.SDK), BuildId: text(w.Registered.BuildID),
		Draining: w.Draining,
	}
}

// DecodeWorker reads a connected worker.
func DecodeWorker(w *aionv1.Worker) ports.WorkerStatus {
	return ports.WorkerStatus{
		ID: w.GetWorkerId(),
		Registered: ports.WorkerRegistration{
			Namespaces: strs[model.Namespace](w.GetNamespaces()), Queues: strs[model.TaskQueue](w.GetTaskQueues()),
			ActivityTypes: strs[model.ActivityType](w.GetActivityTypes()), Slots: int(w.GetSlots()), Identity: w.GetIdentity(), SDK: w.GetSdk(),
			BuildID: w.GetBuildId(),
		},
		Slots: int(w.GetSlots()), SlotsUsed: int(w.GetSlotsUsed()), ConnectedAt: DecodeTime(w.GetConnectedAt()), Draining: w.GetDraining(),
	}
}
