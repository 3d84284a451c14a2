package client

import "time"

// HurryUp makes the pauses between repetitions short.
func HurryUp() { firstPause, longestPause = time.Millisecond, 2*time.Millisecond }

// MaxAttempts is how often a call is made at most.
const MaxAttempts = maxAttempts

// Pause is the pause after a failed attempt.
var Pause = pause
