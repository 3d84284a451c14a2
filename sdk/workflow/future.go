package workflow

import (
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// A Future is a value that will be there later: of an activity, a timer, or a function that runs beside.
//   - Get(ctx) waits for it, and may be called again;
//   - Settled() says whether Get would answer at once;
//   - Cancel() asks for its cancel and does not wait.
//
// Copies stand for the same thing.
type Future[T any] = guest.Future[T]

// Sleep waits for d. It gives ErrCanceled when ctx is canceled first. Timers fire once, never early, and survive restarts.
func Sleep(ctx Context, d time.Duration) error {
	_, err := guest.NewTimer(ctx, d).Get(ctx)
	return err
}

// NewTimer starts a timer that is waited for later. A canceled one gives ErrCanceled. One of zero or less has fired already.
func NewTimer(ctx Context, d time.Duration) Future[None] { return guest.NewTimer(ctx, d) }

// Go runs fn as a coroutine of its own in the scope of ctx. The run does not wait for it: when the workflow function returns,
// all coroutines end. A panic in it blocks the run.
func Go(ctx Context, fn func(ctx Context)) { guest.Go(ctx, fn) }

// Async runs fn as a coroutine of its own, in a scope below that of ctx, and gives its result as a future.
// Canceling the future cancels that scope.
func Async[T any](ctx Context, fn func(ctx Context) (T, error)) Future[T] {
	return guest.Async(ctx, fn)
}

// Await waits until cond holds. It is looked at whenever other code of the workflow has run, and must only look at variables of the
// workflow. It gives ErrCanceled when ctx is canceled first.
func Await(ctx Context, cond func() bool) error { return guest.Await(ctx, cond) }
