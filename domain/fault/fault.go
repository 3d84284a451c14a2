// Package fault holds the one error type of Aion and its closed set of reasons.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Reason says what kind of error it is. The set is closed and append-only; each reason maps to exactly one wire code.
// Clients branch on the reason, never on text.
type Reason uint8

// The reasons. Their numbers are part of the wire contract (aion.v1.Reason has the same ones).
const (
	Unspecified Reason = iota
	InvalidInput
	InvalidPageToken
	UnknownQuery
	NeedsIndexedCondition
	Unauthenticated
	PermissionDenied
	NotFound
	NoRoute
	AlreadyExists
	RequestIDReused
	NotRunning
	Blocked
	PackagePinned
	QueryFailed
	UpdateRejected
	RunContinued
	Conflict
	PayloadTooLarge
	ArchiveTooLarge
	QuotaExceeded
	Lagged
	HistoryCompacted
	CursorAhead
	QueryTimeout
	Draining
	NotOwner
	Starting
	Overloaded
	Unavailable
	Unimplemented
	Internal
	// UnknownOutcome is internal to the store and the engine: a COMMIT whose result is not known (rule C-8). It never crosses the wire.
	UnknownOutcome
	// Stale is internal to the store and the engine: the owner's epoch is no longer valid.
	Stale
	reasonEnd
)

var reasonNames = [...]string{
	"unspecified", "invalid_input", "invalid_page_token", "unknown_query", "needs_indexed_condition", "unauthenticated", "permission_denied",
	"not_found", "no_route", "already_exists", "request_id_reused", "not_running", "blocked", "package_pinned", "query_failed",
	"update_rejected", "run_continued", "conflict", "payload_too_large", "archive_too_large", "quota_exceeded", "lagged",
	"history_compacted", "cursor_ahead", "query_timeout", "draining", "not_owner", "starting", "overloaded", "unavailable", "unimplemented",
	"internal", "unknown_outcome", "stale",
}

// String is the reason's wire name, e.g. "not_found".
func (r Reason) String() string {
	if r < reasonEnd {
		return reasonNames[r]
	}
	return "unspecified"
}

// Reasons lists every reason that may cross the wire, in order.
func Reasons() []Reason {
	out := make([]Reason, 0, Internal)
	for r := InvalidInput; r <= Internal; r++ {
		out = append(out, r)
	}
	return out
}

// Retryable says whether the same call may succeed later without the caller changing anything.
func (r Reason) Retryable() bool {
	switch r {
	case QuotaExceeded, Lagged, QueryTimeout, Draining, NotOwner, Starting, Overloaded, Unavailable, Conflict:
		return true
	}
	return false
}

// Error is the error type of every layer. Message says what happened, on which object and why; Hint says what to do next.
type Error struct {
	Reason     Reason
	Op         string
	Message    string
	Hint       string
	RetryAfter time.Duration
	Metadata   map[string]string
	Err        error
}

// Error gives the message, the hint and the cause.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = e.Reason.String()
	}
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches another *Error of the same reason that carries nothing else, so that errors.Is(err, fault.Of(fault.NotFound)) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason && t.Message == "" && t.Err == nil
}

// With adds a metadata entry and returns e.
func (e *Error) With(key, value string) *Error {
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	e.Metadata[key] = value
	return e
}

// Hinted sets the hint and returns e.
func (e *Error) Hinted(format string, a ...any) *Error { e.Hint = fmt.Sprintf(format, a...); return e }

// Of is the bare error of a reason, for errors.Is.
func Of(r Reason) *Error { return &Error{Reason: r} }

// New makes an error with a formatted message.
func New(r Reason, format string, a ...any) *Error {
	return &Error{Reason: r, Message: fmt.Sprintf(format, a...)}
}

// Wrap makes an error with a cause, whose text follows the message.
func Wrap(r Reason, err error, format string, a ...any) *Error {
	return &Error{Reason: r, Message: fmt.Sprintf(format, a...), Err: err}
}

// Invalidf makes an InvalidInput error.
func Invalidf(format string, a ...any) *Error { return New(InvalidInput, format, a...) }

// NotFoundf makes a NotFound error.
func NotFoundf(format string, a ...any) *Error { return New(NotFound, format, a...) }

// Internalf makes an Internal error: a defect or damaged data.
func Internalf(format string, a ...any) *Error { return New(Internal, format, a...) }

// ReasonOf gives the reason of err, Internal for an error of another type, Unspecified for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return Unspecified
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return Internal
}

// Has says whether err has reason r.
func Has(err error, r Reason) bool { return err != nil && ReasonOf(err) == r }
