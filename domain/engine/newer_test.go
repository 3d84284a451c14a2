package engine_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// newer is a store in which one run's history ends with an event that only a newer version knows.
type newer struct {
	ports.Store
	run atomic.Pointer[model.RunID]
}

func (n *newer) History(ctx context.Context, run model.RunID, from model.Seq, size int) ([]ports.HistoryRow, error) {
	rows, err := n.Store.History(ctx, run, from, size)
	if x := n.run.Load(); err == nil && len(rows) > 0 && x != nil && *x == run {
		last := rows[len(rows)-1]
		// field 1 of a page: an event whose attributes are field 999
		last.Bytes = append(append([]byte(nil), last.Bytes...), 10, 5, 8, byte(last.Last)+1, 0xba, 0x3e, 0)
		last.Last++
		rows = append(append([]ports.HistoryRow(nil), rows[:len(rows)-1]...), last)
	}
	return rows, err
}

// [HIS-4] An event of a newer version stops its run, with a message that says so and nothing written; the others go on.
func TestEventOfANewerVersion(t *testing.T) {
	st := &newer{Store: memory.New()}
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) { o.Store = st }})
	t.Cleanup(func() { st.run.Store(nil) }) // before the end of the Env, which replays
	a, b := ref(start(t, env, request(listen, 1))), ref(start(t, env, request(listen, 1)))
	st.run.Store(&a.Run)
	env.Restart()
	before := st.Stats().Appends
	want(t, signal(env, a, "x", ""), fault.Internal, "unknown kind 999", "newer version")
	if n := st.Stats().Appends - before; n != 0 {
		t.Errorf("%d appends to a run that this version does not understand", n)
	}
	if err := signal(env, b, "x", ""); err != nil || standing(t, env, b).Status != model.StatusCompleted {
		t.Errorf("the run beside it: %v", err)
	}
	st.run.Store(nil)
	if err := signal(env, a, "x", ""); err != nil || standing(t, env, a).Status != model.StatusCompleted {
		t.Errorf("with the newer version: %v", err)
	}
}
