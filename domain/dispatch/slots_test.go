package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// [ACT-7] [slots] A worker never holds more tasks than it declared; the rest waits, the oldest first.
func TestSlots(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(3)
		for n := range 7 {
			b.offer(n + 1)
		}
		if w.read(); !slices.Equal(w.order, []model.Ordinal{1, 2, 3}) {
			b.Fatalf("got %v", w.order)
		}
		w.finish(TaskKey{"r", 2, 1})
		w.finish(TaskKey{"r", 3, 1}, TaskKey{"r", 1, 1})
		if w.read(); !slices.Equal(w.order[3:], []model.Ordinal{4, 5, 6}) || w.acks != 3 {
			b.Fatalf("got %v, %d acknowledged", w.order, w.acks)
		}
		w.SetSlots(1)
		w.finish(TaskKey{"r", 4, 1}, TaskKey{"r", 5, 1})
		if w.read(); len(w.order) != 6 {
			b.Fatalf("beyond the new slots: %v", w.order)
		}
		w.finish(TaskKey{"r", 6, 1})
		if w.read(); !slices.Equal(w.order[6:], []model.Ordinal{7}) {
			b.Fatalf("got %v", w.order)
		}
		w.SetSlots(-5)
		b.offer(8)
		w.finish(TaskKey{"r", 7, 1})
		if w.read(); len(w.order) != 7 {
			b.Fatal("a worker without slots got a task")
		}
		w.SetSlots(1)
		if w.read(); len(w.order) != 8 {
			b.Fatal("the slot was not filled")
		}
	})
}

// [ACT-7] [slots] Of what a worker can do it gets the oldest, whatever its type; what it cannot do waits for another.
func TestOldestFirst(t *testing.T) {
	run(t, false, func(b *bench) {
		for n, typ := range []model.ActivityType{"A", "B", "C", "A", "B", "C"} {
			b.offer(n+1, typed(typ))
		}
		ab := b.worker(10, func(r *ports.WorkerRegistration) { r.ActivityTypes = []model.ActivityType{"B", "A", "X", "Y", "Z"} })
		if ab.read(); !slices.Equal(ab.order, []model.Ordinal{1, 2, 4, 5}) {
			b.Errorf("got %v", ab.order)
		}
		c := b.worker(1, func(r *ports.WorkerRegistration) { r.ActivityTypes = []model.ActivityType{"C"} })
		if c.read(); !slices.Equal(c.order, []model.Ordinal{3}) {
			b.Errorf("got %v", c.order)
		}
		if st := b.Queues("default"); len(st) != 1 || st[0].Buffered != 1 || st[0].Workers != 2 || st[0].Slots != 11 || st[0].SlotsUsed != 5 || st[0].Oldest.IsZero() {
			b.Errorf("%+v", st)
		}
	})
}

// [slots] Queues and namespaces take turns; workers that are free take turns.
func TestTurns(t *testing.T) {
	run(t, false, func(b *bench) {
		for n := range 6 {
			b.offer(n + 1)
			b.offer(n+11, func(t *Task) { t.ActivityTask.Key.Namespace = "other" })
		}
		w := b.worker(4, func(r *ports.WorkerRegistration) { r.Namespaces = []model.Namespace{"default", "other", "default"} })
		if w.read(); !slices.Equal(w.order, []model.Ordinal{1, 11, 2, 12}) {
			b.Errorf("got %v", w.order)
		}
	})
	run(t, false, func(b *bench) {
		x, y := b.worker(10), b.worker(10)
		for n := range 6 {
			b.offer(n + 1)
		}
		x.read()
		y.read()
		if len(x.tasks) != 3 || len(y.tasks) != 3 {
			b.Errorf("one got %d, the other %d", len(x.tasks), len(y.tasks))
		}
	})
}

// [slots] An attempt that has ended in the history keeps the slot of its worker until the worker answers.
func TestVoidHoldsItsSlot(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(1)
		one := b.offer(1)
		b.offer(2)
		w.read()
		b.Settled(one, "the attempt has timed out")
		b.Settled(one, "again")
		if w.read(); len(w.order) != 1 || w.cancels[one] != "the attempt has timed out" {
			b.Fatalf("got %v, cancels %v", w.order, w.cancels)
		}
		w.Heartbeat(w.tasks[one].Token, model.Payload{})
		if w.read(); w.cancels[one] != "the attempt no longer counts" {
			b.Errorf("cancels %v", w.cancels)
		}
		w.finish(one)
		if w.read(); !slices.Equal(w.order, []model.Ordinal{1, 2}) || w.acks != 1 {
			b.Errorf("got %v, %d acknowledged", w.order, w.acks)
		}
	})
}

