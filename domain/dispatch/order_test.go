package dispatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func urgent(p int32) func(*Task)           { return func(t *Task) { t.Priority = p } }
func fair(name string) func(*Task)         { return func(t *Task) { t.FairnessKey = name } }
func limitedBy(k string) func(*Task)       { return func(t *Task) { t.ConcurrencyKey = k } }
func tk(n int) TaskKey                     { return TaskKey{"r", model.Ordinal(n), 1} }
func (b *bench) set(s ports.QueueSettings) { b.Set(QueueKey{"default", "q"}, &s) }

// drain lets the worker finish one task after the other, and gives their order.
func (w *worker) drain() []model.Ordinal {
	w.b.Helper()
	for i := 0; ; i++ {
		if w.read(); i == len(w.order) {
			return w.order
		}
		w.finish(TaskKey{"r", w.order[i], 1})
	}
}

// [ACT-12] Tasks wait in order of priority, then age.
func TestPriority(t *testing.T) {
	run(t, false, func(b *bench) {
		for n, p := range []int32{0, -3, 5, 0, 5, 99, -99} {
			b.offer(n+1, urgent(p))
		}
		if got := b.worker(1).drain(); !slices.Equal(got, []model.Ordinal{6, 3, 5, 1, 4, 2, 7}) {
			b.Error(got)
		}
	})
}

// [ACT-13] Fairness keys have their turns by weight, whoever came first and however much of one there is; inside of one, age decides.
func TestFairness(t *testing.T) {
	run(t, false, func(b *bench) {
		b.set(ports.QueueSettings{FairnessWeights: map[string]int{"c": 2}})
		n := 0
		for _, name := range []string{"a", "b", "c"} {
			for range 100 {
				n++
				b.offer(n, fair(name))
			}
		}
		w := b.worker(1)
		for i := range 40 {
			w.read().finish(tk(int(w.order[i])))
		}
		count := map[int]int{}
		last := map[int]model.Ordinal{}
		for _, o := range w.order[:40] {
			who := int(o-1) / 100
			if count[who]++; o <= last[who] {
				b.Errorf("%v: out of order", w.order)
			}
			last[who] = o
		}
		if count[0] < 9 || count[0] > 11 || count[1] < 9 || count[1] > 11 || count[2] < 19 || count[2] > 21 {
			b.Errorf("turns %v", count)
		}
		// One who comes late waits for a round, not for all that is there; and who comes one by one gets no more than the others.
		for i := range 12 {
			b.offer(1000+i, fair("late"))
			before := len(w.order)
			for !slices.Contains(w.order[before:], model.Ordinal(1000+i)) {
				w.read().finish(tk(int(w.order[len(w.order)-1])))
				w.read()
				if len(w.order)-before > 8 {
					b.Fatalf("late waits: %v", w.order[before:])
				}
			}
			if len(w.order)-before < 2 {
				b.Errorf("late has every second turn: %v", w.order[before:])
			}
		}
	})
	run(t, false, func(b *bench) {
		// Priority is above fairness.
		b.offer(1, fair("a"))
		b.offer(2, fair("b"))
		b.offer(3, fair("a"), urgent(1))
		b.offer(4, fair("a"), urgent(1))
		if got := b.worker(1).drain(); !slices.Equal(got[:2], []model.Ordinal{3, 4}) {
			b.Error(got)
		}
	})
}

// [ACT-13] A worker of several namespaces takes from each by its weight.
func TestWeightedNamespaces(t *testing.T) {
	run(t, false, func(b *bench) {
		b.Set(QueueKey{"vip", "q"}, &ports.QueueSettings{Weight: 3})
		for n := range 40 {
			b.offer(2*n + 1)
			b.offer(2*n+2, func(t *Task) { t.ActivityTask.Key.Namespace = "vip" })
		}
		w := b.worker(1, func(r *ports.WorkerRegistration) { r.Namespaces = []model.Namespace{"default", "vip"} })
		vip := 0
		for i := range 20 {
			w.read().finish(tk(int(w.order[i])))
			if w.order[i]%2 == 0 {
				vip++
			}
		}
		if vip != 15 {
			b.Errorf("%d of 20: %v", vip, w.order)
		}
	})
}

