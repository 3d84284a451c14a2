package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func limits(startToClose, heartbeat time.Duration) func(*Task) {
	return func(t *Task) { t.StartToClose, t.Heartbeat = startToClose, heartbeat }
}

func executing(w *worker) func(*ports.WorkerRegistration) {
	return func(r *ports.WorkerRegistration) { r.Executing = w.tokens() }
}

func ends(b *bench) []expired {
	return look(b.told, func(s *told) []expired { return slices.Clone(s.expired) })
}

var one = TaskKey{"r", 1, 1}

// [T-1] Start-to-close runs from the hand-out, not from when the task was offered, and ends once.
func TestStartToClose(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1, limits(10*time.Second, 0))
		b.pass(time.Minute)
		began := time.Now()
		w := b.worker(1).read()
		if at := w.tasks[one].Deadline; !at.Equal(began.Add(10 * time.Second)) {
			b.Errorf("deadline %v after the hand-out", at.Sub(began))
		}
		b.pass(10*time.Second - 1)
		if len(ends(b)) != 0 {
			b.Fatal("early")
		}
		b.pass(time.Second)
		if got := ends(b); len(got) != 1 || got[0].key != one || got[0].kind != model.TimeoutStartToClose || got[0].worker != "me" || got[0].at.Sub(began) != 10*time.Second {
			b.Fatalf("%+v", got)
		}
		b.Settled(one, "the attempt has timed out")
		b.pass(time.Hour)
		if len(ends(b)) != 1 {
			b.Fatalf("%+v", ends(b))
		}
	})
}

// Heartbeats keep an attempt alive; their details are stored now and then, and told with the attempt's end.
func TestHeartbeatTimeout(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1, limits(time.Hour, 10*time.Second))
		w := b.worker(1).read()
		began := time.Now()
		for i := range 10 {
			b.pass(2 * time.Second)
			w.Heartbeat(w.tasks[one].Token, model.Payload{Data: []byte{'0' + byte(i)}})
		}
		w.Heartbeat(w.tasks[one].Token, model.Payload{}) // alive, nothing new
		if len(ends(b)) != 0 {
			b.Fatal("it beats, and timed out")
		}
		b.pass(20 * time.Second)
		if got := ends(b); len(got) != 1 || got[0].kind != model.TimeoutHeartbeat || got[0].details != "9" || got[0].at.Sub(began) != 30*time.Second {
			b.Fatalf("%+v", got)
		}
		beats := look(b.told, func(s *told) []ports.Heartbeat { return s.beats })
		var at []time.Duration
		for _, h := range beats {
			at = append(at, h.At.Sub(began))
		}
		if !slices.Equal(at, []time.Duration{2 * time.Second, 8 * time.Second, 14 * time.Second, 20 * time.Second}) || beats[3].Attempt != 1 || string(beats[3].Details.Data) != "9" {
			b.Errorf("stored at %v", at)
		}
	})
}

// A worker that comes back within the window keeps its tasks and their time limits; afterwards they have lost it.
func TestReattach(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1, limits(12*time.Second, 0))
		b.offer(2)
		first := b.worker(2).read()
		began := time.Now()
		b.pass(4 * time.Second)
		first.Close()
		other := b.worker(5).read()
		b.pass(4 * time.Second)
		back := b.worker(2, executing(first)).read()
		if len(other.order)+len(back.order)+len(back.Info().Unknown) != 0 {
			b.Fatalf("others got %v, the worker %v, unknown %d", other.order, back.order, len(back.Info().Unknown))
		}
		b.pass(4 * time.Second)
		if got := ends(b); len(got) != 1 || got[0].key != one || got[0].kind != model.TimeoutStartToClose || got[0].at.Sub(began) != 12*time.Second {
			b.Fatalf("coming back gave it more time: %+v", got)
		}
		back.Close()
		b.pass(5 * time.Second)
		if got := ends(b); len(got) != 3 || got[1].kind != model.TimeoutUnspecified || got[1].worker != "me" || got[2].at.Sub(began) != 17*time.Second {
			b.Fatalf("%+v", got)
		}
		late := b.worker(2, executing(first)).read()
		if len(late.Info().Unknown) != 0 {
			b.Error("until the engine has settled them they may be claimed")
		}
		b.Settled(one, "lost")
		b.Settled(TaskKey{"r", 2, 1}, "lost")
		late.read()
		if len(late.cancels) != 2 {
			b.Errorf("cancels %v", late.cancels)
		}
		if w := b.worker(2, executing(first)); len(w.Info().Unknown) != 2 {
			b.Errorf("%d unknown", len(w.Info().Unknown))
		}
		if left := look(b.told, func(s *told) []string { return s.left }); len(left) != 0 {
			b.Errorf("%v have left, and are here", left)
		}
	})
	run(t, false, func(b *bench) {
		w := b.worker(1, func(r *ports.WorkerRegistration) { r.Identity = "gone" })
		w.Close()
		w.Close()
		b.pass(5 * time.Second)
		if left := look(b.told, func(s *told) []string { return s.left }); !slices.Equal(left, []string{"gone"}) {
			b.Errorf("left: %v", left)
		}
	})
}

