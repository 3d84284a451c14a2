// Package attempt is what the function of an activity can learn and say about the attempt that it runs in, whichever worker runs it: one
// that is connected to a server, or one inside the server's process. It needs no network.
package attempt

import (
	"context"
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/guest"
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

	// TaskToken is what ends the attempt from outside, after activity.ErrPending: client.CompleteActivity, FailActivity and HeartbeatActivity
	// take it. It is as good as the task itself: give it to nobody who must not end the activity.
	TaskToken string
}

// Running is an attempt that runs, for workers.
type Running interface {
	// Task says which one it is.
	Task() Task
	// Beat passes a heartbeat on.
	Beat(details guest.Payload)
	// Details are the last recorded heartbeat details of the attempts before.
	Details() guest.Payload
}

type key struct{}

// NewContext gives the context that the function of an activity is called with, for workers.
func NewContext(ctx context.Context, r Running) context.Context {
	return context.WithValue(ctx, key{}, r)
}

// From gives the attempt that ctx belongs to, nil where it belongs to none; for workers.
func From(ctx context.Context) Running {
	r, _ := ctx.Value(key{}).(Running)
	return r
}

// Info says which attempt ctx belongs to. Outside of a worker, as in a test of the function alone, it is the zero Task.
func Info(ctx context.Context) Task {
	if r := From(ctx); r != nil {
		return r.Task()
	}
	return Task{}
}

// maxDetails bounds the details of a heartbeat, in bytes.
const maxDetails = 1 << 20

// Heartbeat says that the attempt is alive, and how far it is: the next attempt finds the last details by Details. Call it as often as is
// convenient. The error says why the attempt should stop, if it should (the context has ended, its cause is the error), or that the details
// cannot be written as JSON. Outside of a worker it does nothing.
func Heartbeat(ctx context.Context, details any) error {
	r := From(ctx)
	if r == nil {
		return context.Cause(ctx)
	}
	p, err := guest.Encode(details)
	if err != nil {
		return fmt.Errorf("heartbeat of activity %s: %w", r.Task().ActivityType, err)
	}
	if len(p.Data) > maxDetails {
		return fmt.Errorf("heartbeat of activity %s: its details have %d bytes; at most %d are allowed", r.Task().ActivityType, len(p.Data), maxDetails)
	}
	r.Beat(p)
	return context.Cause(ctx)
}

// Details reads the last recorded heartbeat details of the attempt before, to go on from there. ok is false where there are none; the
// error is that of details that do not fit T.
func Details[T any](ctx context.Context) (v T, ok bool, err error) {
	r := From(ctx)
	if r == nil || r.Details().IsZero() {
		return v, false, nil
	}
	err = r.Details().Decode(&v)
	return v, err == nil, err
}
