package ports

import "time"

// Clock tells the time and wakes the caller. Safe for concurrent use.
type Clock interface {
	// Now is the wall clock, in UTC.
	Now() time.Time
	// AfterFunc calls f in its own goroutine once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop prevents the call if it has not begun, and says whether it did.
	Stop() bool
}

// IDs mints identifiers and secrets. Safe for concurrent use.
type IDs interface {
	// UUIDv7 gives a time-ordered UUID in canonical text form.
	UUIDv7() string
	// Random fills b with unpredictable bytes.
	Random(b []byte)
}
