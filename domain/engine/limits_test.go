package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// [C-5] What one activation may ask for is bounded: in number, in bytes, in the size of a value, in what is pending. Beyond it the run is blocked, none
// of the commands is kept, and nothing else is hurt.
func TestStepLimits(t *testing.T) {
	many := func(n, size int) workflow.Workflow[workflow.None, workflow.None] {
		return workflow.Define("Many", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
			for range n {
				workflow.NewTimer(ctx, time.Hour)
			}
			if size > 0 {
				for range n {
					work.Start(ctx, strings.Repeat("x", size))
				}
			}
			_, err := note.Receive(ctx)
			return workflow.None{}, err
		})
	}
	for _, c := range []struct {
		name    string
		n, size int
		limits  func(l *aion.Limits)
		blocked string // the part of the message that says what and how much
	}{
		{"commands, just enough", 100, 0, func(l *aion.Limits) { l.StepEvents = 100 }, ""},
		{"commands", 101, 0, func(l *aion.Limits) { l.StepEvents = 100 }, "101 commands; at most 100"},
		{"bytes", 20, 1000, func(l *aion.Limits) { l.StepBytes = 20_000 }, "bytes of events; at most 20000"},
		{"payload", 1, 1001, func(l *aion.Limits) { l.PayloadBytes = 1000 }, `activity 2 "Work" carries a payload of 1019 bytes; at most 1000 are allowed (limits.payload_bytes)`},
		{"pending activities", 6, 1, func(l *aion.Limits) { l.PendingActivities = 5 }, "6 pending activities; at most 5 are allowed (limits.pending_activities)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{many(c.n, c.size), echo}, Configure: func(o *aion.Options) { c.limits(&o.Limits) }})
			r := ref(start(t, env, request(many(0, 0), nil)))
			o := standing(t, env, r)
			if c.blocked == "" {
				if o.Blocked != nil {
					t.Errorf("%+v", o.Blocked)
				}
				return
			}
			if o.Blocked == nil || o.Blocked.What != "step_too_large" || !strings.Contains(o.Blocked.Message, c.blocked) || o.Blocked.Limit == 0 || o.Blocked.Size <= o.Blocked.Limit {
				t.Fatalf("%+v", o.Blocked)
			}
			if got := kinds(t, env, r); got != "Started Blocked" {
				t.Error(got)
			}
			if q, _ := env.Engine().TaskQueues(ctx, ""); len(q) != 0 {
				t.Errorf("places in the queue are still reserved: %+v", q)
			}
			if o := standing(t, env, ref(start(t, env, request(echo, "x")))); o.Status != model.StatusCompleted {
				t.Errorf("another run: %+v", o)
			}
		})
	}
	t.Run("result of the run", func(t *testing.T) {
		large := workflow.Define("Large", func(workflow.Context, workflow.None) (string, error) { return strings.Repeat("x", 101), nil })
		fails := workflow.Define("LargeFailure", func(workflow.Context, workflow.None) (string, error) {
			return "", busy.Errorf("%s", strings.Repeat("x", 101))
		})
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{large, fails}, Configure: func(o *aion.Options) { o.Limits.PayloadBytes = 100 }})
		for _, w := range []workflow.Workflow[workflow.None, string]{large, fails} {
			if o := standing(t, env, ref(start(t, env, request(w, nil)))); o.Blocked == nil || o.Blocked.What != "step_too_large" {
				t.Errorf("%s: %+v", w.Name(), o)
			}
		}
	})
	t.Run("answer of a query", func(t *testing.T) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) { o.Limits.PayloadBytes = 100 }})
		r := ref(start(t, env, request(listen, 100)))
		for range 10 {
			if err := signal(env, r, "0123456789", ""); err != nil {
				t.Fatal(err)
			}
		}
		_, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: r, Name: "Notes"})
		if err == nil || !strings.Contains(err.Error(), "limits.payload_bytes") {
			t.Error(err)
		}
	})
}

