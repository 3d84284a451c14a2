package guest

import (
	"errors"
	"fmt"
	"strings"
)

// maxFailureDepth bounds the chain of causes, like the server does.
const maxFailureDepth = 32

// Failure is an error as it is stored and sent. Cause may be nil.
type Failure struct {
	Type      string
	Message   string
	Details   Payload
	Stack     string
	Retryable bool
	Cause     *Failure
}

// The failure types that the engine and the SDK themselves use.
const (
	FailureTimeout    = "aion.timeout"
	FailureCanceled   = "aion.canceled"
	FailureBadPayload = "aion.bad_payload"
)

// ErrCanceled is the error of what was canceled: match it with errors.Is.
var ErrCanceled = errors.New("canceled")

// TimeoutKind names which time limit passed. The numbers are those of aion.v1.TimeoutKind.
type TimeoutKind uint8

// The kinds of TimeoutKind.
const (
	TimeoutUnspecified TimeoutKind = iota
	ScheduleToStart
	StartToClose
	ScheduleToClose
	Heartbeat
	RunTimeout
	ExecutionTimeout
)

var timeoutNames = [...]string{"unspecified", "schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat", "run", "execution"}

// String is the kind's wire name, e.g. "start_to_close".
func (k TimeoutKind) String() string {
	if int(k) < len(timeoutNames) {
		return timeoutNames[k]
	}
	return timeoutNames[0]
}

// TimeoutError says that a time limit passed. As a target of errors.Is, one without Kind matches every kind.
type TimeoutError struct{ Kind TimeoutKind }

// Error gives the message.
func (e TimeoutError) Error() string { return "timed out: " + e.Kind.String() }

// Is matches the same kind, or any where the target names none.
func (e TimeoutError) Is(target error) bool {
	t, ok := target.(TimeoutError)
	return ok && (t.Kind == TimeoutUnspecified || t.Kind == e.Kind)
}

// A Failer is an error that knows its recorded form. The error types of package activity implement it.
type Failer interface {
	error
	// Failure gives the recorded form, which the caller may change.
	Failure() *Failure
}

// FailureOf gives the recorded form of any error. The first Failer in err's tree gives type, details and whether it may be
// retried; the message is the whole text of err. An error without a Failer is retryable and has the empty type,
// except ErrCanceled and TimeoutError, which have types of their own.
func FailureOf(err error) *Failure {
	var fr Failer
	if errors.As(err, &fr) {
		f := fr.Failure()
		if text := message(err); text != f.Message {
			f = &Failure{Type: f.Type, Message: text, Details: f.Details, Retryable: f.Retryable, Cause: f}
		}
		return f
	}
	f := &Failure{Message: message(err), Retryable: true}
	switch {
	case errors.Is(err, ErrCanceled):
		f.Type = FailureCanceled
	case errors.Is(err, TimeoutError{}):
		f.Type = FailureTimeout
	}
	return f
}

// BadPayload makes an error of the type FailureBadPayload: a value that could not be read or written. It cannot be retried.
func BadPayload(err error) error { return badPayload{err} }

type badPayload struct{ error }

func (e badPayload) Failure() *Failure {
	return &Failure{Type: FailureBadPayload, Message: message(e.error)}
}

func (e badPayload) Unwrap() error { return e.error }

// message is err's text as valid UTF-8, which the wire demands.
func message(err error) string { return strings.ToValidUTF8(err.Error(), "\uFFFD") }

func decodeFailure(b []byte, depth int) (*Failure, error) {
	if depth > maxFailureDepth {
		return nil, fmt.Errorf("a failure has more than %d causes", maxFailureDepth)
	}
	d := decoder{rest: b}
	f := &Failure{}
	for d.next() {
		var err error
		switch d.num {
		case 1:
			f.Type = d.string()
		case 2:
			f.Message = d.string()
		case 3:
			f.Details, err = decodePayload(d.bytes())
		case 4:
			f.Stack = d.string()
		case 5:
			f.Retryable = d.uint() != 0
		case 6:
			f.Cause, err = decodeFailure(d.bytes(), depth+1)
		}
		d.nested(err)
	}
	return f, d.err
}

func appendFailure(b []byte, num int, f *Failure) []byte { return appendFailureDepth(b, num, f, 1) }

func appendFailureDepth(b []byte, num int, f *Failure, depth int) []byte {
	if f == nil || depth > maxFailureDepth {
		return b
	}
	b, mark := openMessage(b, num)
	b = appendString(b, 1, strings.ToValidUTF8(f.Type, "\uFFFD"))
	b = appendString(b, 2, strings.ToValidUTF8(f.Message, "\uFFFD"))
	b = appendPayload(b, 3, f.Details)
	b = appendString(b, 4, strings.ToValidUTF8(f.Stack, "\uFFFD"))
	b = appendBool(b, 5, f.Retryable)
	b = appendFailureDepth(b, 6, f.Cause, depth+1)
	return closeMessage(b, mark)
}

// errorOf is set by package activity, which knows the types of errors.
var errorOf func(*Failure) error

// SetErrorOf says how the error of a recorded failure is made.
func SetErrorOf(f func(*Failure) error) { errorOf = f }

// ErrorOf gives the error of a recorded failure: where package activity is part of the program, one in which errors.Is finds its types.
func ErrorOf(f *Failure) error {
	switch {
	case f == nil:
		return errors.New("unknown failure")
	case errorOf != nil:
		return errorOf(f)
	}
	return errors.New(f.Message)
}
