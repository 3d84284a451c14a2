// Package system is the clock of the machine.
package system

import (
	"time"

	"github.com/aionrun/aion/ports"
)

// Clock is the machine's wall clock. Due times are kept in wall time, so it has no monotonic part.
type Clock struct{}

var _ ports.Clock = Clock{}

// Now is the wall clock, in UTC.
func (Clock) Now() time.Time { return time.Now().UTC().Round(0) }

// AfterFunc calls f in its own goroutine once d has passed.
func (Clock) AfterFunc(d time.Duration, f func()) ports.Timer { return time.AfterFunc(d, f) }
