package history

import (
	"math"
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
	Children   map[model.Ordinal]*Child
	Sendings   map[model.Ordinal]*Sending

	Patches map[string]bool // those that are in; nil where none was asked for

	begun bool // the start delay has passed

	Updates     map[model.UpdateID]*Update // all that were accepted (rule D-4)
	OpenUpdates int                        // how many of them are not completed
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
	Handed      *Handed // the current attempt is pending: no worker has it (rule A-6)
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
	return &State{Activities: map[model.Ordinal]*Activity{}, Timers: map[model.Ordinal]*Timer{}, Children: map[model.Ordinal]*Child{}, Sendings: map[model.Ordinal]*Sending{}, NextOrdinal: 1}
}

// Open says whether the run has started and not ended.
func (s *State) Open() bool { return s.Status == model.StatusRunning }

// Runnable says whether the code may be activated.
func (s *State) Runnable() bool { return s.Open() && !s.Paused && s.Blocked == nil }

// NeedsActivation says whether delivered events wait for the code and the code may run.
func (s *State) NeedsActivation() bool { return s.Runnable() && len(s.Pending) > 0 && !s.Delayed() }

// after is a time and a duration later, or as late as there is where that is too far away: it never comes early (rule T-1).
func after(at int64, d time.Duration) int64 {
	if d > 0 && at > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return at + int64(d)
}

// ScheduleDeadlines are the recorded time limits of a pending activity: schedule-to-close and, for an attempt that waits in its
// queue, schedule-to-start; 0 = none.
func (a *Activity) ScheduleDeadlines() (closeAt, startAt int64) {
	o := a.Scheduled.Options
	if o.ScheduleToClose > 0 {
		closeAt = after(a.ScheduledAt, o.ScheduleToClose)
	}
	if o.ScheduleToStart > 0 {
		startAt = after(a.NextAt, o.ScheduleToStart)
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
		clear(s.Sendings)
		s.Pending, s.Waiting = nil, 0
	}
	return nil
}

func (s *State) fold(e *Event) error {
	switch a := e.Attr.(type) {
	case *Started:
		start := *a
		start.Input, start.Attributes = model.Payload{}, nil // the code is given it from the history; nobody else needs it
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
	case *ContinuedAsNew:
		s.Status = model.StatusContinuedAsNew
	case *CancelRequested:
		s.CancelRequested = true
	case *Paused:
		return s.foldPause(e, true)
	case *Resumed:
		return s.foldPause(e, false)
	case *Activated:
		if !s.activated(a) {
			return fault.Internalf("history is damaged: event %d activates through %d, which is not an event that waited", e.Seq, a.Through)
		}
	case *Blocked:
		if s.Blocked != nil {
			return fault.Internalf("history is damaged: event %d blocks the run, which is blocked", e.Seq)
		}
		s.Blocked, s.BlockedAt = a, e.Time
	case *Unblocked:
		if s.Blocked == nil {
			return fault.Internalf("history is damaged: event %d unblocks the run, which is not blocked", e.Seq)
		}
		s.Blocked = nil
	case *PatchMarked:
		return s.foldPatch(e, a)
	case *Forked:
		s.foldForked(e, a)
	case *Repinned:
		s.Package, s.ReplayedThrough = a.Package, a.ReplayedThrough
	case *ActivityScheduled:
		if err := s.number(e, a.Ordinal); err != nil {
			return err
		}
		s.Activities[a.Ordinal] = &Activity{Scheduled: a, ScheduledAt: e.Time, Attempt: 1, NextAt: e.Time}
	case *TimerStarted:
		if err := s.number(e, a.Ordinal); err != nil {
			return err
		}
		s.Timers[a.Ordinal] = &Timer{Due: after(e.Time, a.Delay)}
	case *TimerFired:
		return s.endTimer(e, a.Ordinal)
	case *TimerCanceled:
		return s.endTimer(e, a.Ordinal)
	case *SignalReceived, *SearchAttributesUpserted:
	case *UpdateAccepted:
		return s.acceptUpdate(e, a)
	case *UpdateCompleted:
		return s.completeUpdate(e, a)
	default:
		if ok, err := s.foldBetween(e); ok {
			return err
		}
		return s.foldActivity(e)
	}
	return nil
}

// number takes the next ordinal.
func (s *State) number(e *Event, o model.Ordinal) error {
	if o != s.NextOrdinal {
		return fault.Internalf("history is damaged: event %d (%v) has the number %d; the next one is %d", e.Seq, e.Kind(), o, s.NextOrdinal)
	}
	s.NextOrdinal++
	return nil
}

func (s *State) endTimer(e *Event, o model.Ordinal) error {
	if s.Timers[o] == nil {
		return fault.Internalf("history is damaged: event %d (%v) is about timer %d, which is not pending", e.Seq, e.Kind(), o)
	}
	delete(s.Timers, o)
	return nil
}

// activated moves Through and lets go of what the code was given; false when the run cannot be activated so.
func (s *State) activated(a *Activated) bool {
	n := 0
	for n < len(s.Pending) && s.Pending[n].Seq <= a.Through {
		s.Waiting -= int64(len(s.Pending[n].Framed))
		n++
	}
	if n == 0 || s.Pending[n-1].Seq != a.Through || !s.Runnable() {
		return false
	}
	if s.Pending = s.Pending[n:]; len(s.Pending) == 0 {
		s.Pending = nil
	}
	s.Through = a.Through
	s.Activations++
	s.boundary = [2]model.Seq{s.Seq + 1, s.boundary[0]}
	return true
}

func (s *State) foldActivity(e *Event) error {
	var o model.Ordinal
	var n model.Attempt
	goesOn, asked := false, false // to another attempt, or with this one; a cancel is not about an attempt
	switch a := e.Attr.(type) {
	case *ActivityAttemptStarted:
		o, n, goesOn = a.Ordinal, a.Attempt, true
	case *ActivityAttemptFailed:
		o, n, goesOn = a.Ordinal, a.Attempt, true
	case *ActivityAttemptPending:
		o, n, goesOn = a.Ordinal, a.Attempt, true
	case *ActivityCompleted:
		o, n = a.Ordinal, a.Attempt
	case *ActivityFailed:
		o, n = a.Ordinal, a.Attempt
	case *ActivityTimedOut:
		o, n = a.Ordinal, a.Attempt
	case *ActivityCancelRequested:
		o, asked = a.Ordinal, true
	case *ActivityCanceled:
		o, n = a.Ordinal, a.Attempt
	default:
		return fault.Internalf("event %d: no fold for %v", e.Seq, e.Kind())
	}
	p := s.Activities[o]
	if p == nil {
		return fault.Internalf("history is damaged: event %d (%v) is about activity %d, which is not pending", e.Seq, e.Kind(), o)
	}
	if !asked && (n < p.Attempt || goesOn && n != p.Attempt) {
		return fault.Internalf("history is damaged: event %d (%v) is about attempt %d of activity %d, whose attempt is %d", e.Seq, e.Kind(), n, o, p.Attempt)
	}
	switch a := e.Attr.(type) {
	case *ActivityAttemptStarted:
		p.Started = true
	case *ActivityAttemptPending:
		if p.Handed != nil {
			return fault.Internalf("history is damaged: event %d hands on activity %d, which was handed on before", e.Seq, o)
		}
		p.handOn(e.Time, a)
	case *ActivityAttemptFailed:
		p.Attempt, p.NextAt, p.Started = a.Attempt+1, after(e.Time, a.NextDelay), false
		p.Handed = nil
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
