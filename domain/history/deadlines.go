package history

import (
	"time"

	"github.com/aionrun/aion/domain/model"
)

// BeginAt is when the code of a run may begin, in unix nanoseconds.
func (s *State) BeginAt() int64 { return after(s.StartedAt, s.Start.StartDelay) }

// Begin lets the code begin where its time has come. It is no fact of the history: the first activation is.
func (s *State) Begin(now int64) {
	if s.Start != nil && now >= s.BeginAt() {
		s.begun = true
	}
}

// Delayed says whether the code waits for its start delay.
func (s *State) Delayed() bool {
	return s.Start != nil && s.Start.StartDelay > 0 && s.Activations == 0 && !s.begun
}

// RunDeadline is when the run times out, in unix nanoseconds, by its own limit or by what is left of its chain's; 0 = never.
func (s *State) RunDeadline() int64 {
	at, _ := s.deadline()
	return at
}

// DeadlineKind says which limit the RunDeadline is.
func (s *State) DeadlineKind() model.TimeoutKind {
	_, kind := s.deadline()
	return kind
}

func (s *State) deadline() (at int64, kind model.TimeoutKind) {
	if s.Start == nil {
		return 0, kind
	}
	if s.Start.RunTimeout > 0 {
		at, kind = after(s.BeginAt(), s.Start.RunTimeout), model.TimeoutRun
	}
	if chain := s.ChainDeadline(); chain != 0 && (at == 0 || chain <= at) {
		at, kind = chain, model.TimeoutExecution
	}
	return at, kind
}

// ChainDeadline is when the chain's time is over, in unix nanoseconds; 0 = never.
func (s *State) ChainDeadline() int64 {
	if s.Start == nil || s.Start.ExecutionTimeout <= 0 {
		return 0
	}
	return after(s.StartedAt, s.Start.ExecutionTimeout)
}

// Retries says after what delay another run repeats this one, when it fails with f, or, where f is nil, exceeds its own time limit now.
func (s *State) Retries(f *model.Failure, now int64) (delay time.Duration, again bool) {
	p, n := s.Start.Retry, max(s.Start.Attempt, 1)
	if p.IsZero() || s.CancelRequested || f != nil && !f.Retryable || p.MaximumAttempts > 0 && uint32(n) >= p.MaximumAttempts {
		return 0, false
	}
	for _, t := range p.NonRetryableTypes {
		if f != nil && t == f.Type {
			return 0, false
		}
	}
	delay = p.Delay(n)
	if chain := s.ChainDeadline(); chain != 0 && after(now, delay) >= chain {
		return 0, false
	}
	return delay, true
}

// RetriedAs is the run that repeats a closed one by its retry policy, "" where none does.
func RetriedAs(closing Attributes) model.RunID {
	switch a := closing.(type) {
	case *Failed:
		return a.NewRun
	case *TimedOut:
		return a.NewRun
	}
	return ""
}
