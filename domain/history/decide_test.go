package history_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// What each command means, given where the run is: activity 1 is pending, 2 is being canceled, timers 3 and 4 run.
func TestDecide(t *testing.T) {
	opts := func(o model.ActivityOptions) history.Attributes {
		return &history.ActivityScheduled{Ordinal: 5, Type: "A", Options: o}
	}
	deep := &model.Failure{}
	for range model.MaxFailureDepth {
		deep = &model.Failure{Cause: deep}
	}
	type kind = history.Kind
	for _, c := range []struct {
		name   string
		before []history.Attributes
		cmd    history.Attributes
		want   []kind
		refuse string // what the refusal says
	}{
		{name: "an activity", cmd: opts(model.ActivityOptions{}), want: []kind{history.KindActivityScheduled}},
		{name: "an activity with a number left out", cmd: &history.ActivityScheduled{Ordinal: 6, Type: "A"}, refuse: "next number is 5"},
		{name: "an activity with a number used before", cmd: &history.ActivityScheduled{Ordinal: 3, Type: "A"}, refuse: "next number is 5"},
		{name: "an activity without a type", cmd: &history.ActivityScheduled{Ordinal: 5}, refuse: "activity type is empty"},
		{name: "a type with a control character", cmd: &history.ActivityScheduled{Ordinal: 5, Type: "a\nb"}, refuse: "control character"},
		{name: "a queue too long", cmd: opts(model.ActivityOptions{TaskQueue: model.TaskQueue(strings.Repeat("q", 256))}), refuse: "task queue"},
		{name: "a negative limit", cmd: opts(model.ActivityOptions{Heartbeat: -1}), refuse: "negative"},
		{name: "a negative interval", cmd: opts(model.ActivityOptions{Retry: model.RetryPolicy{MaximumInterval: -1}}), refuse: "negative"},
		{name: "a negative coefficient", cmd: opts(model.ActivityOptions{Retry: model.RetryPolicy{Coefficient: -2}}), refuse: "coefficient"},
		{name: "a coefficient that is no number", cmd: opts(model.ActivityOptions{Retry: model.RetryPolicy{Coefficient: math.NaN()}}), refuse: "coefficient"},
		{name: "an endless coefficient", cmd: opts(model.ActivityOptions{Retry: model.RetryPolicy{Coefficient: math.Inf(1)}}), refuse: "coefficient"},
		{name: "an unknown cancellation", cmd: opts(model.ActivityOptions{Cancellation: 9}), refuse: "cancellation type 9"},

		{name: "the cancel of an activity that is only tried", cmd: &history.ActivityCancelRequested{Ordinal: 1}, want: []kind{history.KindActivityCancelRequested, history.KindActivityCanceled}},
		{name: "the cancel of an activity that is waited for", before: []history.Attributes{opts(model.ActivityOptions{Cancellation: model.CancelWait})},
			cmd: &history.ActivityCancelRequested{Ordinal: 5}, want: []kind{history.KindActivityCancelRequested}},
		{name: "the cancel of an activity that is abandoned", before: []history.Attributes{opts(model.ActivityOptions{Cancellation: model.CancelAbandon})},
			cmd: &history.ActivityCancelRequested{Ordinal: 5}, want: []kind{history.KindActivityCancelRequested, history.KindActivityCanceled}},
		{name: "a second cancel", cmd: &history.ActivityCancelRequested{Ordinal: 2}},
		{name: "the cancel of a settled activity", before: []history.Attributes{&history.ActivityCompleted{Ordinal: 1, Attempt: 2}}, cmd: &history.ActivityCancelRequested{Ordinal: 1}},
		{name: "the cancel of an activity that never was", cmd: &history.ActivityCancelRequested{Ordinal: 5}, refuse: "never scheduled"},
		{name: "the cancel of activity 0", cmd: &history.ActivityCancelRequested{}, refuse: "never scheduled"},

		{name: "a timer", cmd: &history.TimerStarted{Ordinal: 5, Delay: time.Second}, want: []kind{history.KindTimerStarted}},
		{name: "a timer with a wrong number", cmd: &history.TimerStarted{Ordinal: 4}, refuse: "next number is 5"},
		{name: "a timer into the past", cmd: &history.TimerStarted{Ordinal: 5, Delay: -1}, refuse: "negative delay"},
		{name: "the cancel of a timer", cmd: &history.TimerCanceled{Ordinal: 3}, want: []kind{history.KindTimerCanceled}},
		{name: "the cancel of a timer that has fired", before: []history.Attributes{&history.TimerFired{Ordinal: 3}}, cmd: &history.TimerCanceled{Ordinal: 3}},
		{name: "the cancel of a timer that never was", cmd: &history.TimerCanceled{Ordinal: 5}, refuse: "never started"},

		{name: "completion", cmd: &history.Completed{}, want: []kind{history.KindCompleted}},
		{name: "failure", cmd: &history.Failed{Failure: deep.Cause}, want: []kind{history.KindFailed}},
		{name: "failure without one", cmd: &history.Failed{}, refuse: "without a failure"},
		{name: "failure too deep", cmd: &history.Failed{Failure: deep}, refuse: "33 causes"},
		{name: "cancellation", cmd: &history.Canceled{}, want: []kind{history.KindCanceled}},
		{name: "anything behind the end", before: []history.Attributes{&history.Completed{}}, cmd: &history.TimerStarted{Ordinal: 5}, refuse: "after it had closed"},
		{name: "what is not a command", cmd: &history.Terminated{}, refuse: "not a command"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := running(t)
			if err := fold(s, c.before...); err != nil {
				t.Fatal(err)
			}
			events, n, err := history.Decide(s, c.cmd)
			if c.refuse != "" {
				var r *history.Refusal
				if !errors.As(err, &r) || !strings.Contains(err.Error(), c.refuse) || n != 0 {
					t.Errorf("got %d events, %v; want a refusal with %q", n, err, c.refuse)
				}
				return
			}
			if err != nil || n != len(c.want) {
				t.Fatalf("got %d events, %v; want %v", n, err, c.want)
			}
			for i, a := range events[:n] {
				if a.Kind() != c.want[i] {
					t.Errorf("event %d is %v, want %v", i, a.Kind(), c.want[i])
				}
				if err := fold(s, a); err != nil {
					t.Errorf("it cannot be folded: %v", err)
				}
			}
		})
	}
	// The queue of the run is what a command means that names none; the decision is the same when it is made again.
	s := running(t)
	first, _, _ := history.Decide(s, opts(model.ActivityOptions{}))
	second, _, _ := history.Decide(s, opts(model.ActivityOptions{}))
	if q := first[0].(*history.ActivityScheduled).Options.TaskQueue; q != "q" || !history.Same(first[0], second[0]) {
		t.Errorf("queue %q", q)
	}
}

