package storetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// [ACT-15] What is set for a queue comes back, the last of it; settings that limit nothing leave nothing.
func queueSettings(t *testing.T, st ports.Store) {
	ctx := t.Context()
	expect := func(want ...ports.QueueSettings) {
		t.Helper()
		if got := must[[]ports.QueueSettings](t)(st.QueueSettings(ctx)); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	expect()
	a := ports.QueueSettings{Namespace: "b", Name: "q", Rate: 0.125, Burst: 3, Weight: 4, KeyLimit: 5, KeyLimits: map[string]int{"kunde 7 é": 2}, FairnessWeights: map[string]int{"": 1, "x": 9}}
	b := ports.QueueSettings{Namespace: "a", Name: "z", KeyLimit: 7}
	c := ports.QueueSettings{Namespace: "a", Name: "'; --\u2028", Rate: 1e9}
	for _, q := range []ports.QueueSettings{a, b, c} {
		ok(t, st.PutQueueSettings(ctx, q))
	}
	expect(c, b, a)
	b.KeyLimit, b.Rate = 0, 2
	ok(t, st.PutQueueSettings(ctx, b))
	ok(t, st.PutQueueSettings(ctx, ports.QueueSettings{Namespace: "b", Name: "q"}))
	ok(t, st.PutQueueSettings(ctx, ports.QueueSettings{Namespace: "b", Name: "never"}))
	expect(c, b)
}

// [ACT-12] The backlog is read by priority, then age, and goes on behind any of its rows.
func taskPriorities(t *testing.T, st ports.Store) {
	s := numbered(1)
	for i, p := range []int32{0, 5, -10, 0, 10, 5, -3} {
		a := s.append(1)
		a.Tasks = []ports.Task{{Run: s.run.ID, Ordinal: model.Ordinal(i + 1), Attempt: 1, Queue: "q", Priority: p}}
		s.do(t, st, a)
	}
	want := []string{"5 of 10", "2 of 5", "6 of 5", "1 of 0", "4 of 0", "7 of -3", "3 of -10"}
	for after, from := int64(0), 0; from <= len(want); from++ {
		var got []string
		all := must[[]ports.Task](t)(st.Tasks(t.Context(), "ns", "q", after, 10))
		for _, x := range all {
			got = append(got, fmt.Sprint(x.Ordinal, " of ", x.Priority))
			if ports.TaskPriority(x.Order) != x.Priority {
				t.Errorf("order %d is not of priority %d", x.Order, x.Priority)
			}
		}
		equalSlices(t, "tasks", got, want[from:])
		if len(all) > 0 {
			after = all[0].Order
		}
	}
	got := must[[]ports.Task](t)(st.Tasks(t.Context(), "ns", "q", ports.TaskOrder(4, 0), 1))
	equal(t, "the first below a priority", int(got[0].Ordinal), 1)
}
