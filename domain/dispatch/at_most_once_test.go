package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// [ACT-10] The start of an at-most-once attempt is recorded before it is handed out, and it is never handed out twice.
func TestAtMostOnce(t *testing.T) {
	amo := func(started bool) func(*Task) {
		return func(t *Task) { t.AtMostOnce, t.Started = true, started }
	}
	starts := func(b *bench) int { return look(b.told, func(s *told) int { return len(s.starts) }) }
	run(t, false, func(b *bench) {
		b.offer(1, amo(false), limits(time.Minute, 0))
		b.offer(2)
		w := b.worker(1).read()
		if starts(b) != 1 || len(w.order) != 0 {
			b.Fatalf("%d starts, tasks %v", starts(b), w.order)
		}
		b.pass(20 * time.Second)
		w.Alive()
		if ok, _ := b.Withdraw(one); ok {
			b.Error("withdrawn while it starts")
		}
		began := time.Now()
		b.Started(one, true, false)
		b.Started(one, true, false)
		if w.read(); !slices.Equal(w.order, []model.Ordinal{1}) || !w.tasks[one].Deadline.Equal(began.Add(time.Minute)) {
			b.Fatalf("tasks %v", w.order)
		}
		w.Close()
		b.pass(5 * time.Second)
		if got := ends(b); len(got) != 1 || got[0].kind != model.TimeoutUnspecified {
			b.Fatalf("%+v", got)
		}
		if other := b.worker(5).read(); slices.Contains(other.order, 1) {
			b.Error("it was handed out again")
		}
	})
	run(t, false, func(b *bench) {
		// Not recorded: it waits for another try. Void: it is dropped, and the slot is free.
		b.offer(1, amo(false))
		w := b.worker(1)
		b.Started(one, false, false)
		if w.read(); starts(b) != 2 || len(w.order) != 0 {
			b.Fatalf("%d starts", starts(b))
		}
		b.offer(2)
		b.Started(one, false, true)
		if w.read(); !slices.Equal(w.order, []model.Ordinal{2}) || len(b.tasks) != 1 {
			b.Fatalf("tasks %v", w.order)
		}
	})
	run(t, false, func(b *bench) {
		// Settled while its start is recorded: the slot is free.
		b.offer(1, amo(false))
		w := b.worker(1)
		b.offer(2)
		b.Settled(one, "")
		b.Started(one, true, false)
		if w.read(); !slices.Equal(w.order, []model.Ordinal{2}) {
			b.Fatalf("tasks %v", w.order)
		}
	})
	run(t, false, func(b *bench) {
		// Its worker goes while the start is recorded: it never left, so another one has it, without another start.
		b.offer(1, amo(false))
		b.worker(1).Close()
		other := b.worker(1)
		b.Started(one, true, false)
		if other.read(); starts(b) != 1 || !slices.Equal(other.order, []model.Ordinal{1}) {
			b.Fatalf("%d starts, tasks %v", starts(b), other.order)
		}
	})
	run(t, false, func(b *bench) {
		// Canceled while its start is recorded: the worker that gets it is told at once.
		b.offer(1, amo(false))
		w := b.worker(1)
		if !b.Cancel(one, "enough") {
			b.Error("it is on its way to a worker")
		}
		b.Started(one, true, false)
		if w.read(); len(w.order) != 1 || w.cancels[one] == "" {
			b.Errorf("tasks %v, cancels %v", w.order, w.cancels)
		}
	})
	run(t, true, func(b *bench) {
		// Started before a crash: its worker comes back within the window, or is lost.
		b.Recover(newTask(1, amo(true)))
		b.Recover(newTask(2, amo(true)))
		raw := Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: one, Nonce: 3}.Encode()
		w := b.worker(5, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{raw} })
		b.pass(5 * time.Second)
		b.Recover(newTask(3, amo(true)))
		if w.read(); len(w.order) != 0 {
			b.Fatalf("handed out again: %v", w.order)
		}
		if got := ends(b); len(got) != 2 || got[0].key.Ordinal != 2 || got[1].key.Ordinal != 3 || got[0].kind != model.TimeoutUnspecified {
			b.Fatalf("%+v", got)
		}
	})
	run(t, false, func(b *bench) {
		// Waiting and not started: nobody can execute it, whatever a worker claims.
		b.offer(1, amo(false))
		raw := Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: one, Nonce: 3}.Encode()
		if w := b.worker(1, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{raw} }); len(w.Info().Unknown) != 1 {
			b.Error("it was claimed")
		}
	})
}
