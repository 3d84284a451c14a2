package wire

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/ports"
)

// FrameEncoder writes the frames of one worker's stream into messages that it uses again and again. Not safe for concurrent use.
type FrameEncoder struct {
	frame   aionv1.StreamTasksResponse
	tasks   []*taskMessage
	cancels []*aionv1.CancelTask
}

// taskMessage is a Task with all messages inside it, in one allocation.
type taskMessage struct {
	task                aionv1.Task
	input, details      aionv1.Payload
	scheduled, deadline timestamppb.Timestamp
	heartbeat           durationpb.Duration
}

// Encode gives the message of a frame. It is valid until Release or the next Encode.
func (e *FrameEncoder) Encode(f ports.WorkerFrame) *aionv1.StreamTasksResponse {
	out := &e.frame
	out.Tasks, out.Cancels, out.Acks, out.Drain = out.Tasks[:0], out.Cancels[:0], f.Acks, f.Drain
	for i := range f.Tasks {
		if i == len(e.tasks) {
			e.tasks = append(e.tasks, &taskMessage{})
		}
		e.tasks[i].set(&f.Tasks[i])
		out.Tasks = append(out.Tasks, &e.tasks[i].task)
	}
	for i, c := range f.Cancels {
		if i == len(e.cancels) {
			e.cancels = append(e.cancels, &aionv1.CancelTask{})
		}
		e.cancels[i].Token, e.cancels[i].Reason = c.Token, text(c.Reason)
		out.Cancels = append(out.Cancels, e.cancels[i])
	}
	return out
}

// Release lets go of what the last frame referred to.
func (e *FrameEncoder) Release() {
	for i := range e.frame.Tasks {
		m := e.tasks[i]
		m.task.Token, m.task.Headers = nil, nil
		m.input.Data, m.input.Metadata = nil, nil
		m.details.Data, m.details.Metadata = nil, nil
	}
	for i := range e.frame.Cancels {
		e.cancels[i].Token = nil
	}
	e.frame.Tasks, e.frame.Cancels, e.frame.Acks = e.frame.Tasks[:0], e.frame.Cancels[:0], nil
}

func (m *taskMessage) set(t *ports.ActivityTask) {
	out := &m.task
	out.Token = t.Token
	out.Namespace = string(t.Key.Namespace)
	out.WorkflowId = string(t.Key.WorkflowID)
	out.RunId = string(t.Run)
	out.ActivityId = uint32(t.Ordinal)
	out.ActivityType = string(t.Type)
	out.Attempt = uint32(t.Attempt)
	out.Headers = texts(t.Header)
	out.TaskQueue = string(t.Queue)
	out.WorkflowType = string(t.WorkflowType)
	out.Input, out.Heartbeat, out.ScheduledAt, out.Deadline, out.HeartbeatTimeout = nil, nil, nil, nil, nil
	if !t.Input.IsZero() {
		fillPayload(&m.input, t.Input)
		out.Input = &m.input
	}
	if !t.LastDetails.IsZero() {
		fillPayload(&m.details, t.LastDetails)
		out.Heartbeat = &m.details
	}
	if !t.ScheduledAt.IsZero() {
		out.ScheduledAt = setTime(&m.scheduled, t.ScheduledAt)
	}
	if !t.Deadline.IsZero() {
		out.Deadline = setTime(&m.deadline, t.Deadline)
	}
	if t.Heartbeat > 0 {
		m.heartbeat.Seconds, m.heartbeat.Nanos = int64(t.Heartbeat/time.Second), int32(t.Heartbeat%time.Second)
		out.HeartbeatTimeout = &m.heartbeat
	}
}

func setTime(out *timestamppb.Timestamp, t time.Time) *timestamppb.Timestamp {
	out.Seconds, out.Nanos = t.Unix(), int32(t.Nanosecond())
	return out
}