// A worker that opens a new stream while the old one still stands takes its tasks along.
func TestNewStreamBesideTheOld(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		old := b.worker(1).read()
		now := b.worker(1, executing(old))
		old.Close()
		b.pass(time.Minute / 4)
		if len(ends(b)) != 0 {
			b.Fatal("it lost its worker")
		}
		now.tasks = old.tasks
		now.finish(one)
		if now.read(); now.acks != 1 {
			b.Error("no acknowledgement")
		}
	})
}

// Tasks that were meant for a worker and never left go to others at once, in their old place.
func TestUnsentComesBack(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(3)
		for n := range 5 {
			b.offer(n + 1)
		}
		w.Close()
		b.check()
		other := b.worker(2).read()
		if !slices.Equal(other.order, []model.Ordinal{1, 2}) {
			b.Fatalf("got %v", other.order)
		}
		other.SetSlots(10)
		if other.read(); !slices.Equal(other.order, []model.Ordinal{1, 2, 3, 4, 5}) {
			b.Fatalf("got %v", other.order)
		}
		if len(ends(b)) != 0 {
			b.Error("something was lost")
		}
	})
}

// A session from which nothing is heard for the window ends; one in the process needs no sign of life.
func TestSilence(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(1)
		b.pass(29 * time.Second)
		w.Alive()
		b.pass(29 * time.Second)
		if w.ended() != nil {
			b.Fatal("it was heard")
		}
		b.pass(time.Second)
		if err := w.ended(); !fault.Has(err, fault.Unavailable) {
			b.Fatal(err)
		}
		in := b.worker(1, func(r *ports.WorkerRegistration) { r.InProcess = true })
		b.pass(time.Hour)
		if in.ended() != nil {
			b.Error("the in-process worker was let go")
		}
	})
}

