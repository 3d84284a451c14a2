package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

// Reason says why a call failed. The set is closed and only grows; branch on it, never on texts.
type Reason string

// The reasons.
const (
	InvalidInput          Reason = "invalid_input"
	InvalidPageToken      Reason = "invalid_page_token"
	UnknownQuery          Reason = "unknown_query"
	NeedsIndexedCondition Reason = "needs_indexed_condition"
	Unauthenticated       Reason = "unauthenticated"
	PermissionDenied      Reason = "permission_denied"
	NotFound              Reason = "not_found"
	NoRoute               Reason = "no_route"
	AlreadyExists         Reason = "already_exists"
	RequestIDReused       Reason = "request_id_reused"
	NotRunning            Reason = "not_running"
	Blocked               Reason = "blocked"
	PackagePinned         Reason = "package_pinned"
	QueryFailed           Reason = "query_failed"
	UpdateRejected        Reason = "update_rejected"
	RunContinued          Reason = "run_continued"
	Conflict              Reason = "conflict"
	PayloadTooLarge       Reason = "payload_too_large"
	ArchiveTooLarge       Reason = "archive_too_large"
	QuotaExceeded         Reason = "quota_exceeded"
	Lagged                Reason = "lagged"
	HistoryCompacted      Reason = "history_compacted"
	CursorAhead           Reason = "cursor_ahead"
	QueryTimeout          Reason = "query_timeout"
	Draining              Reason = "draining"
	NotOwner              Reason = "not_owner"
	Starting              Reason = "starting"
	Overloaded            Reason = "overloaded"
	Unavailable           Reason = "unavailable"
	Unimplemented         Reason = "unimplemented"
	Internal              Reason = "internal"
)

// Error is a call that failed: it says nothing about any run. errors.As finds the *connect.Error beneath.
type Error struct {
	Reason     Reason
	Message    string
	Hint       string // what to do next; may be empty
	Retryable  bool   // the same call may succeed later
	RetryAfter time.Duration
	Metadata   map[string]string
	err        error
}

// Error gives the message and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// Unwrap gives the error of the protocol.
func (e *Error) Unwrap() error { return e.err }

// ReasonOf gives the reason of a failed call, "" for nil and for errors that are none, such as *RunError or the context's.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return reason(infoOf(err))
}

// infoOf finds what the server says of an error of the protocol.
func infoOf(err error) *aionv1.ErrorInfo {
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return nil
	}
	for _, d := range ce.Details() {
		if v, err := d.Value(); err == nil {
			if info, ok := v.(*aionv1.ErrorInfo); ok {
				return info
			}
		}
	}
	return nil
}

// reason gives the name of a reason, "" where there is none; a newer server may have ones that this client has no constant for.
func reason(info *aionv1.ErrorInfo) Reason {
	if info.GetReason() == aionv1.Reason_REASON_UNSPECIFIED {
		return ""
	}
	return Reason(strings.ToLower(strings.TrimPrefix(info.GetReason().String(), "REASON_")))
}

// failed turns the error of a call into what its caller gets. what names the call and its object.
func failed(ctx context.Context, err error, format string, a ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, a...)
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return fmt.Errorf("%s: %w", what, err)
	}
	info := infoOf(err)
	if reason(info) == "" {
		if cause := ctx.Err(); cause != nil {
			return fmt.Errorf("%s: %w", what, cause)
		}
		if ce.Code() == connect.CodeDeadlineExceeded { // the server's clock was a moment faster
			return fmt.Errorf("%s: %w", what, context.DeadlineExceeded)
		}
	}
	e := &Error{
		Reason: reason(info), Message: what + ": " + ce.Message(), Hint: info.GetHint(), Retryable: info.GetRetryable(),
		RetryAfter: info.GetRetryAfter().AsDuration(), Metadata: info.GetMetadata(), err: ce,
	}
	if e.Reason == "" {
		// The connection or a proxy: nothing that the server said.
		e.Reason, e.Retryable = Unavailable, true
		e.Message = what + ": the server cannot be reached: " + ce.Message()
		switch ce.Code() {
		case connect.CodeUnimplemented, connect.CodeInvalidArgument, connect.CodeNotFound:
			e.Reason, e.Retryable, e.Hint = Unimplemented, false, "is this address an Aion server's, and is it as new as this client?"
			e.Message = what + ": the server does not understand the call: " + ce.Message()
		}
	}
	return e
}
