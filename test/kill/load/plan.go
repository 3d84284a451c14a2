package load

import "math/rand/v2"

// NewPlan makes a plan, the same for the same seed.
func NewPlan(seed uint64) Plan {
	r := rand.New(rand.NewPCG(seed, 7))
	p := Plan{Parallel: 1 + r.IntN(4), Flaky: r.IntN(3), SleepMS: r.IntN(400), Signals: r.IntN(4), Base: int64(r.IntN(1000))}
	if r.IntN(3) == 0 {
		p.RaceMS = 20 + r.IntN(60)
	}
	switch r.IntN(8) {
	case 0:
		p.End = Fail
	case 1:
		p.End = Cancel
	default:
		p.End = Complete
	}
	return p
}

// Signal is the value of the nth signal of the plan.
func (p Plan) Signal(n int) int64 { return p.Base*int64(n+1) + 1 }

// Result is what a run of the plan answers when it completes.
func (p Plan) Result() Done {
	d := Done{Sum: Job{N: p.Base}.answer() + Job{N: 1}.answer() + Job{N: p.Base + 7}.answer()}
	for i := range p.Parallel {
		d.Sum += Job{N: p.Base + int64(i)}.answer()
	}
	for n := range p.Signals {
		d.Signals += p.Signal(n)
	}
	return d
}

// Status is how a run of the plan has to end, as histories name it.
func (p Plan) Status() string {
	switch p.End {
	case Cancel:
		return "Canceled"
	case Fail:
		return "Failed"
	}
	return "Completed"
}
