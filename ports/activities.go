package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Activities is what transports call for attempts that are ended from outside of the worker that had them (rule A-6). Safe for concurrent use.
// Every method may answer InvalidInput (the token is none), NotFound (the namespace has no such attempt; a token of another namespace is
// not told from one of nobody), NotRunning (the run or the attempt has ended), beside what every call may answer.
type Activities interface {
	// CompleteActivity ends an attempt with its result, durably. Errors: PayloadTooLarge, RequestIDReused.
	CompleteActivity(ctx context.Context, r ActivityResult) (WorkflowRef, error)
	// FailActivity ends an attempt with r.Failure, durably; the retry policy says what follows. A failure of type model.FailureCanceled ends
	// one whose cancel was requested as canceled. Errors: PayloadTooLarge, RequestIDReused.
	FailActivity(ctx context.Context, r ActivityResult) (WorkflowRef, error)
	// HeartbeatActivity says that an attempt is alive. Details are durable on return. canceled says that the workflow wants it to stop.
	HeartbeatActivity(ctx context.Context, r ActivityBeat) (canceled bool, err error)
}

// ActivityResult ends the attempt that has the token.
type ActivityResult struct {
	Namespace model.Namespace
	Token     []byte
	Result    model.Payload  // of CompleteActivity
	Failure   *model.Failure // of FailActivity
	NextDelay time.Duration  // of FailActivity: overrides the retry policy; 0 = not set
	RequestID model.RequestID
	Identity  string
}

// ActivityBeat is a heartbeat of the attempt that has the token.
type ActivityBeat struct {
	Namespace model.Namespace
	Token     []byte
	Details   model.Payload // zero = none
}
