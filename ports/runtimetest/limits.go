package runtimetest

import (
	"context"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// misbehave starts a workflow that must end in a trap, and then shows that another instance is unharmed.
func misbehave(t *testing.T, s *subject, workflow string, limits ports.Limits, kind ports.TrapKind) *ports.Trap {
	t.Helper()
	r := s.open(t, seedOf(1))
	a := r.activation(r.started(workflow, "null"))
	a.Limits = limits
	_, err := r.inst.Activate(context.Background(), a)
	trap := trapped(t, err, kind)
	if trap.Message == "" {
		t.Error("the trap has no message")
	}
	if _, err := r.inst.Activate(context.Background(), a); err == nil {
		t.Error("a trapped instance can be activated again")
	}
	if _, _, err := r.inst.Clone(context.Background()); err == nil {
		t.Error("a trapped instance can be cloned")
	}
	if ok, err := r.inst.Hibernate(context.Background(), keyOf(r)); ok || err == nil {
		t.Error("a trapped instance can be hibernated")
	}
	r.inst.Close(context.Background())
	other := s.start(t, "steps", "1")
	if v := result(t, other.deliver(completed(1, `"ok"`))); v != `"ok"` {
		t.Errorf("another instance ends with %s", v)
	}
	return trap
}

func fuel(t *testing.T, s *subject) {
	limits := ports.Limits{Fuel: 3_000_000, MemoryBytes: 64 << 20}
	if trap := misbehave(t, s, "spin", limits, ports.TrapFuel); trap.Limit != limits.Fuel {
		t.Errorf("the limit is %d; it was %d", trap.Limit, limits.Fuel)
	}
}

func memory(t *testing.T, s *subject) {
	limits := ports.Limits{Fuel: 1_000_000_000, MemoryBytes: 24 << 20}
	if trap := misbehave(t, s, "hog", limits, ports.TrapMemory); trap.Limit != limits.MemoryBytes {
		t.Errorf("the limit is %d; it was %d", trap.Limit, limits.MemoryBytes)
	}
}

func stack(t *testing.T, s *subject) {
	misbehave(t, s, "dive", ports.Limits{Fuel: 1_000_000_000, MemoryBytes: 96 << 20}, ports.TrapStack)
}

func deadlock(t *testing.T, s *subject) {
	misbehave(t, s, "stuck", ample, ports.TrapDeadlock)
	misbehave(t, s, "sleep", ample, ports.TrapDeadlock)
}

func exit(t *testing.T, s *subject) {
	if trap := misbehave(t, s, "quit", ample, ports.TrapExit); !strings.Contains(trap.Message, "3") {
		t.Errorf("the message %q does not name the exit code", trap.Message)
	}
}

func invisible(t *testing.T, s *subject) {
	r := s.start(t, "steps", "3")
	for o := range model.Ordinal(2) {
		r.deliver(completed(o+1, `"x"`))
	}
	for i := range r.past {
		r.past[i].Limits = ports.Limits{Fuel: 4 * ample.Fuel, MemoryBytes: 4 * ample.MemoryBytes}
	}
	r.replay(s)
	for i := range r.past {
		r.past[i].Limits = ports.Limits{}
	}
	r.replay(s)
}
