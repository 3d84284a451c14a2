package history

import (
	"time"

	"github.com/aionrun/aion/domain/model"
)

// ActivityAttemptPending says that a worker has handed an attempt on: whoever has its token ends it (rule A-6). From here on the attempt is in no
// worker's hands and in no queue, which is how it survives restarts: what is recorded so is not handed out again.
type ActivityAttemptPending struct {
	Ordinal   model.Ordinal
	Attempt   model.Attempt
	Worker    string        // that had it
	Heartbeat model.Payload // the last details that it reported
	TimeLeft  time.Duration // of start-to-close; 0 = no limit
}

// Kind is KindActivityAttemptPending.
func (*ActivityAttemptPending) Kind() Kind { return KindActivityAttemptPending }

func (a *ActivityAttemptPending) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	str(c, 3, &a.Worker)
	c.payload(4, &a.Heartbeat)
	duration(c, 5, &a.TimeLeft)
}

// Handed is what is known of an attempt that is pending.
type Handed struct {
	At      int64 // since when
	CloseBy int64 // when start-to-close passes; 0 = never
	Worker  string
}

func (h *Handed) walk(c *coder) {
	c.int64(1, &h.At)
	c.int64(2, &h.CloseBy)
	str(c, 3, &h.Worker)
}

// handOn folds an ActivityAttemptPending.
func (a *Activity) handOn(at int64, e *ActivityAttemptPending) {
	a.Handed = &Handed{At: at, Worker: e.Worker}
	if e.TimeLeft > 0 {
		a.Handed.CloseBy = after(at, e.TimeLeft)
	}
	if !e.Heartbeat.IsZero() {
		a.Heartbeat = e.Heartbeat
	}
}
