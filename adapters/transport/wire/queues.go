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
		w := &aionv1.TaskQueue{
			Namespace: string(q.Namespace), Name: string(q.Name), Workers: count(q.Workers), Slots: count(q.Slots), SlotsUsed: count(q.SlotsUsed),
			Buffered: q.Buffered, Backlog: q.Backlog,
		}
		if !q.Oldest.IsZero() {
			w.OldestAge = durationpb.New(max(now.Sub(q.Oldest), 0)) // an age of zero is not the same as none
		}
		out.TaskQueues = append(out.TaskQueues, w)
	}
	return out, nil
}

// DecodeQueue reads a task queue as it was at now.
func DecodeQueue(q *aionv1.TaskQueue, now time.Time) ports.QueueStatus {
	out := ports.QueueStatus{
		Namespace: model.Namespace(q.GetNamespace()), Name: model.TaskQueue(q.GetName()), Workers: int(q.GetWorkers()), Slots: int(q.GetSlots()),
		SlotsUsed: int(q.GetSlotsUsed()), Buffered: q.GetBuffered(), Backlog: q.GetBacklog(),
	}
	if q.GetOldestAge() != nil {
		out.Oldest = now.Add(-q.GetOldestAge().AsDuration())
	}
	return out
}
