package history

import (
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// State is the fold of a run's history (rule C-6): what is needed to decide what may happen next. It is changed in place by
// Apply and belongs to one goroutine at a time.
type State struct {
	Seq   model.Seq // of the last event
	Time  int64     // of the last event
	Bytes int64     // encoded size of the history

	Start     *Started
	StartedAt int64
	Package   model.PackageHash // Start.Package, or the last Repinned
	Status    model.Status
	Closed    Attributes // the closing event, nil while open
	ClosedAt  int64

	Through     model.Seq // delivered events up to here were given to the code
	Delivered   model.Seq // the last event of a delivered kind
	Pending     []Pending // events of delivered kinds after Through, in order
	Waiting     int64     // their encoded size
	NextOrdinal model.Ordinal
	Activations uint32
	boundary    [2]model.Seq // seq of the last Activated, and of the one before

	CancelRequested bool
	Paused          bool
	Blocked         *Blocked
	BlockedAt       int64
	// ReplayedThrough is the last activation that a Repinned run was replayed through.
	ReplayedThrough model.Seq

	Activities map[model.Ordinal]*Activity
	Timers     map[model.Ordinal]*Timer
}

// Activity is an activity that is not settled.
type Activity struct {
	Scheduled   *ActivityScheduled
	ScheduledAt int64
	Attempt     model.Attempt // the current one
	NextAt      int64         // when the current attempt may be handed out; ScheduledAt for the first
	Started     bool          // AttemptStarted was recorded for the current attempt
	Canceling   bool          // a cancel was requested, and the code waits for what the worker answers
	LastFailure *model.Failure
	Heartbeat   model.Payload
}

// Pending is an event that waits to be given to the code, framed as in a page.
type Pending struct {
	Seq    model.Seq
	Framed []byte
}

// Timer is a timer that has not fired.
type Timer struct{ Due int64 }

// NewState is the state before the first event.
func NewState() *State {
	return &State{Activities: map[model.Ordinal]*Activity{}, Timers: map[model.Ordinal]*Timer{}, NextOrdinal: 1}
}

// Open says whether the run has started and not ended.
func (s *State) Open() bool { return s.Status == model.StatusRunning }

// Runnable says whether the code may be activated.
func (s *State) Runnable() bool { return s.Open() && !s.Paused && s.Blocked == nil }

// NeedsActivation says whether delivered events wait for the code and the code may run.
func (s *State) NeedsActivation() bool { return s.Runnable() && len(s.Pending) > 0 }

// RunDeadline is when the run times out, in unix nanoseconds; 0 = never.
func (s *State) RunDeadline() int64 {
	if s.Start == nil || s.Start.RunTimeout <= 0 {
		return 0
	}
	return s.StartedAt + int64(s.Start.RunTimeout)
}

// ScheduleDeadlines are the recorded time limits of a pending activity: schedule-to-close and, for an attempt that waits in its
// queue, schedule-to-start; 0 = none.
func (a *Activity) ScheduleDeadlines() (closeAt, startAt int64) {
	o := a.Scheduled.Options
	if o.ScheduleToClose > 0 {
		closeAt = a.ScheduledAt + int64(o.ScheduleToClose)
	}
	if o.ScheduleToStart > 0 {
		startAt = a.NextAt + int64(o.ScheduleToStart)
	}
	return closeAt, startAt
}

// Apply folds one event into the state. framed is the event's encoding in its page, which the state may keep. An event that cannot follow is an
// Internal error: the history is damaged, and the state must be thrown away.
func (s *State) Apply(e *Event, framed []byte) error {
	if e.Seq != s.Seq+1 {
		return fault.Internalf("history is damaged: event %d follows event %d", e.Seq, s.Seq)
	}
	if s.Closed != nil {
		return fault.Internalf("history is damaged: event %d (%v) follows the closing event", e.Seq, e.Kind())
	}
	if e.Time < s.Time {
		return fault.Internalf("history is damaged: the time of event %d goes backwards", e.Seq)
	}
	if (s.Start == nil) != (e.Kind() == KindStarted) {
		return fault.Internalf("history is damaged: event %d is %v", e.Seq, e.Kind())
	}
	if err := s.fold(e); err != nil {
		return err
	}
	s.Seq, s.Time, s.Bytes = e.Seq, e.Time, s.Bytes+int64(len(framed))
	if k := e.Kind(); k.Delivered() {
		s.Delivered = e.Seq
		s.Pending = append(s.Pending, Pending{e.Seq, framed})
		s.Waiting += int64(len(framed))
	} else if k.Closing() {
		s.Closed, s.ClosedAt = e.Attr, e.Time
		clear(s.Activities)
		clear(s.Timers)
		s.Pending, s.Waiting = nil, 0
	}
	return nil
}

func (s *State) fold(e *Event) error {
	switch a := e.Attr.(type) {
	case *Started:
		start := *a
		start.Input = model.Payload{} // the code is given it from the history; nobody else needs it
		s.Start, s.StartedAt, s.Package, s.Status = &start, e.Time, a.Package, model.StatusRunning
	case *Completed:
		s.Status = model.StatusCompleted
	case *Failed:
		s.Status = model.StatusFailed
	case *Canceled:
		s.Status = model.StatusCanceled
	case *Terminated:
		s.Status = model.StatusTerminated
	case *TimedOut:
		s.Status = model.StatusTimedOut
	case *CancelRequested:
		s.CancelRequested = true
	case *Activated:
		if a.Through < s.Through || a.Through > s.Seq {
			return fault.Internalf("history is damaged: event %d activates through %d", e.Seq, a.Through)
		}
		s.activated(a)
	case *Blocked:
		s.Blocked, s.BlockedAt = a, e.Time
	case *Unblocked:
		s.Blocked = nil
	case *Repinned:
		s.Package, s.ReplayedThrough = a.Package, a.ReplayedThrough
	case *ActivityScheduled:
		s.Activities[a.Ordinal] = &Activity{Scheduled: a, ScheduledAt: e.Time, Attempt: 1, NextAt: e.Time}
		s.NextOrdinal = a.Ordinal + 1
	case *TimerStarted:
		s.Timers[a.Ordinal] = &Timer{Due: e.Time + int64(a.Delay)}
		s.NextOrdinal = a.Ordinal + 1
	case *TimerFired:
		delete(s.Timers, a.Ordinal)
	case *TimerCanceled:
		delete(s.Timers, a.Ordinal)
	case *SignalReceived:
	default:
		return s.foldActivity(e)
	}
	return nil
}

// activated moves Through and lets go of what the code was given.
func (s *State) activated(a *Activated) {
	s.Through = a.Through
	s.Activations++
	s.boundary = [2]model.Seq{s.Seq + 1, s.boundary[0]}
	n := 0
	for n < len(s.Pending) && s.Pending[n].Seq <= a.Through {
		s.Waiting -= int64(len(s.Pending[n].Framed))
		n++
	}
	if s.Pending = s.Pending[n:]; len(s.Pending) == 0 {
		s.Pending = nil
	}
}

func (s *State) foldActivity(e *Event) error {
	var o model.Ordinal
	switch a := e.Attr.(type) {
	case *ActivityAttemptStarted:
		o = a.Ordinal
	case *ActivityAttemptFailed:
		o = a.Ordinal
	case *ActivityCompleted:
		o = a.Ordinal
	case *ActivityFailed:
		o = a.Ordinal
	case *ActivityTimedOut:
		o = a.Ordinal
	case *ActivityCancelRequested:
		o = a.Ordinal
	case *ActivityCanceled:
		o = a.Ordinal
	default:
		return fault.Internalf("event %d: no fold for %v", e.Seq, e.Kind())
	}
	p := s.Activities[o]
	if p == nil {
		return fault.Internalf("history is damaged: event %d (%v) is about activity %d, which is not pending", e.Seq, e.Kind(), o)
	}
	switch a := e.Attr.(type) {
	case *ActivityAttemptStarted:
		p.Started = true
	case *ActivityAttemptFailed:
		p.Attempt, p.NextAt, p.Started = a.Attempt+1, e.Time+int64(a.NextDelay), false
		p.LastFailure = a.Failure
		if !a.Heartbeat.IsZero() {
			p.Heartbeat = a.Heartbeat
		}
	case *ActivityCancelRequested:
		p.Canceling = true
	default:
		delete(s.Activities, o)
	}
	return nil
}

// ClosedTime is when the run closed.
func (s *State) ClosedTime() time.Time { return time.Unix(0, s.ClosedAt).UTC() }

// LastBoundary is the seq of the last Activated, 0 when there is none.
func (s *State) LastBoundary() model.Seq { return s.boundary[0] }

// BoundaryBefore is the seq of the Activated before the last one, 0 when there is none: where a replay stands when the last activation is
// the one that differs.
func (s *State) BoundaryBefore() model.Seq { return s.boundary[1] }
