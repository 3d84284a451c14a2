package dispatch

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Whatever workers, clocks and the engine do: slots are never exceeded, no attempt has two holders, what can be handed out is, the counts are
// right, and in the end nothing is left over.
func TestModel(t *testing.T) {
	for seed := range uint64(600) {
		dice := rand.New(rand.NewPCG(seed, 7))
		m := &world{known: map[TaskKey]bool{}, told: &told{}}
		synctest.Test(t, func(*testing.T) {
			defer m.caught()
			m.Dispatcher = New(Options{Clock: system.Clock{}, IDs: random.IDs{}}, m.told)
			m.told.d = m.Dispatcher
			defer m.Close()
			if dice.IntN(2) == 0 {
				m.pass(5 * time.Second)
			}
			for range 20 + dice.IntN(150) {
				m.do(dice.IntN(17), dice.IntN(8), dice.IntN(4))
				m.check()
			}
			m.end()
		})
		if m.failure != "" {
			t.Fatalf("seed %d: %s", seed, m.failure)
		}
	}
}

// world is the engine and the workers of a model test.
type world struct {
	*Dispatcher
	failure string
	told    *told
	next    int
	offers  []Task
	known   map[TaskKey]bool // offered and not settled
	workers []*modelWorker
	gone    []*modelWorker
	seen    int // expired attempts that were dealt with
	starts  int
	loosest int // the highest limit that concurrency keys ever had
	claims  int // attempts that workers have come back with: these may be more than a limit allows
}

type modelWorker struct {
	*Session
	slots int // the highest number that was declared
	tasks map[TaskKey][]byte
}

// failf ends the model; the bubble of time must be left before rapid hears of it.
func (m *world) failf(format string, a ...any) {
	m.failure = fmt.Sprintf(format, a...)
	panic(m)
}

func (m *world) caught() {
	if r := recover(); r != nil && r != any(m) {
		panic(r)
	}
}

