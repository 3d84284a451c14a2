package activity

import (
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// Options say how an activity is run. The zero value is useful: on the workflow's task queue, without time limits, retried until it
// succeeds or fails with an error that may not be retried.
type Options struct {
	TaskQueue       string        // "" = that of the workflow
	ScheduleToStart time.Duration // longest wait for a worker; 0 = no limit
	StartToClose    time.Duration // longest duration of one attempt; 0 = no limit
	ScheduleToClose time.Duration // longest duration of all attempts together; 0 = no limit
	Heartbeat       time.Duration // longest pause between two heartbeats of an attempt; 0 = none are demanded
	Retry           Retry
	Cancellation    Cancellation
	AtMostOnce      bool // record each start before hand-out and never hand the same attempt out again

	// Where the activity stands in its task queue. Zero values are those of the run (client.StartOptions).
	Priority       int    // from -10 to 10: the higher is handed out first
	FairnessKey    string // activities of different keys have their turns, however many of one there are
	ConcurrencyKey string // at most so many activities of a key run at once as the queue's settings say (1 unless they say more)
}

// Retry says how attempts are repeated. Zero fields mean the defaults: 1 s, 2.0, 100 × InitialInterval, no limit.
type Retry struct {
	InitialInterval time.Duration
	Coefficient     float64
	MaximumInterval time.Duration
	MaximumAttempts uint32 // 1 = never retry
	NonRetryable    []Type // errors of these types end the activity
}

// Cancellation says what happens when the workflow cancels the activity.
type Cancellation = guest.CancellationType

// The kinds of Cancellation. TryCancel, the default, tells the worker and goes on at once. WaitCancel tells the worker and goes on
// with what the activity finally answers. Abandon goes on at once and does not tell the worker.
const (
	TryCancel  = guest.CancelTry
	WaitCancel = guest.CancelWait
	Abandon    = guest.CancelAbandon
)

// merge replaces the fields that are set in with.
func (o Options) merge(with Options) Options {
	set(&o.TaskQueue, with.TaskQueue)
	set(&o.ScheduleToStart, with.ScheduleToStart)
	set(&o.StartToClose, with.StartToClose)
	set(&o.ScheduleToClose, with.ScheduleToClose)
	set(&o.Heartbeat, with.Heartbeat)
	set(&o.Retry.InitialInterval, with.Retry.InitialInterval)
	set(&o.Retry.Coefficient, with.Retry.Coefficient)
	set(&o.Retry.MaximumInterval, with.Retry.MaximumInterval)
	set(&o.Retry.MaximumAttempts, with.Retry.MaximumAttempts)
	if with.Retry.NonRetryable != nil {
		o.Retry.NonRetryable = with.Retry.NonRetryable
	}
	set(&o.Cancellation, with.Cancellation)
	set(&o.AtMostOnce, with.AtMostOnce)
	set(&o.Priority, with.Priority)
	set(&o.FairnessKey, with.FairnessKey)
	set(&o.ConcurrencyKey, with.ConcurrencyKey)
	return o
}

func set[T comparable](field *T, v T) {
	var zero T
	if v != zero {
		*field = v
	}
}

func (o Options) guest() guest.ActivityOptions {
	r := guest.RetryPolicy{
		InitialInterval: o.Retry.InitialInterval,
		Coefficient:     o.Retry.Coefficient,
		MaximumInterval: o.Retry.MaximumInterval,
		MaximumAttempts: o.Retry.MaximumAttempts,
	}
	for _, t := range o.Retry.NonRetryable {
		r.NonRetryableTypes = append(r.NonRetryableTypes, string(t))
	}
	return guest.ActivityOptions{
		TaskQueue:       o.TaskQueue,
		ScheduleToStart: o.ScheduleToStart,
		StartToClose:    o.StartToClose,
		ScheduleToClose: o.ScheduleToClose,
		Heartbeat:       o.Heartbeat,
		Retry:           r,
		Cancellation:    o.Cancellation,
		AtMostOnce:      o.AtMostOnce,
		Priority:        int32(min(max(o.Priority, -1<<31), 1<<31-1)),
		FairnessKey:     o.FairnessKey,
		ConcurrencyKey:  o.ConcurrencyKey,
	}
}