// [ACT-14] At most so many tasks of a concurrency key are with workers at once; others pass by, and the next one is the most urgent, then the oldest.
func TestConcurrencyKey(t *testing.T) {
	run(t, false, func(b *bench) {
		b.set(ports.QueueSettings{KeyLimit: 2, KeyLimits: map[string]int{"solo": 1}})
		for n := range 5 {
			b.offer(n+1, limitedBy("customer-7"))
		}
		b.offer(6, limitedBy("solo"))
		b.offer(7, limitedBy("solo"), urgent(1))
		b.offer(8)
		w := b.worker(10).read()
		if !slices.Equal(w.order, []model.Ordinal{7, 1, 2, 8}) {
			b.Fatal(w.order)
		}
		b.offer(9, limitedBy("customer-7"), urgent(1))
		if w.read(); len(w.order) != 4 {
			b.Fatal(w.order)
		}
		w.finish(tk(1))
		w.finish(tk(7))
		if w.read(); !slices.Equal(w.order[4:], []model.Ordinal{9, 6}) {
			b.Fatal(w.order)
		}
		// A lost worker may still run what it had: its places are free when its attempts are over.
		w.Close()
		other := b.worker(10).read()
		if len(other.order) != 0 {
			b.Fatal(other.order)
		}
		b.pass(5 * time.Second)
		for _, e := range ends(b) {
			b.Settled(e.key, "")
		}
		if other.read(); !slices.Equal(other.order, []model.Ordinal{3, 4}) {
			b.Fatal(other.order)
		}
		// A worker that has not stopped what has timed out keeps its place until it answers.
		b.Settled(tk(3), "timed out")
		if other.read(); len(other.order) != 2 {
			b.Fatal(other.order)
		}
		other.finish(tk(3))
		if other.read(); !slices.Equal(other.order, []model.Ordinal{3, 4, 5}) {
			b.Fatal(other.order)
		}
	})
	run(t, false, func(b *bench) {
		// More places are used at once; fewer, as they become free.
		b.set(ports.QueueSettings{})
		for n := range 6 {
			b.offer(n+1, limitedBy("k"))
		}
		w := b.worker(10).read()
		b.set(ports.QueueSettings{KeyLimits: map[string]int{"k": 3}})
		if w.read(); len(w.order) != 3 {
			b.Fatal(w.order)
		}
		b.set(ports.QueueSettings{})
		w.finish(tk(1), tk(2))
		if w.read(); len(w.order) != 3 {
			b.Fatal(w.order)
		}
		w.finish(tk(3))
		if w.read(); len(w.order) != 4 {
			b.Fatal(w.order)
		}
	})
	run(t, false, func(b *bench) {
		// A canceled task that waits leaves its key, and another activity type of the key is not held up by one that nobody can do.
		b.offer(1, limitedBy("k"), typed("B"))
		b.offer(2, limitedBy("k"))
		b.offer(3, limitedBy("k"))
		b.Cancel(tk(2), "no")
		if w := b.worker(5).read(); !slices.Equal(w.order, []model.Ordinal{3}) {
			b.Fatal(w.order)
		}
	})
}

// [ACT-14] After a restart, places are held by what workers come back with: before that is known, no task of a key goes out.
func TestConcurrencyKeyAfterRestart(t *testing.T) {
	run(t, true, func(b *bench) {
		token := func(n int) []byte {
			return Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: tk(n), Nonce: 3}.Encode()
		}
		b.offer(3, limitedBy("k"))
		b.offer(4)
		w := b.worker(5, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{token(1)} }).read()
		if !slices.Equal(w.order, []model.Ordinal{4}) {
			b.Fatal(w.order)
		}
		b.pass(5 * time.Second)
		if w.read(); len(w.order) != 1 {
			b.Fatalf("it is not known yet whether task 1 has the key: %v", w.order)
		}
		b.Recall(newTask(1, limitedBy("k")))
		if w.read(); len(w.order) != 1 {
			b.Fatal(w.order)
		}
		w.Results([]ports.TaskResult{{Token: token(1), Completed: &model.Payload{}}})
		if w.read(); !slices.Equal(w.order, []model.Ordinal{4, 3}) {
			b.Fatal(w.order)
		}
	})
	run(t, true, func(b *bench) {
		b.Recover(newTask(1, limitedBy("k")))
		b.offer(2, limitedBy("k"))
		w := b.worker(5).read()
		b.pass(5 * time.Second) // nobody came back with it
		if w.read(); !slices.Equal(w.order, []model.Ordinal{2}) && !slices.Equal(w.order, []model.Ordinal{1}) {
			b.Fatal(w.order)
		}
	})
}

