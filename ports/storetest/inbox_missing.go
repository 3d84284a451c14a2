package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// consuming is an append that only takes messages to a chain that is not there.
func consuming(key model.ChainKey, keys ...string) *ports.Append {
	a := &ports.Append{Key: key, ID: appendID(key, 0)}
	for _, k := range keys {
		a.Take = append(a.Take, ports.MessageRef{DedupKey: k})
	}
	return a
}

func inboxOfNobody(t *testing.T, st ports.Store) {
	sender, nobody := numbered(1), numbered(2)
	a := sender.append(1)
	for _, k := range []string{"a", "b", "c"} {
		a.Send = append(a.Send, ports.Message{Target: nobody.key, DedupKey: k, Bytes: []byte(k)})
	}
	sender.do(t, st, a)
	// It consumes and answers, and creates nothing.
	a = consuming(nobody.key, "a", "b")
	a.Send = []ports.Message{{Target: sender.key, DedupKey: "no", Bytes: []byte("nobody there")}}
	must[ports.AppendResult](t)(st.Append(t.Context(), a))
	equalSlices(t, "messages left", messageKeys(t, st, nobody.key, 10), []string{"c"})
	equalSlices(t, "answers", messageKeys(t, st, sender.key, 10), []string{"no"})
	if _, _, err := st.Chain(t.Context(), nobody.key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("the chain is there: %v", err)
	}
	// Each message only once, all or nothing.
	again := consuming(nobody.key, "c", "a")
	again.Send = []ports.Message{{Target: sender.key, DedupKey: "twice"}}
	refused(t, st, again, fault.Conflict)
	equalSlices(t, "messages left", messageKeys(t, st, nobody.key, 10), []string{"c"})
	equalSlices(t, "answers", messageKeys(t, st, sender.key, 10), []string{"no"})
	// Not where the chain is there, and not together with anything else.
	refused(t, st, consuming(sender.key, "no"), fault.Conflict)
	equalSlices(t, "answers", messageKeys(t, st, sender.key, 10), []string{"no"})
	for name, change := range map[string]func(a *ports.Append){
		"nothing to take": func(a *ports.Append) { a.Take = nil },
		"a run row":       func(a *ports.Append) { a.Runs = []ports.Run{nobody.run} },
		"a dedup row":     func(a *ports.Append) { a.Dedup = []ports.Dedup{{ID: "x"}} },
		"a task":          func(a *ports.Append) { a.Tasks = []ports.Task{{Run: "r", Queue: "q"}} },
		"a counter":       func(a *ports.Append) { a.Counts = []ports.RunCount{{Namespace: "ns", Type: "T", Status: 1, N: 1}} },
	} {
		t.Run(name, func(t *testing.T) {
			a := consuming(nobody.key, "c")
			change(a)
			refused(t, st, a, fault.InvalidInput)
		})
	}
	// A chain that is created meanwhile takes it itself; among many at the same time one wins.
	a = nobody.append(1)
	a.Take = []ports.MessageRef{{DedupKey: "c"}}
	nobody.do(t, st, a)
	refused(t, st, consuming(nobody.key, "c"), fault.Conflict)
	nobody.check(t, st)

	missing := numbered(3)
	a = sender.append(1)
	a.Send = []ports.Message{{Target: missing.key, DedupKey: "m"}}
	sender.do(t, st, a)
	won := make(chan int, 16)
	together(t, 16, func(ctx context.Context, i int) error {
		a := consuming(missing.key, "m")
		a.Send = []ports.Message{{Target: nobody.key, DedupKey: fmt.Sprint(i)}}
		_, err := st.Append(ctx, a)
		if err == nil {
			won <- i
		} else if !fault.Has(err, fault.Conflict) {
			return err
		}
		return nil
	})
	equal(t, "winners", len(won), 1)
	equalSlices(t, "answers", messageKeys(t, st, nobody.key, 100), []string{fmt.Sprint(<-won)})
	equal(t, "targets", len(must[[]model.ChainKey](t)(st.InboxTargets(t.Context(), 0, nil, 10))), 2)
}