// [B-1] The buffer of a queue is bounded in tasks and in bytes; reservations count, and so does everything behind a backlog.
func TestReserve(t *testing.T) {
	run(t, false, func(b *bench) {
		b.opt.BufferTasks, b.opt.BufferBytes = 3, 1000
		q := QueueKey{"default", "q"}
		if !b.reserve(q, 400) || !b.reserve(q, 600) || b.reserve(q, 1) {
			b.Fatal("bytes are not counted")
		}
		b.Unreserve(q, 600)
		if !b.reserve(q, 1) || !b.reserve(q, 1) || b.reserve(q, 1) {
			b.Fatal("tasks are not counted")
		}
		for range 2 {
			b.Unreserve(q, 1)
		}
		b.Offer(newTask(1, func(t *Task) { t.Bytes = 400 }), true)
		b.Offer(newTask(2, func(t *Task) { t.Bytes = 601 }), false)
		if b.reserve(q, 1) {
			b.Fatal("what waits is not counted")
		}
		b.Withdraw(TaskKey{"r", 2, 1})
		if !b.reserve(q, 1) {
			b.Fatal("what was withdrawn is counted")
		}
		b.Unreserve(q, 1)
		b.Backlogged(q, 0)
		if b.reserve(q, 1) {
			b.Fatal("a task would overtake the backlog")
		}
	})
}

// ord is the order of a backlog row of priority 0.
func ord(n int64) int64 { return ports.TaskOrder(0, n) }

// A queue asks for its backlog when a worker is there and the buffer is half empty, behind what it has had.
func TestRefill(t *testing.T) {
	asked := func(b *bench) []int64 { return look(b.told, func(s *told) []int64 { return slices.Clone(s.refills) }) }
	run(t, false, func(b *bench) {
		b.opt.BufferTasks = 4
		q := QueueKey{"default", "q"}
		b.Backlogged(q, 0)
		if len(asked(b)) != 0 {
			b.Fatal("without a worker it asked")
		}
		w := b.worker(1)
		if !slices.Equal(asked(b), []int64{0}) {
			b.Fatalf("asked %v", asked(b))
		}
		b.Backlogged(q, 0) // while the answer is on its way
		for n := range 4 {
			b.offer(n + 1)
		}
		b.Refilled(q, ord(7), false)
		if len(asked(b)) != 1 {
			b.Fatalf("a full buffer asked: %v", asked(b))
		}
		w.read().finish(TaskKey{"r", 1, 1})
		w.read().finish(TaskKey{"r", 2, 1}) // the third is out, one waits
		if !slices.Equal(asked(b), []int64{0, ord(7)}) {
			b.Fatalf("asked %v", asked(b))
		}
		w.read().finish(TaskKey{"r", 3, 1})
		if len(asked(b)) != 2 {
			b.Fatalf("two at a time: %v", asked(b))
		}
		b.Refilled(q, ord(5), true) // nothing new: never back
		if !slices.Equal(asked(b), []int64{0, ord(7), ord(7)}) {
			b.Fatalf("asked %v", asked(b))
		}
		b.Refilled(q, ord(9), false)
		w.read().finish(TaskKey{"r", 4, 1})
		if len(asked(b)) != 3 {
			b.Fatalf("without a backlog it asked: %v", asked(b))
		}
		b.Backlogged(q, 0)
		if !slices.Equal(asked(b), []int64{0, ord(7), ord(7), ord(9)}) {
			b.Fatalf("asked %v", asked(b))
		}
	})
	run(t, false, func(b *bench) {
		// Whether there is a backlog from before the start is not known: the first worker finds out, once.
		b.worker(1)
		b.Refilled(QueueKey{"default", "q"}, 0, false)
		b.worker(1)
		if !slices.Equal(asked(b), []int64{0}) {
			b.Errorf("asked %v", asked(b))
		}
	})
}

// Queues that nobody uses are forgotten.
func TestQueuesAreForgotten(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(1)
		b.Refilled(QueueKey{"default", "q"}, 0, false)
		for n := range 50 {
			q := model.TaskQueue(fmt.Sprint("q", n))
			k := b.offer(n+1, func(t *Task) { t.Queue = q })
			b.reserve(QueueKey{"default", q + "x"}, 1)
			b.Unreserve(QueueKey{"default", q + "x"}, 1)
			if ok, _ := b.Withdraw(k); !ok {
				b.Fatal("it is not there")
			}
		}
		if len(b.queues) != 1 {
			b.Errorf("%d queues are kept", len(b.queues))
		}
		w.Close()
		if len(b.queues) != 0 || len(b.tasks) != 0 || len(b.sessions) != 0 {
			b.Errorf("%d queues, %d tasks, %d sessions are kept", len(b.queues), len(b.tasks), len(b.sessions))
		}
	})
}

