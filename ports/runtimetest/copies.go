package runtimetest

import (
	"context"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (r *run) query(name, input string) (string, error) {
	out, err := r.inst.Query(context.Background(), ports.Query{Name: model.QueryName(name), Input: payload(input), Limits: ample})
	return string(out.Data), err
}

func queries(t *testing.T, s *subject) {
	r := s.start(t, "inbox", "null")
	r.deliver(signal("add", `"a"`))
	for _, c := range []struct{ name, input, want string }{{"seen", "null", `"a"`}, {"echo", `{"x": [1, 2]}`, `{"x": [1, 2]}`}} {
		if v, err := r.query(c.name, c.input); err != nil || v != c.want {
			t.Errorf("%s answers %s, %v; want %s", c.name, v, err, c.want)
		}
	}
	if _, err := r.query("nonsense", "null"); !fault.Has(err, fault.UnknownQuery) || !strings.Contains(err.Error(), "seen") {
		t.Errorf("an unknown query: %v; want unknown_query that lists the known ones", err)
	}
	if _, err := r.query("broken", "null"); !fault.Has(err, fault.QueryFailed) || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("a failing query: %v; want query_failed with its message", err)
	}
}

func (r *run) clone(s *subject) *run {
	r.t.Helper()
	inst, ok, err := r.inst.Clone(context.Background())
	if err != nil || !ok {
		r.t.Fatalf("Clone: %v, %v", ok, err)
	}
	c := s.drive(r.t, inst, r.seed)
	c.seq, c.now = r.seq, r.now
	return c
}

func clones(t *testing.T, s *subject) {
	r := s.start(t, "inbox", "null")
	r.deliver(signal("add", `"a"`))
	before := string(r.inst.Digest())
	c := r.clone(s)
	r.same(c)
	for range 3 {
		if v, err := c.query("seen", "null"); err != nil || v != `"a"` {
			t.Fatalf("the clone answers %s, %v", v, err)
		}
	}
	c.deliver(signal("add", `"only in the clone"`))
	if string(r.inst.Digest()) != before {
		t.Error("what the clone did changed the original")
	}
	c.inst.Close(context.Background())
	r.deliver(signal("add", `"b"`))
	if v := result(t, r.deliver(signal("done", "null"))); v != `"a,b"` {
		t.Errorf("the original ends with %s", v)
	}
	r.replay(s) // a query at some point has left no trace
}

func cloneContinues(t *testing.T, s *subject) {
	r := s.start(t, "shuffle", "null")
	c := r.clone(s)
	for o := range model.Ordinal(19) {
		r.deliver(completed(o+1, `"x"`))
		c.deliver(completed(o+1, `"x"`))
		r.same(c)
	}
	c = c.clone(s) // of a clone
	if a, b := result(t, r.deliver(completed(20, `"x"`))), result(t, c.deliver(completed(20, `"x"`))); a != b {
		t.Errorf("the original ends with %s, the clone with %s", a, b)
	}
}

func noClones(t *testing.T, s *subject) {
	if c, ok, err := s.start(t, "inbox", "null").inst.Clone(context.Background()); ok || c != nil || err != nil {
		t.Errorf("Clone: %v, %v, %v", c, ok, err)
	}
}

func keyOf(r *run) ports.SnapshotKey {
	return ports.SnapshotKey{Run: "0190a0b0-0000-7000-8000-000000000001", Seq: r.seq, Digest: [32]byte{1, 2, 3}}
}

func (r *run) hibernate() ports.SnapshotKey {
	r.t.Helper()
	key := keyOf(r)
	if ok, err := r.inst.Hibernate(context.Background(), key); err != nil || !ok {
		r.t.Fatalf("Hibernate: %v, %v", ok, err)
	}
	return key
}

func hibernates(t *testing.T, s *subject) {
	before := s.runtime.Stats()
	r := s.start(t, "shuffle", "null")
	for o := range model.Ordinal(19) {
		key := r.hibernate()
		inst, ok, err := s.program.Restore(context.Background(), key, r.seed)
		if err != nil || !ok {
			t.Fatalf("Restore: %v, %v", ok, err)
		}
		again := s.drive(t, inst, r.seed)
		again.seq, again.now = r.seq, r.now
		r.same(again)
		r.deliver(completed(o+1, `"x"`)) // the instance stays usable
		again.deliver(completed(o+1, `"x"`))
		r.same(again)
		r.inst.Close(context.Background())
		again.past, again.out = append(r.past[:len(r.past)-1:len(r.past)-1], again.past...), append(r.out[:len(r.out)-1:len(r.out)-1], again.out...)
		r = again
	}
	result(t, r.deliver(completed(20, `"x"`)))
	r.replay(s)
	st := s.runtime.Stats()
	if h, r, d := st.Hibernated-before.Hibernated, st.Restored-before.Restored, st.Dropped-before.Dropped; h != 19 || r != 19 || d != 0 {
		t.Errorf("hibernated %d, restored %d, dropped %d; want 19, 19, 0", h, r, d)
	}
}

func mismatches(t *testing.T, s *subject) {
	before := s.runtime.Stats().Dropped
	ctx := context.Background()
	r := s.start(t, "inbox", "null")
	for i, other := range []func(k *ports.SnapshotKey, seed *[32]byte){
		func(k *ports.SnapshotKey, _ *[32]byte) { k.Seq++ },
		func(k *ports.SnapshotKey, _ *[32]byte) { k.Digest[31]++ },
		func(_ *ports.SnapshotKey, seed *[32]byte) { seed[0]++ },
	} {
		key, seed := r.hibernate(), r.seed
		wrong := key
		other(&wrong, &seed)
		if inst, ok, err := s.program.Restore(ctx, wrong, seed); ok || inst != nil || err != nil {
			t.Errorf("case %d: Restore: %v, %v, %v", i, inst, ok, err)
		}
		if _, ok, err := s.program.Restore(ctx, key, r.seed); ok || err != nil {
			t.Errorf("case %d: the blob is still there: %v, %v", i, ok, err)
		}
		if d := s.runtime.Stats().Dropped - before; d != int64(i+1) {
			t.Errorf("case %d: dropped %d", i, d)
		}
	}
	key := r.hibernate()
	key.Run = "another run"
	if _, ok, err := s.program.Restore(ctx, key, r.seed); ok || err != nil {
		t.Errorf("another run: Restore: %v, %v", ok, err)
	}
}

func forgets(t *testing.T, s *subject) {
	r := s.start(t, "inbox", "null")
	key := r.hibernate()
	s.program.Forget(key.Run)
	s.program.Forget(key.Run)
	if _, ok, err := s.program.Restore(context.Background(), key, r.seed); ok || err != nil {
		t.Errorf("Restore: %v, %v", ok, err)
	}
}

func noHibernation(t *testing.T, s *subject) {
	ctx := context.Background()
	r := s.start(t, "inbox", "null")
	if ok, err := r.inst.Hibernate(ctx, keyOf(r)); ok || err != nil {
		t.Errorf("Hibernate: %v, %v", ok, err)
	}
	if inst, ok, err := s.program.Restore(ctx, keyOf(r), r.seed); ok || inst != nil || err != nil {
		t.Errorf("Restore: %v, %v, %v", inst, ok, err)
	}
	s.program.Forget(keyOf(r).Run)
}