// [C-5] The largest fan-out that is allowed works in one step, and so does canceling all of it.
func TestLargestFanOut(t *testing.T) {
	fan := workflow.Define("Fan", func(ctx workflow.Context, n int) (int, error) {
		inner, cancel := workflow.WithCancel(ctx)
		for range n {
			work.Start(inner, "")
		}
		if _, err := note.Receive(ctx); err != nil {
			return 0, err
		}
		cancel()
		return n, nil
	})
	env := aiontest.New(t, defs(fan))
	r := ref(start(t, env, request(fan, 10_000)))
	if err := signal(env, r, "go", ""); err != nil {
		t.Fatal(err)
	}
	if o := standing(t, env, r); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
	if n := len(find[*history.ActivityCanceled](t, env, r)); n != 10_000 {
		t.Errorf("%d were canceled", n)
	}
}

// [B-1] A history that has become too long blocks the run, never fails it, also where no code runs any more; the run can still be ended.
func TestHistoryLimit(t *testing.T) {
	for name, limit := range map[string]func(l *aion.Limits){
		"events": func(l *aion.Limits) { l.HistoryEvents = 50 },
		"bytes":  func(l *aion.Limits) { l.HistoryBytes = 5000 },
	} {
		t.Run(name, func(t *testing.T) {
			retries := calling(activity.Options{Retry: activity.Retry{InitialInterval: time.Second, Coefficient: 1}})
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen, retries}, Configure: func(o *aion.Options) { limit(&o.Limits) }})
			r := ref(start(t, env, request(listen, 1000)))
			for range 100 {
				if err := signal(env, r, "x", ""); err != nil {
					t.Fatal(err)
				}
				if standing(t, env, r).Blocked != nil {
					break
				}
			}
			calls := 0
			aiontest.Handle(env, work, func(context.Context, string) (string, error) { calls++; return "", busy })
			s := ref(start(t, env, request(retries, "x")))
			env.Advance(time.Hour)
			for _, r := range []ports.WorkflowRef{r, s} {
				o := standing(t, env, r)
				if o.Status != model.StatusRunning || o.Blocked == nil || o.Blocked.What != "history_limit" || o.Blocked.Size < o.Blocked.Limit || o.Blocked.Size > o.Blocked.Limit+300 {
					t.Errorf("%+v %+v", o, o.Blocked)
				}
				if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
					t.Error(err)
				}
			}
			if calls > 100 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}

// A step's cost depends neither on how long the history is nor on how many runs there are: it reads nothing and writes the same.
func TestStepCost(t *testing.T) {
	var store ports.Store
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) { store = o.Store }})
	cost := func() ports.StoreStats {
		r := ref(start(t, env, request(listen, 1000)))
		env.Wait()
		before := store.Stats()
		for range 10 {
			if err := signal(env, r, "x", ""); err != nil {
				t.Fatal(err)
			}
		}
		after := store.Stats()
		return ports.StoreStats{Appends: after.Appends - before.Appends, RowsWritten: after.RowsWritten - before.RowsWritten, HistoryReads: after.HistoryReads - before.HistoryReads,
			ChainReads: after.ChainReads - before.ChainReads, OtherReads: after.OtherReads - before.OtherReads, BytesWritten: after.BytesWritten - before.BytesWritten}
	}
	first := cost()
	for range 2000 {
		start(t, env, request(listen, 5))
	}
	if later := cost(); later != first || first.HistoryReads+first.ChainReads != 0 || first.Appends != 10 {
		t.Errorf("first %+v, with many runs %+v", first, later)
	}
	r := ref(start(t, env, request(listen, 10_000)))
	for range 50 {
		before := store.Stats()
		for range 20 {
			if err := signal(env, r, "x", ""); err != nil {
				t.Fatal(err)
			}
		}
		if after := store.Stats(); after.HistoryReads != before.HistoryReads || after.Appends != before.Appends+20 || after.RowsWritten != before.RowsWritten+40 {
			t.Fatalf("%+v, then %+v", before, after)
		}
	}
}