// What is not a list of commands is refused.
func TestDecodeCommands(t *testing.T) {
	withSeq := history.AppendEvent(nil, &history.Event{Seq: 1, Attr: &history.Completed{}})
	withTime := history.AppendEvent(nil, &history.Event{Time: 1, Attr: &history.Completed{}})
	for name, b := range map[string][]byte{
		"a seq": withSeq, "a time": withTime, "an event": history.AppendCommand(nil, &history.TimerFired{Ordinal: 1}), "nonsense": {1, 2, 3}, "half a command": history.AppendCommand(nil, &history.Completed{})[:2],
		"an unknown kind": {10, 3, 0x92, 4, 0},
	} {
		var r *history.Refusal
		if cmds, err := history.DecodeCommands(b); !errors.As(err, &r) {
			t.Errorf("%s: %v, %v", name, cmds, err)
		}
	}
	two := history.AppendCommand(history.AppendCommand(nil, &history.TimerStarted{Ordinal: 1, Delay: 5}), &history.Completed{})
	if cmds, err := history.DecodeCommands(two); err != nil || len(cmds) != 2 || cmds[0].(*history.TimerStarted).Delay != 5 {
		t.Error(cmds, err)
	}
	if cmds, err := history.DecodeCommands(nil); err != nil || len(cmds) != 0 {
		t.Error(cmds, err)
	}
}