// [ACT-15] A queue hands out at most its rate, also when much comes at once, and what it could not use is not saved up.
func TestRate(t *testing.T) {
	run(t, false, func(b *bench) {
		b.set(ports.QueueSettings{Rate: 10})
		w := b.worker(1000)
		for n := range 100 {
			b.offer(n + 1)
		}
		for s := 1; s <= 3; s++ {
			b.pass(time.Second)
			w.Alive()
			if got := len(w.read().order); got < 10*s-1 || got > 10*s+1 {
				b.Errorf("%d after %d s", got, s)
			}
		}
		b.set(ports.QueueSettings{Rate: 10, Burst: 5})
		for i := range 20 {
			b.pass(time.Second)
			w.Alive()
			_ = i
		}
		if w.read(); len(w.order) != 100 {
			b.Errorf("%d", len(w.order))
		}
		b.pass(20 * time.Second)
		w.Alive()
		for n := range 20 {
			b.offer(n + 200)
		}
		if got := len(w.read().order) - 100; got != 5 {
			b.Errorf("%d at once", got)
		}
		b.Set(QueueKey{"default", "q"}, nil)
		if w.read(); len(w.order) != 120 {
			b.Errorf("%d without a limit", len(w.order))
		}
	})
	run(t, false, func(b *bench) {
		// Others are not held up by it.
		b.set(ports.QueueSettings{Rate: 0.001})
		b.offer(1)
		b.offer(2, func(t *Task) { t.Queue = "p" })
		w := b.worker(5, func(r *ports.WorkerRegistration) { r.Queues = []model.TaskQueue{"q", "p"} }).read()
		if !slices.Equal(w.order, []model.Ordinal{2}) {
			b.Error(w.order)
		}
	})
}

// [ACT-12] [ACT-13] [B-1] A buffer that is full of other tasks has room for more urgent ones and for those of another fairness key, up to twice its size.
func TestReserveForOthers(t *testing.T) {
	run(t, false, func(b *bench) {
		b.opt.BufferTasks = 10
		q := QueueKey{"default", "q"}
		b.worker(1, func(r *ports.WorkerRegistration) { r.ActivityTypes = []model.ActivityType{"B"} })
		b.Refilled(q, 0, false)
		for n := range 10 {
			b.offer(n + 1)
		}
		task := func(change ...func(*Task)) *Task { t := newTask(99, change...); return &t }
		if b.Reserve(task()) || b.Reserve(task(urgent(-1))) || !b.Reserve(task(urgent(1))) || !b.Reserve(task(fair("x"))) {
			b.Error("who finds a place")
		}
		b.Backlogged(q, 2)
		if b.Reserve(task(urgent(2))) || !b.Reserve(task(urgent(3))) || !b.Reserve(task(fair("x"))) {
			b.Error("who finds a place before a backlog")
		}
		for range 6 {
			if !b.Reserve(task(fair("x"))) {
				b.Error("it is not full")
			}
		}
		if b.Reserve(task(fair("x"))) || b.Reserve(task(urgent(9))) {
			b.Error("twice the size is the end")
		}
	})
}

// The backlog is read by priority, and of each priority from where it was left.
func TestRefillByPriority(t *testing.T) {
	asked := func(b *bench) int64 {
		all := look(b.told, func(s *told) []int64 { return slices.Clone(s.refills) })
		return all[len(all)-1]
	}
	run(t, false, func(b *bench) {
		b.opt.BufferTasks = 4
		q := QueueKey{"default", "q"}
		b.worker(1)
		b.Refilled(q, 0, false)
		b.Backlogged(q, 0)
		if asked(b) != ord(0) {
			b.Fatalf("asked %d", asked(b))
		}
		b.Backlogged(q, 3)
		b.Refilled(q, ord(5), true)
		if asked(b) != ports.TaskOrder(3, 0) {
			b.Fatalf("asked %d", asked(b))
		}
		b.Refilled(q, ports.TaskOrder(3, 7), true) // there is more behind it, perhaps of priority 0
		if asked(b) != ports.TaskOrder(3, 7) {
			b.Fatalf("asked %d", asked(b))
		}
		c := Cursor{level(3), b.queues[q].after}
		if got := c.Below(ord(2)); got != ord(5) {
			b.Errorf("goes on with priority 0 behind %d", got)
		}
	})
	for _, p := range []int32{model.MinPriority, -1, 0, 1, model.MaxPriority} {
		if got := ports.TaskPriority(ports.TaskOrder(p, 1<<50)); got != p {
			t.Errorf("priority %d reads as %d", p, got)
		}
	}
	if fmt.Sprint(ports.TaskPriority(12345)) != fmt.Sprint(model.MaxPriority) {
		t.Error("rows of old versions come first")
	}
}
