package wire

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
)

// codes is the table of reasons: each has exactly one code.
var codes = [...]connect.Code{
	fault.InvalidInput:          connect.CodeInvalidArgument,
	fault.InvalidPageToken:      connect.CodeInvalidArgument,
	fault.UnknownQuery:          connect.CodeInvalidArgument,
	fault.NeedsIndexedCondition: connect.CodeInvalidArgument,
	fault.Unauthenticated:       connect.CodeUnauthenticated,
	fault.PermissionDenied:      connect.CodePermissionDenied,
	fault.NotFound:              connect.CodeNotFound,
	fault.NoRoute:               connect.CodeNotFound,
	fault.AlreadyExists:         connect.CodeAlreadyExists,
	fault.RequestIDReused:       connect.CodeAlreadyExists,
	fault.NotRunning:            connect.CodeFailedPrecondition,
	fault.Blocked:               connect.CodeFailedPrecondition,
	fault.PackagePinned:         connect.CodeFailedPrecondition,
	fault.QueryFailed:           connect.CodeFailedPrecondition,
	fault.UpdateRejected:        connect.CodeFailedPrecondition,
	fault.RunContinued:          connect.CodeFailedPrecondition,
	fault.Conflict:              connect.CodeAborted,
	fault.PayloadTooLarge:       connect.CodeResourceExhausted,
	fault.ArchiveTooLarge:       connect.CodeResourceExhausted,
	fault.QuotaExceeded:         connect.CodeResourceExhausted,
	fault.Lagged:                connect.CodeResourceExhausted,
	fault.HistoryCompacted:      connect.CodeOutOfRange,
	fault.CursorAhead:           connect.CodeOutOfRange,
	fault.QueryTimeout:          connect.CodeDeadlineExceeded,
	fault.Draining:              connect.CodeUnavailable,
	fault.NotOwner:              connect.CodeUnavailable,
	fault.Starting:              connect.CodeUnavailable,
	fault.Overloaded:            connect.CodeUnavailable,
	fault.Unavailable:           connect.CodeUnavailable,
	fault.Unimplemented:         connect.CodeUnimplemented,
	fault.Internal:              connect.CodeInternal,
}

// Code gives the code of a reason; an unknown one is internal.
func Code(r fault.Reason) connect.Code {
	if int(r) < len(codes) && codes[r] != 0 {
		return codes[r]
	}
	return connect.CodeInternal
}

// HTTPStatus is the HTTP status of a code, the same as the Connect protocol gives it.
func HTTPStatus(c connect.Code) int {
	switch c {
	case connect.CodeInvalidArgument, connect.CodeFailedPrecondition, connect.CodeOutOfRange:
		return 400
	case connect.CodeUnauthenticated:
		return 401
	case connect.CodePermissionDenied:
		return 403
	case connect.CodeNotFound:
		return 404
	case connect.CodeAlreadyExists, connect.CodeAborted:
		return 409
	case connect.CodeResourceExhausted:
		return 429
	case connect.CodeCanceled:
		return 499
	case connect.CodeUnimplemented:
		return 501
	case connect.CodeUnavailable:
		return 503
	case connect.CodeDeadlineExceeded:
		return 504
	}
	return 500
}

// Error is an error as every transport sends it.
type Error struct {
	Code    connect.Code
	Message string
	Info    *aionv1.ErrorInfo
}

// An error travels in HTTP headers on some protocols, and those have limits.
const maxErrorText = 4096

// EncodeError says how err goes over the wire. A call that its caller gave up, or whose deadline passed, has the code of that
// and no reason. What is no fault is an internal error whose text stays here; so do the causes of internal faults.
func EncodeError(err error) Error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
	case errors.Is(err, context.Canceled):
		return Error{connect.CodeCanceled, "the caller gave the call up", &aionv1.ErrorInfo{}}
	case errors.Is(err, context.DeadlineExceeded):
		return Error{connect.CodeDeadlineExceeded, "the call's deadline passed; it may have taken effect",
			&aionv1.ErrorInfo{Retryable: true, Hint: "call again with the same request_id and a later deadline"}}
	default:
		f = fault.Internalf("the server met an internal error").Hinted("the server's log says more")
	}
	reason := f.Reason
	switch {
	case reason == fault.UnknownOutcome || reason == fault.Stale:
		// They belong to the store and the engine; to a caller they mean: ask again.
		reason = fault.Unavailable
	case int(reason) >= len(codes) || codes[reason] == 0:
		reason = fault.Internal
	}
	shown := fault.Error{Reason: reason, Op: f.Op, Message: f.Message}
	if reason != fault.Internal {
		shown.Err = f.Err
	}
	info := &aionv1.ErrorInfo{
		Reason:    aionv1.Reason(reason),
		Hint:      clip(f.Hint),
		Retryable: reason.Retryable(),
	}
	if f.RetryAfter > 0 {
		info.RetryAfter = durationpb.New(f.RetryAfter)
	}
	if len(f.Metadata) > 0 {
		info.Metadata = make(map[string]string, len(f.Metadata))
		for k, v := range f.Metadata {
			info.Metadata[clip(k)] = clip(v)
		}
	}
	return Error{Code(reason), clip(shown.Error()), info}
}

// ConnectError is err for the Connect, gRPC and gRPC-Web protocols, with its ErrorInfo as a detail; nil for nil. An error that
// was made by this function comes back as it is.
func ConnectError(err error) error {
	if err == nil {
		return nil
	}
	var ready *connect.Error
	if errors.As(err, &ready) {
		return ready
	}
	e := EncodeError(err)
	out := connect.NewError(e.Code, errors.New(e.Message))
	if d, err := connect.NewErrorDetail(e.Info); err == nil {
		out.AddDetail(d)
	}
	return out
}

// DecodeError gives the fault that a Connect client's error carries. An error without ErrorInfo (the connection failed, a proxy
// answered, the caller gave up) is the context's error where it is one, else Unavailable, Unimplemented or Internal by its code.
func DecodeError(err error) error {
	var ce *connect.Error
	if err == nil || !errors.As(err, &ce) {
		return err
	}
	for _, d := range ce.Details() {
		v, derr := d.Value()
		if info, ok := v.(*aionv1.ErrorInfo); derr == nil && ok && info.GetReason() != aionv1.Reason_REASON_UNSPECIFIED {
			return &fault.Error{
				Reason:     fault.Reason(min(info.GetReason(), 255)),
				Message:    ce.Message(),
				Hint:       info.GetHint(),
				RetryAfter: info.GetRetryAfter().AsDuration(),
				Metadata:   info.GetMetadata(),
			}
		}
	}
	switch ce.Code() {
	case connect.CodeCanceled:
		return context.Canceled
	case connect.CodeDeadlineExceeded:
		return context.DeadlineExceeded
	case connect.CodeUnavailable:
		return fault.Wrap(fault.Unavailable, err, "the server cannot be reached")
	case connect.CodeUnimplemented:
		return fault.Wrap(fault.Unimplemented, err, "the server does not know this call")
	}
	return fault.Wrap(fault.Internal, err, "the call failed")
}

// clip bounds a text and makes it valid UTF-8, without which protobuf refuses to carry it.
func clip(s string) string {
	s = text(s)
	if len(s) <= maxErrorText {
		return s
	}
	n := maxErrorText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// text is s as valid UTF-8.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
