package dispatch

import (
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
)

func held(t *Task) { t.Held = true }

func returned(b *bench) int { return look(b.told, func(s *told) int { return len(s.back) }) }

// [D-10] What waits in its queue is taken back when its run is held; what a worker has may be finished.
func TestHold(t *testing.T) {
	run(t, false, func(b *bench) {
		waits := b.offer(1)
		if waited, known := b.Hold(waits); !waited || !known {
			t.Error("it waited in its queue")
		}
		if waited, known := b.Hold(waits); waited || known {
			t.Error("it is the caller's")
		}
		w := b.worker(2)
		b.offer(2)
		has := TaskKey{"r", 2, 1}
		w.read()
		if waited, known := b.Hold(has); waited || !known || len(w.tasks) != 1 {
			t.Errorf("waited %v, known %v, the worker has %d", waited, known, len(w.tasks))
		}
		w.finish(has)
		if w.read().acks != 1 || returned(b) != 0 {
			t.Error("what it has may be finished")
		}
	})
}

// [D-10] A held attempt that comes back unsent goes to no other worker but to the caller; one that was released meanwhile goes on.
func TestHoldUnsent(t *testing.T) {
	for _, release := range []bool{false, true} {
		run(t, false, func(b *bench) {
			w := b.worker(1)
			k := b.offer(1) // it is the session's, but was not sent
			if waited, _ := b.Hold(k); waited {
				t.Fatal("it does not wait")
			}
			if release {
				b.Release(k)
			}
			w.Close()
			other := b.worker(1).read()
			if release && (len(other.tasks) != 1 || returned(b) != 0) || !release && (len(other.tasks) != 0 || returned(b) != 1) {
				t.Errorf("released %v: another worker has %d, %d given back", release, len(other.tasks), returned(b))
			}
		})
	}
}

// [D-10] An attempt that a worker may hold since before the start stays its own while its run is held; one that nobody claims is given back.
func TestHoldInLimbo(t *testing.T) {
	run(t, true, func(b *bench) {
		for n := range 3 {
			if !b.Recover(newTask(n+1, held)) {
				t.Error("a worker may have it")
			}
		}
		b.Hold(TaskKey{"r", 1, 1})
		b.Release(TaskKey{"r", 3, 1})
		w := b.worker(5)
		b.pass(5 * time.Second)
		if w.read(); len(w.tasks) != 1 || returned(b) != 2 {
			t.Errorf("the worker has %d, %d given back", len(w.tasks), returned(b))
		}
		if b.Recover(newTask(4, held)) {
			t.Error("no worker can have it, and none may get it")
		}
		if !b.Recover(newTask(5, held, func(t *Task) { t.AtMostOnce, t.Started = true, true })) {
			t.Error("one that was started has lost its worker")
		}
		if got := ends(b); len(got) != 1 || got[0].kind != model.TimeoutUnspecified {
			t.Errorf("%+v", got)
		}
	})
}
