package worker

import (
	"context"
	"fmt"
	"time"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// Task says which attempt of which activity runs.
type Task struct {
	Namespace    string
	WorkflowID   string
	WorkflowType string
	RunID        string
	ActivityID   uint32 // numbers the run's commands, the same on every attempt
	ActivityType string
	Attempt      uint32 // from 1
	TaskQueue    string
	ScheduledAt  time.Time
	Deadline     time.Time     // when the attempt times out, by the server's clock; zero = never
	Heartbeat    time.Duration // the longest pause between two heartbeats; 0 = none are demanded
	Headers      map[string]string

	// Key names the activity, the same on every attempt and for ever: give it to services as the idempotency key of what the
	// activity does. Token names the attempt, the same each time that it is handed out.
	Key   string
	Token string
}

func taskOf(t *aionv1.Task) Task {
	out := Task{
		Namespace: t.GetNamespace(), WorkflowID: t.GetWorkflowId(), WorkflowType: t.GetWorkflowType(), RunID: t.GetRunId(),
		ActivityID: t.GetActivityId(), ActivityType: t.GetActivityType(), Attempt: t.GetAttempt(), TaskQueue: t.GetTaskQueue(),
		Heartbeat: t.GetHeartbeatTimeout().AsDuration(), Headers: t.GetHeaders(),
		Key:   fmt.Sprintf("%s/%d", t.GetRunId(), t.GetActivityId()),
		Token: fmt.Sprintf("%s/%d/%d", t.GetRunId(), t.GetActivityId(), t.GetAttempt()),
	}
	if t.GetScheduledAt() != nil {
		out.ScheduledAt = t.GetScheduledAt().AsTime()
	}
	if t.GetDeadline() != nil {
		out.Deadline = t.GetDeadline().AsTime()
	}
	return out
}

func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

// Info says which attempt ctx belongs to. Outside of a worker, as in a test of the function alone, it is the zero Task.
func Info(ctx context.Context) Task {
	if a := attemptOf(ctx); a != nil {
		return a.info
	}
	return Task{}
}

// maxDetails bounds the details of a heartbeat.
const maxDetails = 1 << 20

// Heartbeat says that the attempt is alive, and how far it is: the next attempt finds the last details by HeartbeatDetails. Call it
// as often as is convenient: only so many are sent as the heartbeat timeout needs, the newest details among them. The error says why
// the attempt should stop, if it should (the context has ended, its cause is the error), or that the details cannot be written as
// JSON. Outside of a worker it does nothing.
func Heartbeat(ctx context.Context, details any) error {
	a := attemptOf(ctx)
	if a == nil {
		return context.Cause(ctx)
	}
	p, err := workflow.NewPayload(details)
	if err != nil {
		return fmt.Errorf("heartbeat of activity %s: %w", a.info.ActivityType, err)
	}
	if len(p.Data) > maxDetails {
		return fmt.Errorf("heartbeat of activity %s: its details have %d bytes; at most %d are allowed", a.info.ActivityType, len(p.Data), maxDetails)
	}
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if a.w.attempts[a.key] == a { // else it has ended, and something that it left behind goes on
		a.beat, a.beatNew = &aionv1.TaskHeartbeat{Details: contract.Payload(p)}, true
		if a.beatSoon == nil {
			a.sendBeat(time.Now())
		}
	}
	return context.Cause(ctx)
}

// sendBeat queues the newest heartbeat, now or when the pause since the last one has passed. With the lock held.
func (a *attempt) sendBeat(now time.Time) {
	if wait := a.beatAt.Add(a.beatEvery()).Sub(now); wait > 0 && !a.beatAt.IsZero() {
		a.beatSoon = time.AfterFunc(wait, func() {
			a.w.mu.Lock()
			defer a.w.mu.Unlock()
			if a.beatSoon != nil { // else the attempt has ended
				a.beatSoon = nil
				a.sendBeat(time.Now())
			}
		})
		return
	}
	a.beatAt = now
	a.queueBeat()
	a.w.notice()
}

func (a *attempt) queueBeat() {
	a.beat.Token, a.beatNew = a.token, false
	a.w.outbox.beats[string(a.token)] = a.beat
}

// beatEvery is the pause between two heartbeats that are sent: a quarter of what is demanded, so that one or two may be lost.
func (a *attempt) beatEvery() time.Duration {
	if a.info.Heartbeat == 0 {
		return time.Second
	}
	return min(max(a.info.Heartbeat/4, 10*time.Millisecond), 5*time.Second)
}

// HeartbeatDetails reads the last recorded details of the attempt before, to go on from there. ok is false where there are none; the
// error is that of details that do not fit T.
func HeartbeatDetails[T any](ctx context.Context) (v T, ok bool, err error) {
	a := attemptOf(ctx)
	if a == nil || a.details.IsZero() {
		return v, false, nil
	}
	err = a.details.Decode(&v)
	return v, err == nil, err
}
