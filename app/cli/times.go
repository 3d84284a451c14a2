package cli

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/aionrun/aion/ports"
)

// startTimes are the flags that say when a run begins, how long its chain may take, and how often it is tried.
type startTimes struct {
	delay, execution, interval time.Duration
	attempts                   uint32
}

func (t *startTimes) bind(f *pflag.FlagSet) {
	f.DurationVar(&t.delay, "start-delay", 0, "how long to wait before the code begins; the run is open at once")
	f.DurationVar(&t.execution, "execution-timeout", 0, "how long the run and what it continues as may take together, behind the delay; 0 = without an end")
	f.Uint32Var(&t.attempts, "retry-attempts", 0, "how often a run that fails or exceeds its run timeout is tried in all; 0 = once, unless --retry-interval is given")
	f.DurationVar(&t.interval, "retry-interval", 0, "the pause before the first repetition, doubled for each further one; without --retry-attempts a run is repeated without an end")
}

func (t *startTimes) set(r *ports.StartRequest) {
	r.StartDelay, r.ExecutionTimeout = t.delay, t.execution
	r.Retry.MaximumAttempts, r.Retry.InitialInterval = t.attempts, t.interval
}
