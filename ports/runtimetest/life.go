package runtimetest

import (
	"context"
	"testing"
)

func closeTwice(t *testing.T, s *subject) {
	ctx := context.Background()
	r := s.start(t, "inbox", "null")
	r.inst.Close(ctx)
	r.inst.Close(ctx)
	fresh := s.open(t, seedOf(2)) // never activated
	fresh.inst.Close(ctx)
	fresh.inst.Close(ctx)
}

func closeRuntime(t *testing.T, s *subject) {
	ctx := context.Background()
	r := s.start(t, "inbox", "null")
	if err := s.runtime.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.runtime.Close(ctx); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := r.inst.Activate(ctx, r.activation(signal("add", `"a"`))); err == nil {
		t.Error("an instance of a closed runtime can be activated")
	}
	if _, err := s.program.New(ctx, r.seed); err == nil {
		t.Error("a program of a closed runtime gives instances")
	}
	if _, err := s.runtime.Load(ctx, s.program.Hash(), nil); err == nil {
		t.Error("a closed runtime loads programs")
	}
	r.inst.Close(ctx)
	if st := s.runtime.Stats(); st.LiveInstances != 0 || st.LiveBytes != 0 {
		t.Errorf("%d instances with %d bytes are left", st.LiveInstances, st.LiveBytes)
	}
}

func stats(t *testing.T, s *subject) {
	ctx := context.Background()
	before := s.runtime.Stats()
	r := s.start(t, "steps", "3")
	other := s.open(t, seedOf(2))
	now := s.runtime.Stats()
	if n := now.LiveInstances - before.LiveInstances; n != 2 {
		t.Errorf("%d instances are live; want 2", n)
	}
	if r.inst.Bytes() <= 0 || now.LiveBytes < before.LiveBytes+r.inst.Bytes() {
		t.Errorf("an instance counts %d bytes, all together %d, before %d", r.inst.Bytes(), now.LiveBytes, before.LiveBytes)
	}
	if s.harness.Sandboxed && now.FuelUsed <= before.FuelUsed {
		t.Errorf("%d units of fuel were used", now.FuelUsed-before.FuelUsed)
	}
	r.inst.Close(ctx)
	other.inst.Close(ctx)
	after := s.runtime.Stats()
	if after.LiveInstances != before.LiveInstances {
		t.Errorf("%d instances are left; there were %d", after.LiveInstances, before.LiveInstances)
	}
	if after.LiveBytes >= now.LiveBytes {
		t.Errorf("%d bytes are left of %d", after.LiveBytes, now.LiveBytes)
	}
	if after.FuelUsed < now.FuelUsed {
		t.Error("a counter went down")
	}
}
