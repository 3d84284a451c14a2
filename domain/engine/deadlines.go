package engine

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// checkTimes refuses a start whose delay, time limits or retry policy cannot be.
func checkTimes(r *ports.StartRequest) error {
	p := r.Retry
	for name, d := range map[string]time.Duration{"start delay": r.StartDelay, "execution timeout": r.ExecutionTimeout,
		"initial interval of the retry policy": p.InitialInterval, "maximum interval of the retry policy": p.MaximumInterval} {
		if d < 0 {
			return fault.Invalidf("a negative time was given: %s %v", name, d)
		}
	}
	if p.Coefficient < 0 || math.IsNaN(p.Coefficient) || math.IsInf(p.Coefficient, 0) {
		return fault.Invalidf("the retry policy has the coefficient %v", p.Coefficient)
	}
	return nil
}

// chainTime is how long a chain may take from its first event on: the limit counts from where the delay is over.
func chainTime(r *ports.StartRequest) time.Duration {
	if r.ExecutionTimeout == 0 {
		return 0
	}
	if r.StartDelay > math.MaxInt64-r.ExecutionTimeout {
		return math.MaxInt64
	}
	return r.StartDelay + r.ExecutionTimeout
}

// appendTimes adds what of a start's times is set to its digest.
func appendTimes(b []byte, r *ports.StartRequest) []byte {
	p := r.Retry
	if r.StartDelay == 0 && r.ExecutionTimeout == 0 && p.IsZero() {
		return b // as digests were before there were such
	}
	b = append(b, "\x00times\x00"...)
	for _, n := range []uint64{uint64(r.StartDelay), uint64(r.ExecutionTimeout), uint64(p.InitialInterval), math.Float64bits(p.Coefficient), uint64(p.MaximumInterval), uint64(p.MaximumAttempts)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for _, t := range p.NonRetryableTypes {
		b = append(append(b, t...), 0)
	}
	return b
}

// pushDeadlines notes when the current run begins and when its time is over.
func (c *chain) pushDeadlines() {
	if at := c.state.RunDeadline(); at != 0 {
		c.pushDue(dueItem{at, dueRun, 0, 0})
	}
	if c.state.Delayed() {
		c.pushDue(dueItem{c.state.BeginAt(), dueBegin, 0, 0})
	}
}

// timeOut ends the current run because its time is over. One that exceeds its own limit may be repeated, one that exceeds its chain's is not.
func (s *step) timeOut() {
	st := s.c.state
	end := &history.TimedOut{Timeout: st.DeadlineKind()}
	if end.Timeout == model.TimeoutRun {
		if _, again := st.Retries(nil, s.now); again {
			end.NewRun = model.RunID(s.c.e.opt.IDs.UUIDv7())
		}
	}
	s.add(end)
}

// retry begins the run that repeats the one that this step has closed, with the signals that its code was not given.
func (s *step) retry(next model.RunID) {
	c := s.c
	var f *model.Failure
	if failed, ok := c.state.Closed.(*history.Failed); ok {
		f = failed.Failure
	}
	delay, _ := c.state.Retries(f, s.now)
	first, err := s.firstEvent()
	if err != nil {
		s.err = err
		return
	}
	start := s.successor(next)
	start.Input, start.StartDelay, start.Attempt = first.Input, delay, max(c.state.Start.Attempt, 1)+1
	var signals []history.Attributes
	for _, p := range s.undelivered {
		raw, _, _, err := history.Split(p.Framed)
		if err == nil {
			var e history.Event
			if e, err = history.DecodeEvent(raw); err == nil {
				if sig, ok := e.Attr.(*history.SignalReceived); ok {
					signals = append(signals, sig)
				}
			}
		}
		if err != nil {
			s.err = err
			return
		}
	}
	s.begin(start, signals)
	s.continued = s.err == nil
}

// firstEvent reads the Started of the current run, with its input: from this step, or from the store.
func (s *step) firstEvent() (*history.Started, error) {
	c := s.c
	var page []byte
	for i := range s.rows {
		if s.rows[i].Run == c.run.ID && s.rows[i].First == 1 {
			page = s.rows[i].Bytes
		}
	}
	if page == nil {
		rows, err := c.e.store.History(c.e.base, c.run.ID, 1, 1)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			page = rows[0].Bytes
		}
	}
	raw, _, _, err := history.Split(page)
	if err != nil {
		return nil, err
	}
	e, err := history.DecodeEvent(raw)
	if err != nil {
		return nil, err
	}
	start, ok := e.Attr.(*history.Started)
	if !ok {
		return nil, fault.Internalf("the history of run %s begins with %v", c.run.ID, e.Kind())
	}
	return start, nil
}
