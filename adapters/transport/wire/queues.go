package wire

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodeWorkers writes a page of the connected workers in order of ID. InvalidPageToken.
func EncodeWorkers(r *aionv1.ListWorkersRequest, all []ports.WorkerStatus, limit int) (*aionv1.ListWorkersResponse, error) {
	all = slices.SortedFunc(slices.Values(all), func(a, b ports.WorkerStatus) int { return cmp.Compare(a.ID, b.ID) })
	page, next, err := Page(all, Scope{"workers", r.GetNamespace()}, r.GetPageToken(), PageSize(r.GetPageSize(), limit),
		func(w ports.WorkerStatus) []byte { return []byte(w.ID) },
		func(w ports.WorkerStatus, cursor []byte) (int, error) { return cmp.Compare(w.ID, string(cursor)), nil })
	if err != nil {
		return nil, err
	}
	out := &aionv1.ListWorkersResponse{NextPageToken: next}
	for _, w := range page {
		out.Workers = append(out.Workers, EncodeWorker(w))
	}
	return out, nil
}

// queueKey orders queues by name, then namespace; neither holds a NUL.
func queueKey(q ports.QueueStatus) string { return string(q.Name) + "\x00" + string(q.Namespace) }

// EncodeQueues writes a page of the task queues in order of name, as of now. InvalidPageToken.
func EncodeQueues(r *aionv1.ListTaskQueuesRequest, all []ports.QueueStatus, limit int, now time.Time) (*aionv1.ListTaskQueuesResponse, error) {
	all = slices.SortedFunc(slices.Values(all), func(a, b ports.QueueStatus) int { return strings.Compare(queueKey(a), queueKey(b)) })
	page, next, err := Page(all, Scope{"queues", r.GetNamespace()}, r.GetPageToken(), PageSize(r.GetPageSize(), limit),
		func(q ports.QueueStatus) []byte { return []byte(queueKey(q)) },
		func(q ports.QueueStatus, cursor []byte) (int, error) {
			return strings.Compare(queueKey(q), string(cursor)), nil
		})
	if err != nil {
		return nil, err
	}
	out := &aionv1.ListTaskQueuesResponse{NextPageToken: next}
	for _, q := range page {
		out.TaskQueues = append(out.TaskQueues, encodeQueue(q, now))
	}
	return out, nil
}

func encodeQueue(q ports.QueueStatus, now time.Time) *aionv1.TaskQueue {
	return &aionv1.TaskQueue{
		Namespace: string(q.Namespace), Name: string(q.Name), Workers: count(q.Workers), Slots: count(q.Slots), SlotsUsed: count(q.SlotsUsed),
		Buffered: q.Buffered, Backlog: q.Backlog, OldestAge: age(q.Oldest, now), Settings: EncodeQueueSettings(q.Settings), Running: count(q.Running),
		HeldByKeys: q.HeldByKeys, LimitedByRate: q.Limited,
	}
}

// age is how long ago something was; an age of zero is not the same as none.
func age(at, now time.Time) *durationpb.Duration {
	if at.IsZero() {
		return nil
	}
	return durationpb.New(max(now.Sub(at), 0))
}

func since(age *durationpb.Duration, now time.Time) time.Time {
	if age == nil {
		return time.Time{}
	}
	return now.Add(-age.AsDuration())
}

// DecodeQueue reads a task queue as it was at now.
func DecodeQueue(q *aionv1.TaskQueue, now time.Time) ports.QueueStatus {
	return ports.QueueStatus{
		Namespace: model.Namespace(q.GetNamespace()), Name: model.TaskQueue(q.GetName()), Workers: int(q.GetWorkers()), Slots: int(q.GetSlots()),
		SlotsUsed: int(q.GetSlotsUsed()), Buffered: q.GetBuffered(), Backlog: q.GetBacklog(), Oldest: since(q.GetOldestAge(), now),
		Settings: DecodeQueueSettings(q.GetSettings()), Running: int(q.GetRunning()), HeldByKeys: q.GetHeldByKeys(), Limited: q.GetLimitedByRate(),
	}
}

