package worker

import "time"

// HurryUp makes the pauses between connections short.
func HurryUp() {
	firstPause, longestPause, lastGrace = time.Millisecond, 5*time.Millisecond, 200*time.Millisecond
}

// MaxResult is the largest result that is sent.
const MaxResult = maxResult