// After a start, what may be out is not handed out before its worker has come back or the window has passed; new tasks flow at once.
func TestBoot(t *testing.T) {
	token := func(n model.Ordinal, nonce uint64) []byte {
		return Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: TaskKey{"r", n, 1}, Nonce: nonce}.Encode()
	}
	run(t, true, func(b *bench) {
		b.Recover(newTask(1, limits(time.Minute, 0)))
		b.Recover(newTask(2))
		b.Recover(newTask(2))
		b.offer(3)
		w := b.worker(10, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{token(1, 77), token(9, 5), []byte("junk")} })
		began := time.Now()
		if w.read(); !slices.Equal(w.order, []model.Ordinal{3}) || len(w.Info().Unknown) != 1 {
			b.Fatalf("got %v, unknown %d", w.order, len(w.Info().Unknown))
		}
		if claimed := look(b.told, func(s *told) []Token { return s.claimed }); len(claimed) != 1 || claimed[0].Task.Ordinal != 9 {
			b.Fatalf("claimed %v", claimed)
		}
		if ok, again := b.Withdraw(TaskKey{"r", 2, 1}); ok || again.IsZero() {
			b.Error("what may be out was withdrawn")
		}
		b.pass(5 * time.Second)
		if w.read(); !slices.Equal(w.order, []model.Ordinal{3, 2}) {
			b.Fatalf("got %v", w.order)
		}
		b.Recover(newTask(9, limits(10*time.Second, 0))) // its run is loaded now
		b.Recover(newTask(5))                            // behind the window: nobody has it
		if w.read(); !slices.Equal(w.order, []model.Ordinal{3, 2, 5}) {
			b.Fatalf("got %v", w.order)
		}
		b.pass(10 * time.Second)
		if got := ends(b); len(got) != 1 || got[0].key.Ordinal != 9 {
			b.Fatalf("%+v", got)
		}
		w.Alive()
		b.pass(25 * time.Second)
		w.Alive()
		b.pass(20 * time.Second)
		if got := ends(b); len(got) != 2 || got[1].key.Ordinal != 1 || got[1].at.Sub(began) < 55*time.Second {
			b.Fatalf("%+v", got)
		}
	})
	run(t, true, func(b *bench) {
		// A claim that no longer counts is told to its worker.
		w := b.worker(1, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{token(1, 7)} })
		b.Settled(one, "the attempt no longer counts")
		b.offer(2)
		if w.read(); w.cancels[one] == "" || len(w.order) != 0 {
			b.Fatalf("cancels %v, tasks %v", w.cancels, w.order)
		}
		w.Results([]ports.TaskResult{{Token: token(1, 7), Completed: &model.Payload{}}})
		if w.read(); w.acks != 1 || len(w.order) != 1 {
			b.Errorf("acknowledged %d, tasks %v", w.acks, w.order)
		}
	})
	run(t, true, func(b *bench) {
		// Once all workers that are known are back, nothing more is waited for.
		b.Expect([]string{"x", "me", "y"})
		b.Recover(newTask(1))
		id := func(s string) func(*ports.WorkerRegistration) {
			return func(r *ports.WorkerRegistration) { r.Identity, r.Queues = s, []model.TaskQueue{"none"} }
		}
		w := b.worker(1)
		b.worker(1, id("x"))
		if w.read(); len(w.order) != 0 || len(b.Missing()) != 0 {
			b.Fatal("one is missing")
		}
		b.worker(1, id("y"))
		if w.read(); len(w.order) != 1 {
			b.Fatal("all are back, and it still waits")
		}
	})
	run(t, true, func(b *bench) {
		b.Expect([]string{"x", "a"})
		b.pass(5 * time.Second)
		if got := b.Missing(); !slices.Equal(got, []string{"a", "x"}) {
			b.Errorf("missing %v", got)
		}
	})
	run(t, true, func(b *bench) {
		b.Expect(nil)
		b.Recover(newTask(1))
		if w := b.worker(1).read(); len(w.order) != 1 {
			b.Error("nobody is known, and it waits")
		}
	})
}

// An attempt that waits in its queue is given back to the worker that says it executes it, instead of to another.
func TestClaimOfAWaitingAttempt(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		raw := Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: one, Nonce: 3}.Encode()
		w := b.worker(1, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{raw} })
		if w.read(); len(w.order) != 0 || len(w.Info().Unknown) != 0 {
			b.Fatalf("got %v", w.order)
		}
		if w, ok := b.Wait(one); !ok || w.Waiting || w.Worker != "me" {
			b.Error(w, ok)
		}
	})
}

// A result counts whichever hand-out it is of. Whoever else has the attempt is told, and keeps its slot until it answers.
func TestResultOfAnotherHandOut(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		b.offer(2)
		w := b.worker(1).read()
		other := b.worker(1, func(r *ports.WorkerRegistration) { r.Queues = []model.TaskQueue{"x"} })
		old := Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "w"}, Task: one, Nonce: 1}.Encode()
		other.Results([]ports.TaskResult{{Token: old, Completed: &model.Payload{}}})
		if other.read(); other.acks != 1 {
			b.Fatal("it was not acknowledged")
		}
		if w.read(); w.cancels[one] == "" || len(w.order) != 1 {
			b.Fatalf("cancels %v, tasks %v", w.cancels, w.order)
		}
		w.finish(one)
		if w.read(); w.acks != 1 || len(w.order) != 2 {
			b.Errorf("acknowledged %d, tasks %v", w.acks, w.order)
		}
	})
}