// EncodeQueueSettings writes what limits a queue, nil when nothing does.
func EncodeQueueSettings(s ports.QueueSettings) *aionv1.TaskQueueSettings {
	if s.IsZero() {
		return nil
	}
	return &aionv1.TaskQueueSettings{
		Rate: s.Rate, Burst: count(s.Burst), Weight: count(s.Weight), KeyLimit: count(s.KeyLimit), KeyLimits: counts(s.KeyLimits), FairnessWeights: counts(s.FairnessWeights),
	}
}

// DecodeQueueSettings reads what limits a queue.
func DecodeQueueSettings(s *aionv1.TaskQueueSettings) ports.QueueSettings {
	return ports.QueueSettings{
		Rate: s.GetRate(), Burst: int(s.GetBurst()), Weight: int(s.GetWeight()), KeyLimit: int(s.GetKeyLimit()), KeyLimits: ints(s.GetKeyLimits()),
		FairnessWeights: ints(s.GetFairnessWeights()),
	}
}

func counts(m map[string]int) map[string]uint32 {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]uint32, len(m))
	for k, n := range m {
		out[k] = count(n)
	}
	return out
}

func ints(m map[string]uint32) map[string]int {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]int, len(m))
	for k, n := range m {
		out[k] = int(n)
	}
	return out
}

// EncodeQueueDescription writes who waits in a queue, as of now.
func EncodeQueueDescription(q ports.QueueDescription, now time.Time) *aionv1.DescribeTaskQueueResponse {
	out := &aionv1.DescribeTaskQueueResponse{TaskQueue: encodeQueue(q.QueueStatus, now)}
	for _, k := range q.Keys {
		w := &aionv1.TaskQueueKey{Name: k.Name, Limit: count(k.Limit), Held: count(k.Held), Waiting: int64(k.Waiting), OldestAge: age(k.Oldest, now)}
		for _, h := range k.Holders {
			w.Holders = append(w.Holders, &aionv1.TaskQueueHolder{
				WorkflowId: string(h.WorkflowID), RunId: string(h.Run), ActivityId: uint32(h.Ordinal), ActivityType: string(h.Type), Worker: text(h.Worker),
			})
		}
		out.Keys = append(out.Keys, w)
	}
	for _, f := range q.Flows {
		out.Flows = append(out.Flows, &aionv1.TaskQueueFlow{FairnessKey: f.Name, Weight: count(f.Weight), Waiting: int64(f.Waiting)})
	}
	return out
}

// DecodeQueueDescription reads who waited in a queue at now.
func DecodeQueueDescription(q *aionv1.DescribeTaskQueueResponse, now time.Time) ports.QueueDescription {
	out := ports.QueueDescription{QueueStatus: DecodeQueue(q.GetTaskQueue(), now)}
	for _, k := range q.GetKeys() {
		s := ports.KeyStatus{Name: k.GetName(), Limit: int(k.GetLimit()), Held: int(k.GetHeld()), Waiting: int(k.GetWaiting()), Oldest: since(k.GetOldestAge(), now)}
		for _, h := range k.GetHolders() {
			s.Holders = append(s.Holders, ports.TaskHolder{
				WorkflowID: model.WorkflowID(h.GetWorkflowId()), Run: model.RunID(h.GetRunId()), Ordinal: model.Ordinal(h.GetActivityId()),
				Type: model.ActivityType(h.GetActivityType()), Worker: h.GetWorker(),
			})
		}
		out.Keys = append(out.Keys, s)
	}
	for _, f := range q.GetFlows() {
		out.Flows = append(out.Flows, ports.FlowStatus{Name: f.GetFairnessKey(), Weight: int(f.GetWeight()), Waiting: int(f.GetWaiting())})
	}
	return out
}
