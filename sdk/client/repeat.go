package client

import (
	"context"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/aionrun/aion/sdk/internal/link"
)

// maxAttempts is how often a call is made at most. With the pauses between them it takes about 10 s to give up, which outlasts the
// restart of a server.
const maxAttempts = 18

// The pauses are variables for tests only.
var (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

type requestIDKey struct{}

// WithRequestID gives a context whose next call that changes something has this request ID instead of a new one. Use it where the
// caller itself may be restarted and then makes the same call again: the server does it once. At most 128 bytes; kept for 24 hours.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// repeating is the innermost interceptor: credentials, request IDs, repetitions.
type repeating struct{ link *link.Link }

func (r repeating) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		r.link.Authorize(req.Header())
		if err := giveRequestID(ctx, req.Any()); err != nil {
			return nil, connect.NewError(connect.CodeInternal, err)
		}
		for attempt := 1; ; attempt++ {
			res, err := next(ctx, req)
			if err == nil || attempt == maxAttempts || !repeatable(ctx, err) || !sleep(ctx, pause(attempt, err)) {
				return res, err
			}
		}
	}
}

func (r repeating) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		r.link.Authorize(conn.RequestHeader())
		return conn
	}
}

func (r repeating) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// giveRequestID sets the request_id of a message that has one and none set.
func giveRequestID(ctx context.Context, message any) error {
	m, ok := message.(interface {
		proto.Message
		GetRequestId() string
	})
	if !ok || m.GetRequestId() != "" {
		return nil
	}
	id, _ := ctx.Value(requestIDKey{}).(string)
	if id == "" {
		u, err := uuid.NewV7()
		if err != nil {
			return err
		}
		id = u.String()
	}
	r := m.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName("request_id"), protoreflect.ValueOfString(id))
	return nil
}

// repeatable says whether the same call may be made again: the server says so, or did not answer at all.
func repeatable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	switch ReasonOf(err) {
	case Draining, NotOwner, Starting, Overloaded, Unavailable:
		return true
	case "":
	default:
		return false
	}
	// What comes without a reason comes from the connection or a proxy. A broken connection is known by several codes.
	switch connect.CodeOf(err) {
	case connect.CodeUnavailable:
		return true
	case connect.CodeUnknown, connect.CodeInternal, connect.CodeCanceled:
		return !connect.IsWireError(err)
	}
	return false
}

// pause is how long to wait after a failed attempt: twice as long each time, between half and all of it, and never shorter than
// the server asks for.
func pause(attempt int, err error) time.Duration {
	d := min(firstPause<<(attempt-1), longestPause)
	d = d/2 + rand.N(d/2+1)
	if info := infoOf(err); info != nil {
		d = max(d, min(info.GetRetryAfter().AsDuration(), 10*longestPause))
	}
	return d
}

// sleep waits, and says whether the context still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