// Duplicates and results that can never count are acknowledged; those of foreign namespaces go nowhere.
func TestVoidResults(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		w := b.worker(1).read()
		tok := w.tasks[one].Token
		w.finish(one)
		foreign := Token{Chain: model.ChainKey{Namespace: "other", WorkflowID: "w"}, Task: one}.Encode()
		w.Results([]ports.TaskResult{{Token: tok, Completed: &model.Payload{}}, {Token: []byte("junk")}, {Token: foreign, Completed: &model.Payload{}}})
		if w.read(); w.acks != 4 {
			b.Errorf("%d acknowledged", w.acks)
		}
		if n := look(b.told, func(s *told) int { return len(s.results) }); n != 2 {
			b.Errorf("%d results were passed on", n)
		}
		w.Heartbeat(foreign, model.Payload{Data: []byte("x")})
		w.Heartbeat([]byte("junk"), model.Payload{})
		if w.read(); len(w.cancels) != 0 {
			b.Errorf("cancels %v", w.cancels)
		}
		if w := b.worker(1, func(r *ports.WorkerRegistration) { r.Executing = [][]byte{foreign} }); len(w.Info().Unknown) != 1 {
			b.Error("a foreign token was claimed")
		}
	})
}

// A result that cannot be recorded ends the session, and the worker comes back with it.
func TestResultThatIsNotRecorded(t *testing.T) {
	run(t, false, func(b *bench) {
		b.told.refuse = true
		b.offer(1)
		w := b.worker(1).read()
		tokens := w.tokens()
		w.finish(one)
		if err := w.ended(); !fault.Has(err, fault.Unavailable) || w.acks != 0 {
			b.Fatalf("%v, %d acknowledged", err, w.acks)
		}
		b.told.refuse = false
		back := b.worker(1, func(r *ports.WorkerRegistration) { r.Executing = tokens })
		back.Results([]ports.TaskResult{{Token: tokens[0], Completed: &model.Payload{}}})
		if back.read(); back.acks != 1 || len(back.order) != 0 || len(b.tasks) != 0 {
			b.Errorf("%d acknowledged, tasks %v, %d known", back.acks, back.order, len(b.tasks))
		}
	})
	run(t, false, func(b *bench) {
		b.told.refuse = true
		b.offer(1)
		w := b.worker(1).read()
		w.finish(one)
		b.pass(5 * time.Second)
		if got := ends(b); len(got) != 1 || got[0].kind != model.TimeoutUnspecified {
			b.Errorf("nobody came back, and %+v", got)
		}
	})
}

// A cancel is pushed to who holds the attempt, now or when it comes back; what waits in a queue is nobody's.
func TestCancel(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		b.offer(2)
		w := b.worker(1).read()
		if !b.Cancel(one, "enough") || b.Cancel(TaskKey{"r", 2, 1}, "enough") || b.Cancel(TaskKey{"r", 3, 1}, "enough") {
			b.Error("who holds what")
		}
		if w.read(); w.cancels[one] != "enough" || len(b.tasks) != 1 {
			b.Fatalf("cancels %v, %d known", w.cancels, len(b.tasks))
		}
		w.Close()
		if !b.Cancel(one, "enough") {
			b.Error("it may come back")
		}
		if w := b.worker(1, executing(w)).read(); w.cancels[one] == "" {
			b.Error("the worker that came back was not told")
		}
	})
	run(t, true, func(b *bench) {
		// One that is canceled is not handed out when the window has passed: its worker is lost.
		b.Recover(newTask(1, func(t *Task) { t.Canceling = true }))
		w := b.worker(1)
		b.pass(5 * time.Second)
		if w.read(); len(w.order) != 0 || len(ends(b)) != 1 {
			b.Errorf("tasks %v, ends %+v", w.order, ends(b))
		}
		b.Settled(one, "")
		if len(b.tasks) != 0 {
			b.Error("it is still known")
		}
	})
	run(t, false, func(b *bench) {
		// Meant for a worker, canceled before it left, and the worker is gone.
		b.offer(1)
		w := b.worker(1)
		b.Cancel(one, "enough")
		w.Close()
		if other := b.worker(1).read(); len(other.order) != 0 || len(ends(b)) != 1 {
			b.Errorf("tasks %v, ends %+v", other.order, ends(b))
		}
	})
}

