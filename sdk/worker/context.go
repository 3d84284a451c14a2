package worker

import (
	"context"
	"fmt"
	"time"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	around "github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/internal/contract"
)

// Task says which attempt of which activity runs.
type Task = around.Task

func taskOf(t *aionv1.Task) Task {
	out := Task{
		Namespace: t.GetNamespace(), WorkflowID: t.GetWorkflowId(), WorkflowType: t.GetWorkflowType(), RunID: t.GetRunId(),
		ActivityID: t.GetActivityId(), ActivityType: t.GetActivityType(), Attempt: t.GetAttempt(), TaskQueue: t.GetTaskQueue(),
		Heartbeat: t.GetHeartbeatTimeout().AsDuration(), Headers: t.GetHeaders(),
		Key:       fmt.Sprintf("%s/%d", t.GetRunId(), t.GetActivityId()),
		Token:     fmt.Sprintf("%s/%d/%d", t.GetRunId(), t.GetActivityId(), t.GetAttempt()),
		TaskToken: activity.EncodeToken(t.GetToken()),
	}
	if t.GetScheduledAt() != nil {
		out.ScheduledAt = t.GetScheduledAt().AsTime()
	}
	if t.GetDeadline() != nil {
		out.Deadline = t.GetDeadline().AsTime()
	}
	return out
}

var _ around.Running = (*attempt)(nil)

// Task says which attempt it is.
func (a *attempt) Task() Task { return a.info }

// Details are the last heartbeat details of the attempts before.
func (a *attempt) Details() guest.Payload { return a.details }

// Beat sends a heartbeat, now or when the pause since the last one has passed.
func (a *attempt) Beat(details guest.Payload) {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if a.w.attempts[a.key] != a {
		return // it has ended, and something that it left behind goes on
	}
	details, err := a.w.options.Codecs.Encode(details)
	if err != nil {
		a.w.log.Warn("heartbeat details are left out: they cannot be encoded", "activity", a.info.ActivityType, "error", err)
		details = guest.Payload{}
	}
	a.beat, a.beatNew = &aionv1.TaskHeartbeat{Details: contract.Payload(details)}, true
	if a.beatSoon == nil {
		a.sendBeat(time.Now())
	}
}

// Info says which attempt ctx belongs to, as attempt.Info does. Outside of a worker, as in a test of the function alone, it is the zero Task.
func Info(ctx context.Context) Task { return around.Info(ctx) }

// Heartbeat says that the attempt is alive, and how far it is: the next attempt finds the last details by HeartbeatDetails. Call it
// as often as is convenient: only so many are sent as the heartbeat timeout needs, the newest details among them. The error says why
// the attempt should stop, if it should (the context has ended, its cause is the error), or that the details cannot be written as
// JSON. Outside of a worker it does nothing.
func Heartbeat(ctx context.Context, details any) error { return around.Heartbeat(ctx, details) }

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
	return around.Details[T](ctx)
}
