package guest

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
)

// Rand gives the run's random numbers: ChaCha8 keyed by SHA-256(seed ‖ "rand"), the same on every replay. Not for secrets.
func Rand(ctx Context) *rand.Rand {
	in := ctx.inst.known("workflow.Rand")
	if in.random == nil {
		in.source = rand.NewChaCha8(in.randomKey())
		in.random = rand.New(in.source)
	}
	return in.random
}

func (in *Instance) randomKey() [32]byte { return sha256.Sum256(append(in.seed[:], "rand"...)) }

// reseed gives the run other random numbers from here on, also those of a generator that the code holds already.
func (in *Instance) reseed(seed []byte) {
	in.seed = [32]byte{}
	copy(in.seed[:], seed)
	if in.source != nil {
		in.source.Seed(in.randomKey())
	}
}

// UUID gives a version 4 UUID from Rand, the same on every replay.
func UUID(ctx Context) string {
	r := Rand(ctx)
	var u [16]byte
	for i, v := 0, r.Uint64(); i < 8; i++ {
		u[i] = byte(v >> (8 * i))
	}
	for i, v := 0, r.Uint64(); i < 8; i++ {
		u[8+i] = byte(v >> (8 * i))
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	var s [36]byte
	for i, j := 0, 0; i < 16; i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			s[j] = '-'
			j++
		}
		hex.Encode(s[j:], u[i:i+1])
		j += 2
	}
	return string(s[:])
}

// Log collects a line. The host drops the lines of a replay.
func Log(ctx Context, level int, message string, attrs []Entry) {
	in := ctx.inst.known("workflow.Logger")
	if in.mode == modeClosing {
		return
	}
	in.logs = append(in.logs, LogLine{Level: level, Message: message, Attrs: attrs})
}

// A CompensationError says that what a workflow had done could not all be undone: Err is why it was to be undone (nil for a
// cancel that the code did not return), Failed are the errors of the compensations that failed. A run that ends with it
// closes as Failed, even where it was canceled.
type CompensationError struct {
	Err    error
	Failed []error
}

// Error gives every message.
func (e *CompensationError) Error() string {
	s := "compensation failed"
	if e.Err != nil {
		s = e.Err.Error() + "; compensation failed"
	}
	for i, f := range e.Failed {
		if i == 0 {
			s += ": "
		} else {
			s += "; "
		}
		s += f.Error()
	}
	return s
}

// Unwrap gives Err and every failed compensation.
func (e *CompensationError) Unwrap() []error {
	if e.Err == nil {
		return e.Failed
	}
	return append([]error{e.Err}, e.Failed...)
}