// [B-1] A frame is about 1 MiB at most, whatever it carries; one task always fits.
func TestFrames(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(20_000)
		big := func(n int) func(*Task) {
			return func(t *Task) { t.Input = model.Payload{Data: make([]byte, n)} }
		}
		for n, size := range []int{400 << 10, 400 << 10, 400 << 10, 2 << 20, 1, 1} {
			b.offer(n+1, big(size))
		}
		var sizes []int
		for len(w.order) < 6 {
			sizes = append(sizes, len(w.frame().Tasks))
		}
		if !slices.Equal(sizes, []int{2, 1, 1, 2}) || !slices.Equal(w.order, []model.Ordinal{1, 2, 3, 4, 5, 6}) {
			b.Errorf("frames of %v tasks, order %v", sizes, w.order)
		}
		b.offer(7, func(t *Task) { t.LastDetails = model.Payload{Data: make([]byte, 900<<10)} })
		b.offer(8, func(t *Task) { t.Header = map[string]string{"h": strings.Repeat("x", 200<<10)} })
		if a, c := w.frame(), w.frame(); len(a.Tasks) != 1 || len(c.Tasks) != 1 {
			b.Errorf("%d and %d tasks", len(a.Tasks), len(c.Tasks))
		}
		for n := range 15_000 {
			b.offer(n+100, func(t *Task) { t.ActivityTask.Key.WorkflowID = model.WorkflowID(strings.Repeat("w", 200)) })
		}
		w.read()
		for k := range w.tasks {
			w.finish(k)
		}
		frames, most := 0, 0
		for acked := 0; acked < 15_008; frames++ {
			f := w.frame()
			size := 0
			for _, a := range f.Acks {
				size += len(a)
			}
			most = max(most, size)
			acked += len(f.Acks)
		}
		if most > 1<<20 || frames < 3 {
			b.Errorf("%d frames, the largest of %d bytes", frames, most)
		}
	})
}

// [B-1] A worker that says much and reads nothing is let go.
func TestWorkerThatDoesNotRead(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(1)
		junk := make([]ports.TaskResult, 10_010)
		w.Results(junk)
		if err := w.ended(); !fault.Has(err, fault.Lagged) {
			b.Error(err)
		}
		b.offer(1)
		w = b.worker(1).read()
		for range 11_000 {
			w.Heartbeat(Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: TaskKey{"r", 99, 1}}.Encode(), model.Payload{})
		}
		if err := w.ended(); !fault.Has(err, fault.Lagged) {
			b.Error(err)
		}
	})
}

// A registration that makes no sense is refused.
func TestRegistration(t *testing.T) {
	run(t, false, func(b *bench) {
		for name, f := range map[string]func(*ports.WorkerRegistration){
			"no namespace": func(r *ports.WorkerRegistration) { r.Namespaces = nil }, "no queue": func(r *ports.WorkerRegistration) { r.Queues = nil },
			"no type": func(r *ports.WorkerRegistration) { r.ActivityTypes = nil }, "no slots": func(r *ports.WorkerRegistration) { r.Slots = 0 },
			"too many slots": func(r *ports.WorkerRegistration) { r.Slots = 1_000_001 }, "a bad queue": func(r *ports.WorkerRegistration) { r.Queues = []model.TaskQueue{"a\n"} },
			"a bad type": func(r *ports.WorkerRegistration) { r.ActivityTypes = []model.ActivityType{""} }, "too many types": func(r *ports.WorkerRegistration) { r.ActivityTypes = make([]model.ActivityType, 10_001) },
			"too many queues": func(r *ports.WorkerRegistration) {
				r.Namespaces, r.Queues = make([]model.Namespace, 101), make([]model.TaskQueue, 100)
			},
		} {
			r := registration(1)
			f(&r)
			if _, err := b.Register(r); !fault.Has(err, fault.InvalidInput) {
				b.Errorf("%s: %v", name, err)
			}
		}
		w := b.worker(2, func(r *ports.WorkerRegistration) { r.Identity, r.BuildID = "it", "b7" })
		b.offer(1)
		st := b.Workers("default")
		if len(st) != 1 || st[0].Registered.BuildID != "b7" || st[0].Slots != 2 || st[0].SlotsUsed != 1 || len(b.Workers("other")) != 0 || len(b.Workers("")) != 1 || w.Info().HeartbeatWindow != 30*time.Second || w.Info().ID != st[0].ID {
			b.Errorf("%+v, %+v", st, w.Info())
		}
		if !b.Serves(QueueKey{"default", "q"}, "A") || b.Serves(QueueKey{"default", "q"}, "B") || b.Serves(QueueKey{"default", "x"}, "A") {
			b.Error("who serves what")
		}
	})
}
