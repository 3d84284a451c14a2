package history

import (
	"maps"
	"slices"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// FoldVersion is the version of the fold. A checkpoint of another version is ignored, and the history is folded again (rule C-6).
const FoldVersion = 1

// Checkpoint encodes the state, and digest, an opaque value of the caller. Events that wait for the code are left out: they are read again
// from the history, behind Through.
func (s *State) Checkpoint(digest []byte) []byte {
	c := coder{enc: true}
	walkState(&c, s, &digest)
	return c.b
}

// Restore decodes a checkpoint. Feed it the events behind Through with Resume before anything else.
func Restore(b []byte) (s *State, digest []byte, err error) {
	s = NewState()
	s.NextOrdinal = 0
	c := coder{b: b}
	for c.next() {
		walkState(&c, s, &digest)
	}
	if c.err != nil {
		return nil, nil, c.err
	}
	if s.Start == nil || s.Seq == 0 || s.NextOrdinal == 0 {
		return nil, nil, fault.Internalf("damaged checkpoint")
	}
	s.Status = model.StatusRunning
	return s, digest, nil
}

// Resume gives a restored state an event up to its Seq: one that waits for the code is kept.
func (s *State) Resume(e *Event, framed []byte) {
	if e.Seq > s.Through && e.Kind().Delivered() {
		s.Pending = append(s.Pending, Pending{e.Seq, framed})
		s.Waiting += int64(len(framed))
	}
}

func walkState(c *coder, s *State, digest *[]byte) {
	num(c, 1, &s.Seq)
	c.int64(2, &s.Time)
	c.int64(3, &s.Bytes)
	if c.enc {
		c.message(4, s.Start.walk)
	} else if c.num == 4 {
		s.Start = &Started{}
		c.message(4, s.Start.walk)
	}
	c.int64(5, &s.StartedAt)
	str(c, 6, &s.Package)
	num(c, 7, &s.Through)
	num(c, 8, &s.Delivered)
	num(c, 9, &s.NextOrdinal)
	num(c, 10, &s.Activations)
	num(c, 11, &s.boundary[0])
	num(c, 12, &s.boundary[1])
	c.bool(13, &s.CancelRequested)
	c.bool(14, &s.Paused)
	if c.enc && s.Blocked != nil {
		at := c.open(15)
		s.Blocked.walk(c)
		c.close(at)
	} else if !c.enc && c.num == 15 {
		s.Blocked = &Blocked{}
		c.message(15, s.Blocked.walk)
	}
	c.int64(16, &s.BlockedAt)
	num(c, 17, &s.ReplayedThrough)
	walkEach(c, 18, s.Activities, func() *Activity { return &Activity{Scheduled: &ActivityScheduled{}} }, func(c *coder, a *Activity) {
		c.message(2, a.Scheduled.walk)
		c.int64(3, &a.ScheduledAt)
		num(c, 4, &a.Attempt)
		c.int64(5, &a.NextAt)
		c.bool(6, &a.Started)
		c.bool(7, &a.Canceling)
		c.failure(8, &a.LastFailure)
		c.payload(9, &a.Heartbeat)
		if c.enc && a.Handed != nil {
			at := c.open(10)
			a.Handed.walk(c)
			c.close(at)
		} else if !c.enc && c.num == 10 {
			a.Handed = &Handed{}
			c.message(10, a.Handed.walk)
		}
	})
	walkEach(c, 19, s.Timers, func() *Timer { return &Timer{} }, func(c *coder, t *Timer) { c.int64(2, &t.Due) })
	c.bytes(20, digest)
	walkUpdates(c, 30, s)
	walkNames(c, 21, &s.Patches)
	walkBetween(c, s)
}

// walkNames codes a set of names, in order.
func walkNames(c *coder, n int, set *map[string]bool) {
	names := slices.Sorted(maps.Keys(*set))
	c.strings(n, &names)
	if c.enc {
		return
	}
	for _, name := range names {
		if *set == nil {
			*set = map[string]bool{}
		}
		(*set)[name] = true
	}
}

// walkEach codes a map by ordinal, in order: field 1 of each entry is the ordinal.
func walkEach[T any](c *coder, n int, m map[model.Ordinal]*T, make_ func() *T, walk func(*coder, *T)) {
	if c.enc {
		for _, o := range slices.Sorted(maps.Keys(m)) {
			at := c.open(n)
			num(c, 1, &o)
			walk(c, m[o])
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		var o model.Ordinal
		v := make_()
		c.sub(func(s *coder) { num(s, 1, &o); walk(s, v) })
		m[o] = v
	}
}
