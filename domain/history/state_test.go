package history_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// fold applies attributes, one second apart, and gives the first error.
func fold(s *history.State, all ...history.Attributes) error {
	for _, a := range all {
		e := history.Event{Seq: s.Seq + 1, Time: s.Time + int64(time.Second), Attr: a}
		if err := s.Apply(&e, history.AppendEvent(nil, &e)); err != nil {
			return err
		}
	}
	return nil
}

// running is an open run: it has activity 1 (attempt 2), activity 2 that is being canceled, timers 3 and 4, and a signal that waits.
func running(t testing.TB) *history.State {
	t.Helper()
	s := history.NewState()
	err := fold(s,
		&history.Started{Namespace: "default", WorkflowID: "w", RunID: "r", Type: "T", TaskQueue: "q", Package: "p", RunTimeout: time.Hour, Seed: make([]byte, 32)},
		&history.Activated{Through: 1, Commands: 5},
		&history.ActivityScheduled{Ordinal: 1, Type: "A", Options: model.ActivityOptions{TaskQueue: "q", ScheduleToClose: time.Hour, ScheduleToStart: time.Minute}},
		&history.ActivityScheduled{Ordinal: 2, Type: "B", Options: model.ActivityOptions{TaskQueue: "q", Cancellation: model.CancelWait}},
		&history.TimerStarted{Ordinal: 3, Delay: time.Minute},
		&history.TimerStarted{Ordinal: 4, Delay: time.Hour},
		&history.ActivityCancelRequested{Ordinal: 2},
		&history.ActivityAttemptFailed{Ordinal: 1, Attempt: 1, Failure: &model.Failure{Message: "no"}, NextDelay: time.Second, Heartbeat: model.Payload{Data: []byte("5")}},
		&history.SignalReceived{Name: "s"},
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The fold of a run is what its events say.
func TestFold(t *testing.T) {
	s := running(t)
	a, b := s.Activities[1], s.Activities[2]
	sec := int64(time.Second)
	switch {
	case !s.Open() || !s.Runnable() || !s.NeedsActivation() || s.Seq != 9 || s.Time != 9*sec || s.StartedAt != sec || s.RunDeadline() != sec+int64(time.Hour):
		t.Errorf("%+v", s)
	case a.Attempt != 2 || a.NextAt != 9*sec || a.ScheduledAt != 3*sec || a.LastFailure.Message != "no" || string(a.Heartbeat.Data) != "5" || a.Canceling:
		t.Errorf("%+v", a)
	case !b.Canceling || b.Attempt != 1:
		t.Errorf("%+v", b)
	case s.Timers[3].Due != 5*sec+int64(time.Minute) || s.NextOrdinal != 5 || s.Through != 1 || s.Delivered != 9 || len(s.Pending) != 1 || s.Pending[0].Seq != 9 || s.Waiting == 0:
		t.Errorf("%+v", s)
	}
	if closeAt, startAt := a.ScheduleDeadlines(); closeAt != 3*sec+int64(time.Hour) || startAt != 9*sec+int64(time.Minute) {
		t.Errorf("deadlines %d, %d", closeAt, startAt)
	}
	if s.LastBoundary() != 2 || s.BoundaryBefore() != 0 {
		t.Errorf("boundaries %d, %d", s.LastBoundary(), s.BoundaryBefore())
	}
	bytes := s.Bytes
	err := fold(s, &history.Activated{Through: 9, Commands: 1}, &history.ActivityCompleted{Ordinal: 1, Attempt: 2}, &history.Blocked{What: "panic"}, &history.TimerFired{Ordinal: 3}, &history.CancelRequested{})
	if err != nil || s.Bytes <= bytes || s.Blocked == nil || s.BlockedAt != 12*sec || s.NeedsActivation() || s.LastBoundary() != 10 || s.BoundaryBefore() != 2 || len(s.Pending) != 3 || !s.CancelRequested {
		t.Errorf("%v, %+v", err, s)
	}
	if err := fold(s, &history.Repinned{Package: "p2", ReplayedThrough: 9}, &history.Unblocked{}); err != nil || s.Package != "p2" || s.ReplayedThrough != 9 || !s.NeedsActivation() {
		t.Errorf("%v, %+v", err, s)
	}
	if err := fold(s, &history.Terminated{}); err != nil || s.Open() || s.Status != model.StatusTerminated || len(s.Activities)+len(s.Timers)+len(s.Pending) != 0 || s.Waiting != 0 || s.ClosedTime().UnixNano() != s.Time {
		t.Errorf("%v, %+v", err, s)
	}
}

// [HIS-3] Each closing kind ends the run with its status.
func TestClosing(t *testing.T) {
	for a, want := range map[history.Attributes]model.Status{
		&history.Completed{}: model.StatusCompleted, &history.Failed{Failure: &model.Failure{}}: model.StatusFailed, &history.Canceled{}: model.StatusCanceled,
		&history.Terminated{}: model.StatusTerminated, &history.TimedOut{}: model.StatusTimedOut,
	} {
		if s := running(t); fold(s, a) != nil || s.Status != want || s.Closed != a {
			t.Errorf("%v: %v", a.Kind(), s.Status)
		}
	}
}

// [HIS-1] [HIS-3] What cannot follow is refused: the history is damaged, or the engine is about to damage it.
func TestApplyRefuses(t *testing.T) {
	blocked := []history.Attributes{&history.Blocked{What: "panic"}}
	for _, c := range []struct {
		name   string
		before []history.Attributes
		event  history.Attributes
	}{
		{"a second start", nil, &history.Started{}},
		{"an event behind the closing one", []history.Attributes{&history.Completed{}}, &history.SignalReceived{}},
		{"a second closing", []history.Attributes{&history.Completed{}}, &history.Terminated{}},
		{"an activation of nothing", nil, &history.Activated{Through: 1}},
		{"an activation beyond what waits", nil, &history.Activated{Through: 10}},
		{"an activation through an event of another kind", []history.Attributes{&history.TimerFired{Ordinal: 3}, &history.ActivityAttemptStarted{Ordinal: 1, Attempt: 2}}, &history.Activated{Through: 11}},
		{"an activation while blocked", blocked, &history.Activated{Through: 9}},
		{"blocked twice", blocked, &history.Blocked{}},
		{"an activation while paused", []history.Attributes{&history.Paused{}}, &history.Activated{Through: 9}},
		{"paused twice", []history.Attributes{&history.Paused{}}, &history.Paused{}},
		{"resumed without being paused", blocked, &history.Resumed{}},
		{"unblocked without being blocked", nil, &history.Unblocked{}},
		{"a gap in the numbers of activities", nil, &history.ActivityScheduled{Ordinal: 6}},
		{"an activity with the number of another", nil, &history.ActivityScheduled{Ordinal: 1}},
		{"a timer with the number of another", nil, &history.TimerStarted{Ordinal: 4}},
		{"a timer that was never started", nil, &history.TimerFired{Ordinal: 9}},
		{"a timer that has fired", []history.Attributes{&history.TimerFired{Ordinal: 3}}, &history.TimerCanceled{Ordinal: 3}},
		{"the number of an activity as a timer", nil, &history.TimerFired{Ordinal: 1}},
		{"a result of an old attempt", nil, &history.ActivityCompleted{Ordinal: 1, Attempt: 1}},
		{"a failure of an old attempt", nil, &history.ActivityAttemptFailed{Ordinal: 1, Attempt: 1}},
		{"a failure of an attempt to come", nil, &history.ActivityAttemptFailed{Ordinal: 1, Attempt: 3}},
		{"the start of an attempt to come", nil, &history.ActivityAttemptStarted{Ordinal: 1, Attempt: 3}},
		{"a second result", []history.Attributes{&history.ActivityCompleted{Ordinal: 1, Attempt: 2}}, &history.ActivityCompleted{Ordinal: 1, Attempt: 2}},
		{"the cancel of a settled activity", []history.Attributes{&history.ActivityFailed{Ordinal: 1, Attempt: 2}}, &history.ActivityCancelRequested{Ordinal: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := running(t)
			if err := fold(s, c.before...); err != nil {
				t.Fatal(err)
			}
			if err := fold(s, c.event); !fault.Has(err, fault.Internal) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("got %v", err)
			}
		})
	}
	apply := func(s *history.State, e history.Event) error { return s.Apply(&e, nil) }
	if err := apply(history.NewState(), history.Event{Seq: 1, Attr: &history.SignalReceived{}}); err == nil {
		t.Error("a run that does not begin with Started")
	}
	if err := apply(running(t), history.Event{Seq: 11, Time: 1e18, Attr: &history.SignalReceived{}}); err == nil {
		t.Error("a gap in seq")
	}
	if err := apply(running(t), history.Event{Seq: 9, Time: 1e18, Attr: &history.SignalReceived{}}); err == nil {
		t.Error("a seq twice")
	}
	if err := apply(running(t), history.Event{Seq: 10, Time: 1, Attr: &history.SignalReceived{}}); err == nil {
		t.Error("[T-1] a time that goes backwards")
	}
}

// [T-1] What is due further away than the clock can tell never comes early.
func TestFarAway(t *testing.T) {
	s := running(t)
	err := fold(s, &history.TimerStarted{Ordinal: 5, Delay: math.MaxInt64},
		&history.ActivityScheduled{Ordinal: 6, Type: "A", Options: model.ActivityOptions{ScheduleToClose: math.MaxInt64, ScheduleToStart: math.MaxInt64}})
	closeAt, startAt := s.Activities[6].ScheduleDeadlines()
	if err != nil || s.Timers[5].Due != math.MaxInt64 || closeAt != math.MaxInt64 || startAt != math.MaxInt64 {
		t.Error(err, s.Timers[5].Due, closeAt, startAt)
	}
	s.Start.RunTimeout = math.MaxInt64
	if s.RunDeadline() != math.MaxInt64 {
		t.Error(s.RunDeadline())
	}
}