func (m *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (m *world) do(op, a, b int) {
	pick := func() *modelWorker {
		if len(m.workers) == 0 {
			return nil
		}
		return m.workers[a%len(m.workers)]
	}
	key := func() (TaskKey, bool) {
		keys := slices.SortedFunc(maps.Keys(m.known), func(x, y TaskKey) int { return int(x.Ordinal) - int(y.Ordinal) })
		if len(keys) == 0 {
			return TaskKey{}, false
		}
		return keys[a%len(keys)], true
	}
	w := pick()
	switch {
	case op <= 3:
		m.next++
		t := newTask(m.next, func(t *Task) {
			t.Type = []model.ActivityType{"A", "B"}[a%2]
			t.Queue = []model.TaskQueue{"q", "p"}[a/2%2]
			t.AtMostOnce = b == 3
			t.Priority = int32(m.next % 3)
			t.FairnessKey = []string{"", "x", "y"}[m.next/2%3]
			t.ConcurrencyKey = []string{"", "", "one", "two"}[m.next/3%4]
			t.StartToClose = time.Duration(a) * 3 * time.Second
			t.Heartbeat = time.Duration(b) * 4 * time.Second
		})
		m.known[t.Key()] = true
		m.offers = append(m.offers, t)
		if old := m.offers[m.next*7%len(m.offers)]; m.known[old.Key()] && b == 2 {
			m.Offer(old, false) // told of again
		}
		switch {
		case b == 0:
			m.Recover(t)
		case m.Reserve(&t):
			m.Offer(t, true)
		default:
			m.failf("there is room")
		}
	case op == 4 || len(m.workers) == 0:
		m.register(registration(a + 1))
	case op == 5:
		m.read(w)
	case op == 6:
		for k, raw := range w.tasks {
			delete(w.tasks, k)
			if m.known[k] && m.current(k, raw) {
				delete(m.known, k) // the sink records it
			}
			w.Results([]ports.TaskResult{{Token: raw, Completed: &model.Payload{}}})
			break
		}
	case op == 7:
		m.workers = slices.DeleteFunc(m.workers, func(x *modelWorker) bool { return x == w })
		m.gone = append(m.gone, w)
		w.Close()
	case op == 8:
		if len(m.gone) > 0 {
			old := m.gone[0]
			m.gone = m.gone[1:]
			r := registration(old.slots)
			for _, k := range slices.SortedFunc(maps.Keys(old.tasks), func(x, y TaskKey) int { return int(x.Ordinal) - int(y.Ordinal) }) {
				r.Executing = append(r.Executing, old.tasks[k])
			}
			m.claims += len(r.Executing)
			now := m.register(r)
			for k, raw := range old.tasks {
				if !slices.ContainsFunc(now.Info().Unknown, func(b []byte) bool { return string(b) == string(raw) }) {
					now.tasks[k] = raw
				}
			}
		}
	case op == 9:
		if k, ok := key(); ok {
			delete(m.known, k)
			m.Settled(k, []string{"", "timed out"}[b%2])
		}
	case op == 10:
		if k, ok := key(); ok && !m.Cancel(k, "canceled") {
			delete(m.known, k)
			m.Settled(k, "")
		}
	case op == 11:
		if k, ok := key(); ok {
			if gone, _ := m.Withdraw(k); gone {
				delete(m.known, k)
				m.Settled(k, "")
			}
		}
	case op == 12:
		for k, raw := range w.tasks {
			w.Heartbeat(raw, model.Payload{Data: []byte(k.Run)})
		}
	case op == 13:
		n := a - 1
		w.SetSlots(n)
		w.slots = max(w.slots, n)
	case op == 15:
		// The operator sets limits, or takes them away.
		q := QueueKey{"default", []model.TaskQueue{"q", "p"}[a%2]}
		if b == 0 {
			m.Set(q, nil)
			break
		}
		m.Set(q, &ports.QueueSettings{Rate: []float64{0, 0.5, 3}[a%3], KeyLimit: b, KeyLimits: map[string]int{"two": a}, FairnessWeights: map[string]int{"x": b}, Weight: a})
		m.loosest = max(m.loosest, a, b)
	default:
		m.pass(time.Duration(a) * time.Second)
	}
	m.answer()
}

// current says whether a token is of an attempt that still counts: every token of it does.
func (m *world) current(k TaskKey, _ []byte) bool { return m.known[k] }

func (m *world) register(r ports.WorkerRegistration) *modelWorker {
	r.ActivityTypes, r.Queues, r.InProcess = []model.ActivityType{"A", "B"}[:1+len(m.workers)%2], []model.TaskQueue{"q", "p"}, true
	s, err := m.Register(r)
	if err != nil {
		m.failf("%v", err)
	}
	w := &modelWorker{Session: s, slots: r.Slots, tasks: map[TaskKey][]byte{}}
	m.workers = append(m.workers, w)
	return w
}

func (m *world) read(w *modelWorker) {
	for {
		f, err := w.Next(noWait)
		if err != nil {
			return
		}
		for _, t := range f.Tasks {
			k := TaskKey{t.Run, t.Ordinal, t.Attempt}
			for _, x := range m.workers {
				if _, has := x.tasks[k]; has {
					m.failf("%v was handed out to a second worker", k)
				}
			}
			w.tasks[k] = t.Token
		}
	}
}

// answer does what the engine does about what it was told.
func (m *world) answer() {
	for _, e := range look(m.told, func(s *told) []expired { return s.expired[m.seen:] }) {
		m.seen++
		delete(m.known, e.key)
		m.Settled(e.key, "lost")
	}
	for {
		starts := look(m.told, func(s *told) []Token { return s.starts[m.starts:] })
		if len(starts) == 0 {
			return
		}
		for _, t := range starts {
			m.starts++
			m.Started(t.Task, m.known[t.Task] && m.starts%3 != 0, !m.known[t.Task])
		}
	}
}

func (m *world) check() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := invariants(m.Dispatcher, true); err != nil {
		m.failf("%v", err)
	}
	for _, q := range m.queues {
		for name, c := range q.keys {
			if len(c.holders) > max(m.loosest, 1)+m.claims {
				m.failf("%d tasks hold key %s", len(c.holders), name)
			}
		}
	}
	for _, w := range m.workers {
		if len(w.Session.tasks) > w.slots+len(w.reg.Executing) {
			m.failf("a worker holds %d tasks with %d slots", len(w.Session.tasks), w.slots)
		}
	}
}

// end lets all workers go, and everything settle.
func (m *world) end() {
	for _, w := range m.workers {
		w.Close()
	}
	for range 3 {
		m.pass(time.Minute)
		m.answer()
	}
	m.check()
	for _, q := range []model.TaskQueue{"q", "p"} {
		m.Set(QueueKey{"default", q}, nil)
	}
	for k, t := range m.tasks {
		if t.phase != buffered || !m.known[k] {
			m.failf("%v is left in phase %d", k, t.phase)
		}
		m.Settled(k, "")
	}
	if n := m.deadlines.Len(); n != 0 {
		m.failf("%d deadlines are left", n)
	}
}
