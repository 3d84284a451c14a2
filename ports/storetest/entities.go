package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// entityAppend is the next append of a chain with an entity.
func entityAppend(key model.ChainKey, expect uint64, config, state string) *ports.Append {
	a := &ports.Append{Key: key, Expect: expect, ID: appendID(key, expect), Chain: ports.Chain{Version: expect + 1}, Entity: &ports.Entity{State: []byte(state)}}
	if config != "" {
		a.Entity.Config = []byte(config)
	}
	return a
}

// [M-5] A chain of another kind: its entity is written with the guard, read with it, listed by key, and removed with all that belongs to it.
func entities(t *testing.T, st ports.Store) {
	ctx := t.Context()
	key := model.ChainKey{Namespace: "ns", WorkflowID: "\x01a/one"}
	other := numbered(1)
	other.do(t, st, other.append(1))

	first := entityAppend(key, 0, "config", "state 1")
	first.Chain.WakeAt = epoch0
	first.Send = []ports.Message{{Target: other.key, DedupKey: "hello", Bytes: []byte("x")}}
	first.Dedup = []ports.Dedup{{ID: "create", Expires: epoch0.Add(time.Hour)}}
	must[ports.AppendResult](t)(st.Append(ctx, first))
	refused(t, st, entityAppend(key, 0, "config", "again"), fault.Conflict)
	refused(t, st, entityAppend(key, 2, "", "too early"), fault.Conflict)
	see := func(version uint64, config, state string) {
		t.Helper()
		row, e, err := st.Entity(ctx, key)
		ok(t, err)
		equal(t, "version", row.Version, version)
		equal(t, "config", string(e.Config), config)
		equal(t, "state", string(e.State), state)
		equal(t, "key", e.Key, key)
	}
	see(1, "config", "state 1")
	equalSlices(t, "messages", messageKeys(t, st, other.key, 10), []string{"hello"})
	equal(t, "due", len(must[[]ports.Due](t)(st.Due(ctx, 0, epoch0, nil, 10))), 1)

	must[ports.AppendResult](t)(st.Append(ctx, entityAppend(key, 1, "", "state 2")))
	see(2, "config", "state 2")
	equal(t, "due", len(must[[]ports.Due](t)(st.Due(ctx, 0, epoch0, nil, 10))), 0)
	must[ports.AppendResult](t)(st.Append(ctx, entityAppend(key, 2, "config 2", "")))
	see(3, "config 2", "")

	// What contradicts itself changes nothing.
	for name, change := range map[string]func(a *ports.Append){
		"a run":     func(a *ports.Append) { a.Runs = []ports.Run{other.run} },
		"a head":    func(a *ports.Append) { a.Chain.HeadSeq = 1 },
		"a counter": func(a *ports.Append) { a.Counts = []ports.RunCount{{Namespace: "ns", Type: "T", Status: 1, N: 1}} },
	} {
		t.Run(name, func(t *testing.T) {
			a := entityAppend(key, 3, "", "bad")
			change(a)
			refused(t, st, a, fault.InvalidInput)
		})
	}
	refused(t, st, entityAppend(model.ChainKey{Namespace: "ns", WorkflowID: "\x01a/none"}, 0, "", "no config"), fault.InvalidInput)
	refused(t, st, entityAppend(other.key, 1, "", "a workflow's chain"), fault.InvalidInput)
	see(3, "config 2", "")

	// Lists: by prefix, in order of key, in pages by count and by bytes, a namespace at a time.
	var want []string
	for i := range 5 {
		id := fmt.Sprintf("\x01b/%d", i)
		want = append(want, id)
		must[ports.AppendResult](t)(st.Append(ctx, entityAppend(model.ChainKey{Namespace: "ns", WorkflowID: model.WorkflowID(id)}, 0, "c", strings.Repeat("s", 99))))
	}
	must[ports.AppendResult](t)(st.Append(ctx, entityAppend(model.ChainKey{Namespace: "nt", WorkflowID: "\x01b/9"}, 0, "c", "s")))
	list := func(after model.WorkflowID, limit, maxBytes int) (out []string) {
		t.Helper()
		for _, e := range must[[]ports.Entity](t)(st.Entities(ctx, "ns", "\x01b/", after, limit, maxBytes)) {
			out = append(out, string(e.Key.WorkflowID))
		}
		return out
	}
	equalSlices(t, "all", list("", 10, 1<<20), want)
	equalSlices(t, "two", list("", 2, 1<<20), want[:2])
	equalSlices(t, "after", list(model.WorkflowID(want[1]), 2, 1<<20), want[2:4])
	equalSlices(t, "by bytes", list("", 10, 250), want[:2])
	equalSlices(t, "at least one", list("", 10, 1), want[:1])

	// Removal: the chain, its request IDs and its due time are gone; it can be created again. What is in its inbox stays.
	send := other.append(1)
	send.Send = []ports.Message{{Target: key, DedupKey: "late", Bytes: []byte("y")}}
	other.do(t, st, send)
	gone := entityAppend(key, 3, "", "")
	gone.Entity.Remove, gone.Chain.WakeAt = true, epoch0
	must[ports.AppendResult](t)(st.Append(ctx, gone))
	if _, _, err := st.Entity(ctx, key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("a removed entity: %v", err)
	}
	if _, _, err := st.Chain(ctx, key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("a removed chain: %v", err)
	}
	if _, found, err := st.Dedup(ctx, key, "create", epoch0); err != nil || found {
		t.Fatalf("its request is remembered: %v, %v", found, err)
	}
	equal(t, "due", len(must[[]ports.Due](t)(st.Due(ctx, 0, epoch0, nil, 10))), 0)
	equalSlices(t, "inbox", messageKeys(t, st, key, 10), []string{"late"})
	must[ports.AppendResult](t)(st.Append(ctx, consuming(key, "late")))
	must[ports.AppendResult](t)(st.Append(ctx, entityAppend(key, 0, "config 3", "new")))
	see(1, "config 3", "new")
	other.check(t, st)
}
