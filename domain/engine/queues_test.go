package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

func set(t *testing.T, env *aiontest.Env, s ports.QueueSettings) {
	t.Helper()
	s.Name = "default"
	if err := env.Engine().SetTaskQueue(ctx, s); err != nil {
		t.Fatal(err)
	}
	env.Wait()
}

// [ACT-12] [ACT-13] [ACT-14] What a start says of its place in the queue holds for its activities, unless they say something else.
func TestQueueingOfAStart(t *testing.T) {
	own := workflow.Define("Own", func(ctx workflow.Context, s string) (string, error) {
		return work.With(activity.Options{Priority: -2, FairnessKey: "b", ConcurrencyKey: "k2"}).Execute(ctx, s)
	})
	env := aiontest.New(t, defs(works, own))
	for w, want := range map[workflow.Workflow[string, string]]model.ActivityOptions{works: {Priority: 7, FairnessKey: "a", ConcurrencyKey: "k1"}, own: {Priority: -2, FairnessKey: "b", ConcurrencyKey: "k2"}} {
		req := request(w, "x")
		req.Priority, req.FairnessKey, req.ConcurrencyKey = 7, "a", "k1"
		r := start(t, env, req)
		env.Restart() // replayed
		got := find[*history.ActivityScheduled](t, env, ref(r))[0].Options
		if got.Priority != want.Priority || got.FairnessKey != want.FairnessKey || got.ConcurrencyKey != want.ConcurrencyKey {
			t.Errorf("%+v", got)
		}
	}
	for _, bad := range []ports.StartRequest{{Priority: 11}, {Priority: -11}, {FairnessKey: "a\n"}, {ConcurrencyKey: strings.Repeat("x", 256)}} {
		bad.Type = "Works"
		_, err := env.Engine().Start(ctx, bad)
		want(t, err, fault.InvalidInput)
	}
	wrong := workflow.Define("Wrong", func(ctx workflow.Context, s string) (string, error) {
		return work.With(activity.Options{Priority: 11}).Execute(ctx, s)
	})
	env = aiontest.New(t, defs(wrong))
	if o := standing(t, env, ref(start(t, env, request(wrong, "x")))); o.Blocked == nil || !strings.Contains(o.Blocked.Message, "between -10 and 10") {
		t.Errorf("%+v", o)
	}
}

// [ACT-14] Places of a concurrency key are kept over a restart of the server, and describe says who waits for one.
func TestConcurrencyKeys(t *testing.T) {
	env := aiontest.New(t, defs(works))
	env.Advance(6 * time.Second) // until then workers may come back with tasks of the key
	set(t, env, ports.QueueSettings{KeyLimit: 2})
	s := register(t, env, ports.WorkerRegistration{Slots: 9})
	var runs []ports.StartResult
	for range 4 {
		req := request(works, "x")
		req.ConcurrencyKey = "customer-7"
		runs = append(runs, start(t, env, req))
		env.Wait()
	}
	given := func(s *session) int { return look(s, func(s *session) int { return s.given }) }
	if n := given(s); n != 2 {
		t.Fatalf("%d at once", n)
	}
	d, err := env.Engine().Describe(ctx, ref(runs[3]))
	if err != nil || d.Summary != "Work waits for a free place of concurrency key customer-7 (2 of 2 used)" {
		t.Errorf("%q, %v", d.Summary, err)
	}
	q, err := env.Engine().TaskQueue(ctx, "", "default")
	if err != nil || len(q.Keys) != 1 || q.Keys[0].Held != 2 || q.Keys[0].Waiting != 2 || q.HeldByKeys != 2 || q.Running != 2 || len(q.Keys[0].Holders) != 2 {
		t.Errorf("%+v, %v", q, err)
	}
	tokens := look(s, func(s *session) (out [][]byte) {
		for _, x := range s.tasks {
			out = append(out, x.Token)
		}
		return out
	})
	// Two activities have ordinal 1 of their runs: what the session has noted of the first was replaced.
	env.Restart()
	s = register(t, env, ports.WorkerRegistration{Slots: 9, Executing: tokens})
	env.Advance(6 * time.Second)
	if q, _ := env.Engine().TaskQueue(ctx, "", "default"); q.Keys[0].Held != 2 || q.Keys[0].Limit != 2 || q.Settings.KeyLimit != 2 {
		t.Errorf("%+v", q)
	}
	if n := given(s); n != 1 {
		t.Errorf("%d were handed out beside the one that came back", n)
	}
	set(t, env, ports.QueueSettings{KeyLimits: map[string]int{"customer-7": 9}})
	if n := given(s); n != 3 {
		t.Errorf("%d with more places", n)
	}
	for _, bad := range []ports.QueueSettings{{Rate: -1}, {Rate: 1e-9}, {Burst: 3}, {Weight: 1001}, {KeyLimit: -1}, {KeyLimits: map[string]int{"": 1}}, {KeyLimits: map[string]int{"a": 0}}, {FairnessWeights: map[string]int{"a\n": 1}}} {
		bad.Name = "default"
		want(t, env.Engine().SetTaskQueue(ctx, bad), fault.InvalidInput)
	}
	want(t, env.Engine().SetTaskQueue(ctx, ports.QueueSettings{Namespace: "nobody", Name: "q"}), fault.NotFound)
	want(t, env.Engine().SetTaskQueue(ctx, ports.QueueSettings{}), fault.InvalidInput)
}

