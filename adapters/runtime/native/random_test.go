package native_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/sdk/guest/testdata/random"
	"github.com/aionrun/aion/sdk/workflow"
)

func genOps(depth int) *rapid.Generator[[]random.Op] {
	return rapid.Custom(func(t *rapid.T) []random.Op {
		out := make([]random.Op, rapid.IntRange(1, 6).Draw(t, "n"))
		for i := range out {
			out[i] = random.Op{Kind: rapid.SampledFrom(random.Kinds).Draw(t, "kind"), N: rapid.IntRange(1, 4).Draw(t, "N")}
			if depth > 0 && random.Nesting[out[i].Kind] {
				out[i].Body = genOps(depth-1).Draw(t, "body")
			}
		}
		return out
	})
}

// A random workflow, given random answers in random activations, issues the same commands live and replayed, and sees the same.
func TestRandomWorkflowsReplay(t *testing.T) {
	closed, commands := map[model.Status]int{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		h := run(t, random.Random, genOps(2).Draw(rt, "ops"))
		defer h.inst.Close(t.Context())
		for step := 0; h.state.Open() && h.trap == nil && step < 60; step++ {
			h.deliver(answers(rt, h)...)
		}
		if h.trap != nil {
			rt.Fatalf("trap: %v\n%s", h.trap, h.trap.Stack)
		}
		h.replay()
		if live, replayed := h.queryLive(random.Trace.Name()), h.query(random.Trace.Name(), workflow.None{}); live != replayed {
			rt.Fatalf("the replay saw\n%s\ninstead of\n%s", replayed, live)
		}
		closed[h.state.Status]++
		commands += len(h.commands())
	})
	t.Logf("closed %v, %d commands", closed, commands)
}

// answers are what the world does next: some of what is pending is settled, a signal or a cancel may come.
func answers(rt *rapid.T, h *host) (out []history.Attributes) {
	for _, o := range slices.Sorted(maps.Keys(h.state.Activities)) {
		switch rapid.IntRange(0, 7).Draw(rt, "activity") {
		case 0, 1, 2:
			out = append(out, h.completed(o, fmt.Sprint("r", o)))
		case 3:
			out = append(out, h.failed(o, "bad"))
		case 4:
			out = append(out, &history.ActivityTimedOut{Ordinal: o, Attempt: 1, Timeout: model.TimeoutHeartbeat})
		}
	}
	for _, o := range slices.Sorted(maps.Keys(h.state.Timers)) {
		if rapid.Bool().Draw(rt, "timer") {
			out = append(out, fired(o))
		}
	}
	if rapid.IntRange(0, 4).Draw(rt, "signal") == 0 {
		out = append(out, h.signal(random.Signal.Name(), "s"))
	}
	if !h.state.CancelRequested && rapid.IntRange(0, 15).Draw(rt, "cancel") == 0 {
		out = append(out, cancelRequested())
	}
	if len(out) > 1 {
		out = rapid.Permutation(out).Draw(rt, "order")
	}
	return out
}
