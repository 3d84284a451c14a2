package dispatch

import (
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// BeatPause is how often heartbeat details are stored at most (rule A-4).
func BeatPause(timeout time.Duration) time.Duration {
	every := 5 * time.Second
	if timeout > 0 {
		every = min(every, timeout/2)
	}
	return every
}

// beat notes a heartbeat of an attempt that a worker holds.
func (d *Dispatcher) beat(t *task, details model.Payload, now time.Time) {
	if t.Heartbeat > 0 {
		t.beatBy = now.Add(t.Heartbeat) // the deadline that is set finds out when it is reached
	}
	if details.IsZero() {
		return
	}
	t.details = details
	if now.Sub(t.storedAt) >= BeatPause(t.Heartbeat) {
		t.storedAt = now
		h := ports.Heartbeat{Run: t.Run, Ordinal: t.Ordinal, Attempt: t.Attempt, Details: details, At: now}
		d.told = append(d.told, func() { d.sink.Heartbeat(h) })
	}
}

// Beat notes a heartbeat that comes by a token, and not from the session that holds the attempt. ok is false when no worker has it, or may have it.
func (d *Dispatcher) Beat(k TaskKey, details model.Payload) (ok, canceling bool) {
	d.mu.Lock()
	defer d.unlock()
	t := d.tasks[k]
	if t == nil || t.phase == buffered || t.phase == starting || t.phase == void {
		return false, false
	}
	d.beat(t, details, d.opt.Clock.Now())
	return true, t.Canceling
}
