package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func tasks(t *testing.T, st ports.Store) {
	one, two, other := numbered(1), numbered(2), newSubject("other", "wf", "run")
	put := func(s *subject, queue model.TaskQueue, ordinals ...int) {
		a := s.append(1)
		for _, o := range ordinals {
			a.Tasks = append(a.Tasks, ports.Task{Run: s.run.ID, Ordinal: model.Ordinal(o), Attempt: 2, Queue: queue})
		}
		s.do(t, st, a)
	}
	read := func(ns model.Namespace, queue model.TaskQueue, after int64, limit int) (names []string, orders []int64) {
		t.Helper()
		last := after
		for _, task := range must[[]ports.Task](t)(st.Tasks(t.Context(), ns, queue, after, limit)) {
			if task.Order <= last {
				t.Fatalf("task with order %d after %d", task.Order, last)
			}
			last = task.Order
			names = append(names, fmt.Sprint(task.Key.WorkflowID, "/", task.Run, "/", task.Ordinal, "/", task.Attempt, "/", task.Queue))
			orders = append(orders, task.Order)
		}
		return names, orders
	}
	put(one, "q", 9, 3)
	put(other, "q", 1)
	put(two, "q", 5)
	put(one, "q2", 4)
	put(one, "q", 6)
	want := []string{"wf-00001/run-00001/9/2/q", "wf-00001/run-00001/3/2/q", "wf-00002/run-00002/5/2/q", "wf-00001/run-00001/6/2/q"}
	got, orders := read("ns", "q", 0, 10)
	equalSlices(t, "tasks", got, want)
	for i, o := range orders {
		got, _ := read("ns", "q", o, 2)
		equalSlices(t, "tasks after one", got, want[i+1:min(i+3, len(want))])
	}
	got, _ = read("ns", "q", 0, 0)
	equal(t, "tasks, at most 0", len(got), 0)
	got, _ = read("other", "q", 0, 10)
	equal(t, "tasks of another namespace", len(got), 1)
	got, _ = read("ns", "q2", 0, 10)
	equal(t, "tasks of another queue", len(got), 1)

	// Settled: gone. One that is not there is no error; another attempt stays.
	a := one.append(1)
	a.TasksDone = []ports.TaskRef{{Run: one.run.ID, Ordinal: 3, Attempt: 2}, {Run: one.run.ID, Ordinal: 77, Attempt: 1}, {Run: one.run.ID, Ordinal: 9, Attempt: 1}}
	a.Tasks = []ports.Task{{Run: one.run.ID, Ordinal: 3, Attempt: 3, Queue: "q"}}
	one.do(t, st, a)
	want = []string{want[0], want[2], want[3], "wf-00001/run-00001/3/3/q"}
	got, orders = read("ns", "q", 0, 10)
	equalSlices(t, "tasks", got, want)
	// The newest one goes and another comes: orders are never given again.
	a = one.append(1)
	a.TasksDone = []ports.TaskRef{{Run: one.run.ID, Ordinal: 3, Attempt: 3}}
	one.do(t, st, a)
	put(one, "q", 8)
	_, later := read("ns", "q", orders[3], 10)
	equal(t, "tasks after the newest one that was removed", len(later), 1)
}

func counts(t *testing.T, st ports.Store) {
	s := numbered(1)
	change := func(ns ...ports.RunCount) {
		a := s.append(1)
		a.Counts = ns
		s.do(t, st, a)
	}
	n := func(ty model.WorkflowType, status model.Status, n int64) ports.RunCount {
		return ports.RunCount{Namespace: "ns", Type: ty, Status: status, N: n}
	}
	expect := func(want ...ports.RunCount) {
		t.Helper()
		equalSlices(t, "counts", must[[]ports.RunCount](t)(st.Count(t.Context(), "ns")), want)
	}
	expect()
	change(n("B", model.StatusRunning, 1), n("A", model.StatusFailed, 2), n("A", model.StatusRunning, 3), n("A", model.StatusRunning, 4))
	change(ports.RunCount{Namespace: "ns2", Type: "A", Status: model.StatusRunning, N: 100})
	expect(n("A", model.StatusRunning, 7), n("A", model.StatusFailed, 2), n("B", model.StatusRunning, 1))
	change(n("A", model.StatusRunning, -7), n("A", model.StatusCompleted, 7), n("B", model.StatusRunning, -1), n("B", model.StatusRunning, 1))
	expect(n("A", model.StatusCompleted, 7), n("A", model.StatusFailed, 2), n("B", model.StatusRunning, 1))
	// What would fall below zero ends at zero, and zero is no row.
	change(n("A", model.StatusFailed, -5), n("C", model.StatusRunning, -1), n("B", model.StatusRunning, 0))
	expect(n("A", model.StatusCompleted, 7), n("B", model.StatusRunning, 1))
	change(n("A", model.StatusFailed, 1), n("C", model.StatusRunning, 1))
	expect(n("A", model.StatusCompleted, 7), n("A", model.StatusFailed, 1), n("B", model.StatusRunning, 1), n("C", model.StatusRunning, 1))
}

func countsConcurrent(t *testing.T, st ports.Store) {
	const writers = 50
	together(t, writers, func(ctx context.Context, i int) error {
		s := numbered(i)
		a := s.append(1)
		a.Counts = []ports.RunCount{{Namespace: "ns", Type: "T", Status: model.StatusRunning, N: 1}}
		a.Pins = []ports.Pin{{Package: "p", N: 1}}
		if _, err := st.Append(ctx, a); err != nil {
			return err
		}
		s.committed(a)
		a = s.append(1)
		a.Counts = []ports.RunCount{{Namespace: "ns", Type: "T", Status: model.StatusRunning, N: -1}, {Namespace: "ns", Type: "T", Status: model.StatusCompleted, N: 1}}
		if i%2 == 0 {
			a.Pins = []ports.Pin{{Package: "p", N: -1}}
		}
		_, err := st.Append(ctx, a)
		return err
	})
	equalSlices(t, "counts", must[[]ports.RunCount](t)(st.Count(t.Context(), "ns")),
		[]ports.RunCount{{Namespace: "ns", Type: "T", Status: model.StatusCompleted, N: writers}})
	ok(t, st.PutPackage(t.Context(), ports.Package{Hash: "p"}))
	equal(t, "pins", must[ports.Package](t)(st.Package(t.Context(), "p")).Pins, writers/2)
}