// What the end of an attempt means: another attempt, when, or the end of the activity.
func TestSettle(t *testing.T) {
	const sec = int64(time.Second)
	retryable := &model.Failure{Type: "busy", Message: "later", Retryable: true}
	final := &model.Failure{Type: "declined"}
	for _, c := range []struct {
		name    string
		opts    model.ActivityOptions
		attempt model.Attempt
		change  func(a *history.Activity)
		failure *model.Failure
		timeout model.TimeoutKind
		next    time.Duration
		now     int64 // seconds after it was scheduled
		delay   time.Duration
		end     history.Kind // 0 = another attempt
	}{
		{name: "defaults, first attempt", attempt: 1, failure: retryable, delay: time.Second},
		{name: "defaults, third attempt", attempt: 3, failure: retryable, delay: 4 * time.Second},
		{name: "defaults, late attempt", attempt: 1000, failure: retryable, delay: 100 * time.Second},
		{name: "all fields", attempt: 2, opts: model.ActivityOptions{Retry: model.RetryPolicy{InitialInterval: 10 * time.Second, Coefficient: 3, MaximumInterval: time.Minute, MaximumAttempts: 4}}, failure: retryable, delay: 30 * time.Second},
		{name: "the maximum interval", attempt: 3, opts: model.ActivityOptions{Retry: model.RetryPolicy{InitialInterval: 10 * time.Second, Coefficient: 3, MaximumInterval: time.Minute, MaximumAttempts: 4}}, failure: retryable, delay: time.Minute},
		{name: "the last attempt", attempt: 4, opts: model.ActivityOptions{Retry: model.RetryPolicy{MaximumAttempts: 4}}, failure: retryable, end: history.KindActivityFailed},
		{name: "one attempt only", attempt: 1, opts: model.ActivityOptions{Retry: model.RetryPolicy{MaximumAttempts: 1}}, failure: retryable, end: history.KindActivityFailed},
		{name: "an error that may not be retried", attempt: 1, failure: final, end: history.KindActivityFailed},
		{name: "a type that may not be retried", attempt: 1, opts: model.ActivityOptions{Retry: model.RetryPolicy{NonRetryableTypes: []string{"x", "busy"}}}, failure: retryable, end: history.KindActivityFailed},
		{name: "another type", attempt: 1, opts: model.ActivityOptions{Retry: model.RetryPolicy{NonRetryableTypes: []string{"x"}}}, failure: retryable, delay: time.Second},
		{name: "the worker sets the delay", attempt: 1, failure: retryable, next: time.Hour, delay: time.Hour},
		{name: "the worker sets a shorter delay", attempt: 9, failure: retryable, next: time.Nanosecond, delay: time.Nanosecond},
		{name: "a coefficient below 1 counts as the default", attempt: 2, opts: model.ActivityOptions{Retry: model.RetryPolicy{Coefficient: 0.5}}, failure: retryable, delay: 2 * time.Second},
		{name: "constant intervals", attempt: 7, opts: model.ActivityOptions{Retry: model.RetryPolicy{Coefficient: 1}}, failure: retryable, delay: time.Second},
		{name: "a canceled activity", attempt: 1, change: func(a *history.Activity) { a.Canceling = true }, failure: retryable, end: history.KindActivityFailed},
		{name: "at most once", attempt: 1, opts: model.ActivityOptions{AtMostOnce: true}, failure: retryable, end: history.KindActivityFailed},
		{name: "in time for schedule-to-close", attempt: 1, opts: model.ActivityOptions{ScheduleToClose: 10 * time.Second}, failure: retryable, now: 8, delay: time.Second},
		{name: "too late for schedule-to-close", attempt: 1, opts: model.ActivityOptions{ScheduleToClose: 10 * time.Second}, failure: retryable, now: 9, end: history.KindActivityFailed},
		{name: "the worker's delay is too late", attempt: 1, opts: model.ActivityOptions{ScheduleToClose: 10 * time.Second}, failure: retryable, next: time.Minute, end: history.KindActivityFailed},
		{name: "an endless delay", attempt: 1, failure: retryable, next: math.MaxInt64, delay: math.MaxInt64},
		{name: "a time limit", attempt: 1, failure: retryable, timeout: model.TimeoutHeartbeat, delay: time.Second},
		{name: "the last time limit", attempt: 2, opts: model.ActivityOptions{Retry: model.RetryPolicy{MaximumAttempts: 2}}, failure: retryable, timeout: model.TimeoutStartToClose, end: history.KindActivityTimedOut},
		{name: "a type of time limit that may not be retried", attempt: 1, opts: model.ActivityOptions{Retry: model.RetryPolicy{NonRetryableTypes: []string{"busy"}}}, failure: retryable, timeout: model.TimeoutStartToClose, end: history.KindActivityTimedOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &history.Activity{Scheduled: &history.ActivityScheduled{Ordinal: 1, Type: "A", Options: c.opts}, ScheduledAt: sec, Attempt: c.attempt, LastFailure: &model.Failure{Message: "before"}}
			if c.change != nil {
				c.change(a)
			}
			got := history.Settle(a, sec+c.now*sec, c.failure, c.timeout, c.next, "me", model.Payload{Data: []byte("beat")})
			switch e := got.(type) {
			case *history.ActivityAttemptFailed:
				if c.end != 0 || e.NextDelay != c.delay || e.Attempt != c.attempt || e.Failure != c.failure || e.Timeout != c.timeout || e.Worker != "me" || string(e.Heartbeat.Data) != "beat" {
					t.Errorf("got %+v, want %v after %v", e, c.end, c.delay)
				}
			case *history.ActivityFailed:
				if c.end != e.Kind() || e.Attempt != c.attempt || e.Failure != c.failure || e.Worker != "me" {
					t.Errorf("got %+v", e)
				}
			case *history.ActivityTimedOut:
				if c.end != e.Kind() || e.Attempt != c.attempt || e.Timeout != c.timeout || e.Last.Message != "before" {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}
