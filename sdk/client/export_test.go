package client

import "time"

// HurryUp makes the pauses between repetitions short.
func HurryUp() { firstPause, longestPause = time.Millisecond, 2*time.Millisecond }

// Pause is the pause after a failed attempt.
var Pause = pause
