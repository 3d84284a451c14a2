package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func messageKeys(t testing.TB, st ports.Store, key model.ChainKey, limit int) (out []string) {
	t.Helper()
	var last int64
	for _, m := range must[[]ports.Message](t)(st.Inbox(t.Context(), key, limit)) {
		if m.Pos <= last {
			t.Fatalf("message %q has position %d after %d", m.DedupKey, m.Pos, last)
		}
		equal(t, "target", m.Target, key)
		last = m.Pos
		out = append(out, m.DedupKey)
	}
	return out
}

func inbox(t *testing.T, st ports.Store) {
	sender, target := numbered(1), numbered(2)
	send := func(keys ...string) {
		a := sender.append(1)
		for _, k := range keys {
			a.Send = append(a.Send, ports.Message{Target: target.key, DedupKey: k, Bytes: []byte("first " + k)})
		}
		sender.do(t, st, a)
	}
	send("z", "b")
	send("a")
	// A chain that does not exist yet has an inbox too. The same key is kept as it was, also inside one append.
	a := sender.append(1)
	a.Send = []ports.Message{{Target: target.key, DedupKey: "b", Bytes: []byte("second b")}, {Target: target.key, DedupKey: "y", Bytes: []byte("first y")},
		{Target: target.key, DedupKey: "y", Bytes: []byte("second y")}}
	sender.do(t, st, a)
	equalSlices(t, "messages in order of arrival", messageKeys(t, st, target.key, 10), []string{"z", "b", "a", "y"})
	equalSlices(t, "messages, at most 2", messageKeys(t, st, target.key, 2), []string{"z", "b"})
	equal(t, "messages, at most 0", len(messageKeys(t, st, target.key, 0)), 0)
	for _, m := range must[[]ports.Message](t)(st.Inbox(t.Context(), target.key, 10)) {
		equal(t, "message", string(m.Bytes), "first "+m.DedupKey)
	}
	// Taken by the chain's own append, together with its creation.
	a = target.append(2)
	a.Take = []ports.MessageRef{{DedupKey: "b"}, {DedupKey: "z"}}
	target.do(t, st, a)
	equalSlices(t, "messages left", messageKeys(t, st, target.key, 10), []string{"a", "y"})
	a = target.append(1)
	a.Take = []ports.MessageRef{{DedupKey: "a"}, {DedupKey: "b"}}
	f := refused(t, st, a, fault.Conflict)
	equal(t, "version and head", f.Metadata["version"]+"/"+f.Metadata["head_seq"], "1/2")
	equalSlices(t, "messages left after a refusal", messageKeys(t, st, target.key, 10), []string{"a", "y"})
	// Nobody takes another chain's messages.
	a = sender.append(1)
	a.Take = []ports.MessageRef{{DedupKey: "a"}}
	refused(t, st, a, fault.Conflict)
	// A consumed key may come again: remembering it is the target's business.
	send("b")
	equalSlices(t, "messages", messageKeys(t, st, target.key, 10), []string{"a", "y", "b"})
	a = target.append(1)
	a.Take = []ports.MessageRef{{DedupKey: "a"}, {DedupKey: "y"}, {DedupKey: "b"}}
	target.do(t, st, a)
	equal(t, "messages left", len(messageKeys(t, st, target.key, 10)), 0)
	equal(t, "targets left", len(must[[]model.ChainKey](t)(st.InboxTargets(t.Context(), 0, nil, 10))), 0)
	// A step may send to its own chain.
	a = target.append(1)
	a.Send = []ports.Message{{Target: target.key, DedupKey: "self"}}
	target.do(t, st, a)
	equalSlices(t, "messages to itself", messageKeys(t, st, target.key, 10), []string{"self"})
}

func inboxContention(t *testing.T, st ports.Store) {
	const messages, takers = 10, 8
	s := numbered(1)
	a := s.append(1)
	for i := range messages {
		a.Send = append(a.Send, ports.Message{Target: s.key, DedupKey: fmt.Sprint(i)})
	}
	s.do(t, st, a)
	for i := range messages {
		won := make(chan *ports.Append, takers)
		together(t, takers, func(ctx context.Context, _ int) error {
			a := s.append(1)
			a.Take = []ports.MessageRef{{DedupKey: fmt.Sprint(i)}}
			_, err := st.Append(ctx, a)
			if err == nil {
				won <- a
			} else if !fault.Has(err, fault.Conflict) {
				return err
			}
			return nil
		})
		equal(t, "takers that won", len(won), 1)
		s.committed(<-won)
		equal(t, "messages left", len(messageKeys(t, st, s.key, 100)), messages-1-i)
	}
	s.check(t, st)
}

func inboxTargets(t *testing.T, st ports.Store) {
	sender := numbered(0)
	var want []model.ChainKey
	for _, ns := range []string{"a", "a2", "b"} {
		for i := range 5 {
			want = append(want, newSubject(ns, fmt.Sprintf("wf-%d", i), "").key)
		}
	}
	for i := range want {
		a := sender.append(1)
		for k := range 1 + i%3 {
			a.Send = append(a.Send, ports.Message{Target: want[i*7%len(want)], DedupKey: fmt.Sprint(k)})
		}
		sender.do(t, st, a)
	}
	for _, limit := range []int{1, 4, 100} {
		var got []model.ChainKey
		var after *model.ChainKey
		for {
			page := must[[]model.ChainKey](t)(st.InboxTargets(t.Context(), 0, after, limit))
			got = append(got, page...)
			if len(page) < limit {
				break
			}
			after = &page[len(page)-1]
		}
		equalSlices(t, "targets", got, want)
	}
	equal(t, "targets, at most 0", len(must[[]model.ChainKey](t)(st.InboxTargets(t.Context(), 0, nil, 0))), 0)
	if _, err := st.InboxTargets(t.Context(), ports.ShardID(st.Info().Shards), nil, 1); !fault.Has(err, fault.NotOwner) {
		t.Fatalf("targets of an unknown shard gave %v, want not_owner", err)
	}
}

func dedup(t *testing.T, st ports.Store) {
	s, other := numbered(1), numbered(2)
	other.step(t, st, 1)
	expires := epoch0.Add(24 * time.Hour)
	put := func(d ports.Dedup) {
		a := s.append(1)
		a.Dedup = []ports.Dedup{d}
		s.do(t, st, a)
	}
	row := ports.Dedup{ID: "req", Run: s.run.ID, Digest: [32]byte{7, 31: 9}, Expires: expires}
	put(row)
	row.Key = s.key
	for _, c := range []struct {
		key   model.ChainKey
		id    model.RequestID
		now   time.Time
		found bool
	}{
		{s.key, "req", epoch0, true}, {s.key, "req", expires.Add(-1), true}, {s.key, "req", expires, false}, {s.key, "req", expires.Add(1), false},
		{s.key, "other", epoch0, false}, {other.key, "req", epoch0, false}, {numbered(3).key, "req", epoch0, false},
	} {
		d, found, err := st.Dedup(t.Context(), c.key, c.id, c.now)
		ok(t, err)
		equal(t, "found", found, c.found)
		if found {
			equal(t, "dedup row", d, row)
		} else {
			equal(t, "no dedup row", d, ports.Dedup{})
		}
	}
	row.Expires, row.Run = expires.Add(time.Hour), "run-2"
	put(row)
	d, found, err := st.Dedup(t.Context(), s.key, "req", expires)
	ok(t, err)
	equal(t, "found", found, true)
	equal(t, "replaced dedup row", d, row)
}
