package dispatch

import (
	"math"
	"time"

	"github.com/aionrun/aion/ports"
)

// settings are what an operator has set for a queue; the zero value limits nothing.
type settings struct{ ports.QueueSettings }

func (s *settings) weightOf(fairness string) float64 {
	if s != nil {
		if w := s.FairnessWeights[fairness]; w > 0 {
			return float64(w)
		}
	}
	return 1
}

func (s *settings) keyLimit(name string) int {
	if s != nil {
		if n := s.KeyLimits[name]; n > 0 {
			return n
		}
		if s.KeyLimit > 0 {
			return s.KeyLimit
		}
	}
	return 1
}

func (s *settings) turns() int {
	if s != nil && s.Weight > 0 {
		return s.Weight
	}
	return 1
}

func (s *settings) rate() float64 {
	if s == nil {
		return 0
	}
	return s.Rate
}

// burst is how many tasks may follow each other at once: a tenth of a second's worth unless an operator says otherwise.
func (s *settings) burst() float64 {
	if s.Burst > 0 {
		return float64(s.Burst)
	}
	return max(1, math.Ceil(s.Rate/10))
}

// shortestPause bounds how often a limited queue is looked at: what comes meanwhile is handed out together.
const shortestPause = 2 * time.Millisecond

// spend takes a place in the queue's rate. Without one it sets the time at which there is one.
func (d *Dispatcher) spend(q *queue) bool {
	rate := q.set.rate()
	if rate <= 0 {
		return true
	}
	now := d.opt.Clock.Now()
	if q.spentAt.IsZero() {
		q.spentAt = now // begins empty: a restart does not let more through than the rate
	}
	if past := now.Sub(q.spentAt).Seconds(); past > 0 {
		q.tokens, q.spentAt = min(q.tokens+past*rate, q.set.burst()), now
	}
	if q.tokens >= 1-1e-9 {
		q.tokens--
		return true
	}
	pause := max(time.Duration(math.Ceil((1-q.tokens)/rate*float64(time.Second))), shortestPause)
	q.wake.Key.queue = q
	d.deadlines.Set(&q.wake, now.Add(pause))
	if !q.limited {
		q.limited, q.limitedAt = true, now
	}
	return false
}

// unlimit says that the queue's rate is to be looked at again.
func (q *queue) unlimit(now time.Time) {
	if q.limited {
		q.waited += now.Sub(q.limitedAt)
		q.limited = false
	}
}

// Set changes what limits a queue. nil limits nothing.
func (d *Dispatcher) Set(qk QueueKey, s *ports.QueueSettings) {
	d.mu.Lock()
	defer d.unlock()
	if s == nil {
		delete(d.settings, qk)
	} else {
		d.settings[qk] = &settings{*s}
	}
	q := d.queues[qk]
	if q == nil {
		return
	}
	q.set = d.settings[qk]
	q.tokens, q.spentAt = 0, time.Time{}
	q.unlimit(d.opt.Clock.Now())
	d.deadlines.Remove(&q.wake)
	for name, f := range q.flows {
		f.weight = q.set.weightOf(name)
	}
	for _, k := range q.keys {
		k.open()
	}
	d.serve(q)
}
