package workflow

import (
	"math/rand/v2"
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// ErrCanceled is the error of what was canceled; match it with errors.Is.
var ErrCanceled = guest.ErrCanceled

// ErrTimeout says that a time limit passed. errors.Is(err, ErrTimeout{}) matches any, ErrTimeout{Kind: StartToClose} that one.
type ErrTimeout = guest.TimeoutError

// TimeoutKind names which time limit passed.
type TimeoutKind = guest.TimeoutKind

// The kinds of ErrTimeout that an activity can end with.
const (
	ScheduleToStart = guest.ScheduleToStart
	StartToClose    = guest.StartToClose
	ScheduleToClose = guest.ScheduleToClose
	Heartbeat       = guest.Heartbeat
)

// GetInfo says which run this is.
func GetInfo(ctx Context) Info { return guest.InfoOf(ctx) }

// Now is the recorded time of the step, the same on every replay. It moves only when the code waits.
func Now(ctx Context) time.Time { return guest.Now(ctx) }

// Rand gives the run's random numbers, the same on every replay and different in every run. Not for secrets.
func Rand(ctx Context) *rand.Rand { return guest.Rand(ctx) }

// UUID gives a version 4 UUID, the same on every replay: good as an idempotency key.
func UUID(ctx Context) string { return guest.UUID(ctx) }

// WithCancel gives a context whose scope is canceled by the returned function, or together with ctx. What is started with it and
// what waits with it is canceled then. Call the function when the scope is no longer needed, at the latest by defer.
func WithCancel(ctx Context) (Context, func()) { return guest.WithCancel(ctx) }

// Detached gives a context that no cancel reaches, for work that must be done all the same, such as cleaning up.
func Detached(ctx Context) Context { return guest.Detached(ctx) }
