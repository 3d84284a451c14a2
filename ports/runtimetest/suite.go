package runtimetest

import (
	"strings"
	"testing"

	"github.com/aionrun/aion/ports"
)

// Harness says how the suite gets at a runtime, and what it can do beyond what all must.
type Harness struct {
	// Open gives a runtime, whose Close it registers with a Cleanup, and the program with the suite's workflows loaded in it. Where loading takes
	// long, cases may share one, but not when fresh is set.
	Open func(t *testing.T, fresh bool) (ports.Runtime, ports.Program)
	// Again loads the same program in the same runtime once more.
	Again func(t *testing.T, rt ports.Runtime) ports.Program
	// Clones: Instance.Clone answers ok.
	Clones bool
	// Hibernates: Instance.Hibernate answers ok.
	Hibernates bool
	// Sandboxed: instances have a digest, limits end in traps, and the misbehaving workflows are in the program.
	Sandboxed bool
	// OwnsInstances: Close of the runtime discards programs and instances.
	OwnsInstances bool
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		need bool
		f    func(*testing.T, *subject)
	}{
		{"Program/says what it declares", true, info},
		{"Program/loads once", true, loadsOnce},
		{"Activate/answers with commands", true, commands},
		{"Activate/C-2 several events in one activation", true, several},
		{"Activate/the clock is the step's time", true, clock},
		{"Activate/logs are dropped while replaying", true, logs},
		{"Activate/results keep their payload", true, payloads},
		{"Activate/an ended context is no trap", true, endedContext},
		{"Activate/D-10 a panic is a trap", true, panics},
		{"Activate/instances do not see each other", true, independent},
		{"Activate/many at the same time", true, concurrent},
		{"D-1 the seed decides", true, seeds},
		{"D-1 replay gives the same commands", true, replays},
		{"D-5 patches are answered on replay as they were", true, patches},
		{"Query/answers and fails", true, queries},
		{"Update/D-4 is accepted or rejected", true, updates},
		{"Update/D-4 a copy is asked", h.Clones, updateOnCopy},
		{"Clone/D-8 changes nothing", h.Clones, clones},
		{"Clone/goes on like the original", h.Clones, cloneContinues},
		{"Clone/not offered", !h.Clones, noClones},
		{"Hibernate/D-9 comes back", h.Hibernates, hibernates},
		{"Hibernate/D-9 any difference drops it", h.Hibernates, mismatches},
		{"Hibernate/forgotten", h.Hibernates, forgets},
		{"Hibernate/not offered", !h.Hibernates, noHibernation},
		{"Sandbox/D-2 fuel", h.Sandboxed, fuel},
		{"Sandbox/D-2 memory", h.Sandboxed, memory},
		{"Sandbox/D-2 stack", h.Sandboxed, stack},
		{"Sandbox/deadlock", h.Sandboxed, deadlock},
		{"Sandbox/exit", h.Sandboxed, exit},
		{"Sandbox/D-2 limits change nothing that the code sees", h.Sandboxed, invisible},
		{"Close/twice", true, closeTwice},
		{"Close/discards everything", h.OwnsInstances, closeRuntime},
		{"Stats/gauges and counters", true, stats},
	} {
		if !c.need {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s := &subject{harness: h}
			s.runtime, s.program = h.Open(t, strings.HasPrefix(c.name, "Close/") || strings.HasPrefix(c.name, "Stats/"))
			c.f(t, s)
		})
	}
}
