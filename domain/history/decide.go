package history

import (
	"fmt"
	"math"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Refusal says that a command cannot be accepted in the state it meets: the code broke the protocol (rule D-10).
type Refusal struct{ Message string }

// Error gives the message.
func (r *Refusal) Error() string { return r.Message }

func refuse(format string, a ...any) error { return &Refusal{fmt.Sprintf(format, a...)} }

// Decide turns one command into the events that it means in state s: none where it came too late (the cancel of a timer that
// has fired), one, or two. It is pure: the same state and command give the same events, live and on replay. The caller applies the
// events before it decides the next command. A *Refusal means that the code must be blocked.
func Decide(s *State, cmd Attributes) ([2]Attributes, int, error) {
	var out [2]Attributes
	one := func(a Attributes) ([2]Attributes, int, error) { out[0] = a; return out, 1, nil }
	if !s.Open() {
		return out, 0, refuse("the code issued %v after it had closed the run", cmd.Kind())
	}
	switch c := cmd.(type) {
	case *ActivityScheduled:
		if err := checkOrdinal(s, c.Ordinal, "activity"); err != nil {
			return out, 0, err
		}
		if err := model.ValidateID("activity type", string(c.Type)); err != nil {
			return out, 0, refuse("%v", err)
		}
		if c.Options.TaskQueue == "" {
			c.Options.TaskQueue = s.Start.TaskQueue
		}
		if err := model.ValidateID("task queue", string(c.Options.TaskQueue)); err != nil {
			return out, 0, refuse("%v", err)
		}
		if err := queueing(&c.Options, s.Start); err != nil {
			return out, 0, refuse("activity %s: %v", c.Type, err)
		}
		o := c.Options
		for _, d := range []time.Duration{o.ScheduleToStart, o.StartToClose, o.ScheduleToClose, o.Heartbeat, o.Retry.InitialInterval, o.Retry.MaximumInterval} {
			if d < 0 {
				return out, 0, refuse("activity %s has a negative time limit", c.Type)
			}
		}
		if r := o.Retry.Coefficient; r < 0 || math.IsNaN(r) || math.IsInf(r, 0) {
			return out, 0, refuse("activity %s has the retry coefficient %v", c.Type, r)
		}
		if o.Cancellation > model.CancelAbandon {
			return out, 0, refuse("activity %s has the unknown cancellation type %d", c.Type, o.Cancellation)
		}
		return one(c)
	case *ActivityCancelRequested:
		a := s.Activities[c.Ordinal]
		if a == nil {
			if c.Ordinal == 0 || c.Ordinal >= s.NextOrdinal {
				return out, 0, refuse("the code canceled activity %d, which it never scheduled", c.Ordinal)
			}
			return out, 0, nil // settled before
		}
		if a.Canceling {
			return out, 0, nil
		}
		out[0] = c
		if a.Scheduled.Options.Cancellation == model.CancelWait {
			return out, 1, nil
		}
		out[1] = &ActivityCanceled{Ordinal: c.Ordinal, Attempt: a.Attempt}
		return out, 2, nil
	case *TimerStarted:
		if err := checkOrdinal(s, c.Ordinal, "timer"); err != nil {
			return out, 0, err
		}
		if c.Delay < 0 {
			return out, 0, refuse("timer %d has a negative delay", c.Ordinal)
		}
		return one(c)
	case *TimerCanceled:
		if s.Timers[c.Ordinal] == nil {
			if c.Ordinal == 0 || c.Ordinal >= s.NextOrdinal {
				return out, 0, refuse("the code canceled timer %d, which it never started", c.Ordinal)
			}
			return out, 0, nil // fired or canceled before
		}
		return one(c)
	case *SearchAttributesUpserted:
		if err := c.check(); err != nil {
			return out, 0, err
		}
		return one(c)
	case *UpdateCompleted:
		if err := checkUpdate(s, c); err != nil {
			return out, 0, err
		}
		return one(c)
	case *Completed:
		return one(c)
	case *Failed:
		if c.Failure == nil {
			return out, 0, refuse("the code failed the run without a failure")
		}
		if n := c.Failure.Depth(); n > model.MaxFailureDepth {
			return out, 0, refuse("the code failed the run with a failure of %d causes; at most %d are allowed", n, model.MaxFailureDepth)
		}
		if c.NewRun != "" {
			return out, 0, refuse("the code names the run that repeats it")
		}
		return one(c)
	case *Canceled:
		return one(c)
	case *ContinuedAsNew:
		if err := decideContinue(s, c); err != nil {
			return out, 0, err
		}
		return one(c)
	}
	if out, n, ok, err := decideBetween(s, cmd); ok {
		return out, n, err
	}
	return out, 0, refuse("the code issued %v, which is not a command", cmd.Kind())
}

func checkOrdinal(s *State, o model.Ordinal, what string) error {
	if o != s.NextOrdinal {
		return refuse("the code numbered %s %d; the next number is %d", what, o, s.NextOrdinal)
	}
	return nil
}

// DecodeCommands decodes what the code answered. A *Refusal means that it does not follow the guest ABI.
func DecodeCommands(b []byte) ([]Attributes, error) {
	var out []Attributes
	for len(b) > 0 {
		raw, _, rest, err := Split(b)
		if err != nil {
			return nil, refuse("damaged commands: %v", err)
		}
		e, err := DecodeEvent(raw)
		if err != nil {
			return nil, refuse("damaged command %d: %v", len(out)+1, err)
		}
		if e.Seq != 0 || e.Time != 0 || !e.Kind().info().command {
			return nil, refuse("command %d (%v) is not one that code may issue", len(out)+1, e.Kind())
		}
		out = append(out, e.Attr)
		b = rest
	}
	return out, nil
}

// Settle decides what a failed attempt means: another attempt (ActivityAttemptFailed) or the end of the activity
// (ActivityFailed, ActivityTimedOut). now is the step's time; next overrides the policy's delay when > 0; timeout is set when a time
// limit ended the attempt.
func Settle(a *Activity, now int64, f *model.Failure, timeout model.TimeoutKind, next time.Duration, worker string, heartbeat model.Payload) Attributes {
	o := a.Scheduled.Options
	delay := next
	if delay <= 0 {
		delay = o.Retry.Delay(a.Attempt)
	}
	closeAt, _ := a.ScheduleDeadlines()
	again := f.Retryable && !a.Canceling && !o.AtMostOnce &&
		(o.Retry.MaximumAttempts == 0 || uint32(a.Attempt) < o.Retry.MaximumAttempts)
	for _, t := range o.Retry.NonRetryableTypes {
		again = again && t != f.Type
	}
	outOfTime := closeAt != 0 && after(now, delay) >= closeAt
	if again && !outOfTime {
		return &ActivityAttemptFailed{Ordinal: a.Scheduled.Ordinal, Attempt: a.Attempt, Failure: f, Timeout: timeout, NextDelay: delay, Worker: worker, Heartbeat: heartbeat}
	}
	if timeout != model.TimeoutUnspecified {
		return &ActivityTimedOut{Ordinal: a.Scheduled.Ordinal, Attempt: a.Attempt, Timeout: timeout, Last: a.LastFailure}
	}
	return &ActivityFailed{Ordinal: a.Scheduled.Ordinal, Attempt: a.Attempt, Failure: f, Worker: worker}
}