// [ACT-15] A rate holds over restarts, and describe says that it is waited for.
func TestRateOfAQueue(t *testing.T) {
	env := aiontest.New(t, defs(works))
	set(t, env, ports.QueueSettings{Rate: 0.1})
	register(t, env, ports.WorkerRegistration{Slots: 9})
	var last ports.StartResult
	for range 4 {
		last = start(t, env, request(works, "x"))
	}
	env.Wait()
	if d, err := env.Engine().Describe(ctx, ref(last)); err != nil || d.Summary != "Work waits for the rate of queue default (0.1 tasks per second)" {
		t.Errorf("%q, %v", d.Summary, err)
	}
	running := func() int {
		q, err := env.Engine().TaskQueue(ctx, "", "default")
		if err != nil {
			t.Fatal(err)
		}
		return q.Running
	}
	env.Advance(20 * time.Second)
	if n := running(); n != 2 {
		t.Errorf("%d after 20 s", n)
	}
	env.Restart()
	register(t, env, ports.WorkerRegistration{Slots: 9})
	env.Advance(20 * time.Second)
	if n := running(); n < 1 || n > 2 {
		t.Errorf("%d after another 20 s", n)
	}
}

// [ACT-12] A backlog in the store is handed out by priority, then age, also what came to it after it was begun.
func TestBacklogByPriority(t *testing.T) {
	many := workflow.Define("Many", func(ctx workflow.Context, s string) (string, error) {
		var all []workflow.Future[string]
		for i := range 10_200 {
			all = append(all, work.With(activity.Options{Priority: i % 3}).Start(ctx, s))
		}
		for _, f := range all {
			if _, err := f.Get(ctx); err != nil {
				return "", err
			}
		}
		return s, nil
	})
	opt := defs(many)
	opt.Configure = func(o *aion.Options) { o.Limits.PendingActivities = 20_000 }
	env := aiontest.New(t, opt)
	start(t, env, request(many, "x"))
	env.Wait()
	s := register(t, env, ports.WorkerRegistration{Slots: 20_000})
	env.Advance(time.Minute)
	if n := look(s, func(s *session) int { return s.given }); n != 10_200 {
		t.Fatalf("%d of 10200 were handed out", n)
	}
	if holds := s.holds(); !slices.IsSorted(holds) || len(holds) != 10_200 {
		t.Errorf("%d tasks", len(holds))
	}
}