// Draining hands nothing out and tells the workers.
func TestDrain(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		w := b.worker(2).read()
		b.Drain()
		b.offer(2)
		w.finish(one)
		if w.read(); !w.drained || len(w.order) != 1 || w.acks != 1 {
			b.Errorf("told %v, tasks %v, %d acknowledged", w.drained, w.order, w.acks)
		}
		if _, err := b.Register(registration(1)); !fault.Has(err, fault.Draining) {
			b.Error(err)
		}
		b.Close()
		if err := w.ended(); !fault.Has(err, fault.Draining) {
			b.Error(err)
		}
	})
	run(t, false, func(b *bench) {
		// A worker that drains takes nothing more.
		w := b.worker(2)
		w.Drain()
		b.offer(1)
		if w.read(); len(w.order) != 0 || !b.Workers("")[0].Draining {
			b.Errorf("tasks %v", w.order)
		}
	})
}

// An attempt is offered once, however often it is told of.
func TestOfferedOnce(t *testing.T) {
	run(t, false, func(b *bench) {
		b.Offer(newTask(1), false)
		b.Offer(newTask(1), false)
		b.Recover(newTask(1))
		if !b.Recall(newTask(1)) || b.Recall(newTask(2)) {
			b.Error("what is known")
		}
		w := b.worker(5).read()
		b.Offer(newTask(1), false)
		if w.read(); len(w.order) != 1 {
			b.Errorf("got %v", w.order)
		}
		b.Settled(one, "")
		w.finish(one)
		b.Settled(one, "")
		if _, ok := b.Wait(one); ok {
			b.Error("it is still known")
		}
	})
}

// Who has an attempt is told as it is: a worker that is gone is not named.
func TestHolder(t *testing.T) {
	run(t, false, func(b *bench) {
		b.offer(1)
		if w, ok := b.Wait(one); w.Worker != "" || !w.Waiting || !ok {
			b.Error(w, ok)
		}
		w := b.worker(1).read()
		w.Heartbeat(w.tasks[one].Token, model.Payload{Data: []byte("50%")})
		if w, ok := b.Wait(one); w.Worker != "me" || w.Waiting || !ok || string(w.Details.Data) != "50%" {
			b.Error(w, ok)
		}
		w.Close()
		if w, ok := b.Wait(one); w.Worker != "" || w.Waiting || !ok {
			b.Error(w, ok)
		}
	})
}

// Underway counts frames that wait for a worker or are dealt with by it.
func TestUnderway(t *testing.T) {
	run(t, false, func(b *bench) {
		n := 0
		b.opt.Underway = func(delta int) { n += delta }
		w := b.worker(1)
		b.Refilled(QueueKey{"default", "q"}, 0, false)
		if w.frame(); n != 0 {
			b.Fatalf("%d, and nothing waits", n)
		}
		b.offer(1)
		if n != 1 {
			b.Fatalf("%d, and a task waits", n)
		}
		if w.frame(); n != 1 {
			b.Fatalf("%d, and the worker has not come back for more", n)
		}
		if w.frame(); n != 0 {
			b.Fatalf("%d, and the worker waits", n)
		}
		b.Drain()
		b.Close()
		if n != 1 {
			b.Fatalf("%d, and the worker has not heard of the end", n)
		}
		if err := w.ended(); err == nil || n != 1 {
			b.Fatal(err, n)
		}
		if w.Close(); n != 0 {
			b.Fatalf("%d after the end", n)
		}
	})
}

// A task that ends while it waits to be sent is not sent, and its slot is free again.
func TestEndedBeforeItWasSent(t *testing.T) {
	run(t, false, func(b *bench) {
		w := b.worker(1)
		b.offer(1)
		b.offer(2)
		b.Settled(one, "canceled")
		if w.read(); !slices.Equal(w.order, []model.Ordinal{2}) {
			b.Errorf("got %v", w.order)
		}
	})
}
