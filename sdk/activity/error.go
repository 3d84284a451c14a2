package activity

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// A Type is a kind of error that activities end with and workflows tell apart:
//
//	const CardDeclined = activity.Type("card_declined")
//
// An activity returns CardDeclined.Errorf("…"); in the workflow errors.Is(err, CardDeclined) holds, also after a replay.
// Types that begin with "aion." belong to the engine.
type Type string

// The types that the engine itself records.
const (
	Timeout    Type = guest.FailureTimeout
	Canceled   Type = guest.FailureCanceled
	BadPayload Type = guest.FailureBadPayload
	WorkerLost Type = "aion.worker_lost"
	Panicked   Type = "aion.panic"
)

// Error is the type's name.
func (t Type) Error() string { return string(t) }

// Errorf makes an error of this type. %w keeps a cause for errors.Is and errors.As in this process; its text is recorded.
func (t Type) Errorf(format string, a ...any) *Error {
	err := fmt.Errorf(format, a...)
	e := &Error{Type: t, Message: err.Error()}
	e.cause = errors.Unwrap(err)
	return e
}

// Failure gives the recorded form of a bare type that is returned as an error.
func (t Type) Failure() *guest.Failure {
	return &guest.Failure{Type: string(t), Message: string(t), Retryable: true}
}

// An Error is how an activity failed. Activities make it by Type.Errorf; workflows get it from Execute. Unless it says otherwise
// the attempt is repeated according to the activity's Retry. The methods that change something give a copy.
type Error struct {
	Type     Type
	Message  string
	Activity string // in a workflow: the activity's name
	Attempt  uint32 // in a workflow: the last attempt, 0 where there was none

	details guest.Payload
	final   bool
	delay   time.Duration
	cause   error
	also    error // a second cause: what the time limit or the cancel is known by
}

// Error gives the message, in a workflow after the activity's name.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Type)
	}
	if e.Activity != "" {
		return "activity " + e.Activity + ": " + s
	}
	return s
}

// Is matches the error's Type.
func (e *Error) Is(target error) bool {
	t, ok := target.(Type)
	return ok && t == e.Type
}

// Unwrap gives the causes: workflow.ErrTimeout or workflow.ErrCanceled where it is one of them, and the error beneath.
func (e *Error) Unwrap() []error {
	out := make([]error, 0, 2)
	if e.also != nil {
		out = append(out, e.also)
	}
	if e.cause != nil {
		out = append(out, e.cause)
	}
	return out
}

// WithDetails gives a copy that carries a value for the workflow. A value that cannot be written as JSON is left out, and the message says so.
func (e *Error) WithDetails(v any) *Error {
	c := *e
	p, err := guest.Encode(v)
	if err != nil {
		c.Message += " (details left out: " + err.Error() + ")"
	} else {
		c.details = p
	}
	return &c
}

// NonRetryable gives a copy that ends the activity: it is not attempted again.
func (e *Error) NonRetryable() *Error {
	c := *e
	c.final = true
	return &c
}

// RetryAfter gives a copy that sets the pause before the next attempt, instead of the activity's Retry.
func (e *Error) RetryAfter(d time.Duration) *Error {
	c := *e
	c.delay = d
	return &c
}

// Details reads the carried value into the variable that into points to. Without details it leaves the zero value.
func (e *Error) Details(into any) error { return e.details.Decode(into) }

// Retryable says whether the error allowed another attempt.
func (e *Error) Retryable() bool { return !e.final }

// Failure gives the recorded form.
func (e *Error) Failure() *guest.Failure {
	f := &guest.Failure{
		Type:      string(e.Type),
		Message:   strings.ToValidUTF8(e.Error(), "\uFFFD"),
		Details:   e.details,
		Retryable: !e.final,
	}
	if e.cause != nil {
		f.Cause = guest.FailureOf(e.cause)
	}
	return f
}

// FailureOf gives the recorded form of any error that an activity returns, for workers. An error without a Type may be retried.
func FailureOf(err error) *guest.Failure { return guest.FailureOf(err) }

// NextDelay is the pause before the next attempt that err demands, 0 where it demands none; for workers.
func NextDelay(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.delay
	}
	return 0
}

// ErrorFrom gives the error of a recorded failure, as a workflow sees it; for clients too.
func ErrorFrom(f *guest.Failure) *Error {
	if f == nil {
		return &Error{Message: "unknown failure"}
	}
	e := &Error{Type: Type(f.Type), Message: f.Message, details: f.Details, final: !f.Retryable}
	if f.Cause != nil {
		e.cause = ErrorFrom(f.Cause)
	}
	switch e.Type {
	case Timeout:
		e.also = guest.TimeoutError{Kind: kindIn(f.Message)}
	case Canceled:
		e.also = guest.ErrCanceled
	}
	return e
}

// kindIn finds the time limit that the message of a recorded timeout names.
func kindIn(message string) guest.TimeoutKind {
	for k := guest.ScheduleToStart; k <= guest.ExecutionTimeout; k++ {
		if strings.HasSuffix(message, k.String()) {
			return k
		}
	}
	return guest.TimeoutUnspecified
}

// errorOf is the error of an activity that did not complete.
func errorOf(o *guest.Outcome) *Error {
	var e *Error
	switch o.Kind {
	case guest.OutcomeFailed:
		e = ErrorFrom(o.Failure)
	case guest.OutcomeTimedOut:
		t := guest.TimeoutError{Kind: o.Timeout}
		e = &Error{Type: Timeout, Message: t.Error(), also: t}
		if o.Failure != nil {
			e.cause = ErrorFrom(o.Failure)
			e.Message = "last attempt: " + o.Failure.Message + "; " + e.Message
		}
	case guest.OutcomeCanceled:
		e = &Error{Type: Canceled, Message: "canceled", details: o.Payload, also: guest.ErrCanceled, final: true}
	default:
		f := guest.FailureOf(o.Err)
		e = &Error{Type: Type(f.Type), Message: o.Err.Error(), cause: o.Err, final: !f.Retryable}
	}
	e.Activity, e.Attempt = o.Name, o.Attempt
	return e
}

func init() { guest.SetErrorOf(func(f *guest.Failure) error { return ErrorFrom(f) }) }
