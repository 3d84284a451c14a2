package engine_test

import (
	"errors"
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

// [START-6] The code of a delayed run begins when the delay is over, never before, over a restart; what comes earlier is recorded.
func TestStartDelay(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(*aion.Options)) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen, account}, Configure: use})
		sr := request(listen, 1)
		sr.StartDelay, sr.RunTimeout = time.Hour, time.Hour
		r := ref(start(t, env, sr))
		if err := signal(env, r, "early", ""); err != nil {
			t.Fatal(err)
		}
		env.Advance(30 * time.Minute)
		env.Restart()
		env.Advance(29 * time.Minute)
		if got := kinds(t, env, r); got != "Started SignalReceived" {
			t.Errorf("before its time: %s", got)
		}
		if o := standing(t, env, r); !o.Status.Open() || !strings.Contains(o.WaitingFor, "its start, due in 1m") {
			t.Errorf("%+v", o)
		}
		env.Advance(time.Minute)
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("%+v", o)
		}
		// The run timeout counts from there, and the delay ends by itself.
		sr.Input = payload(5)
		r = ref(start(t, env, sr))
		env.Advance(119 * time.Minute)
		if o := standing(t, env, r); !o.Status.Open() || len(find[*history.Activated](t, env, r)) != 1 {
			t.Errorf("%+v", o)
		}
		env.Advance(time.Minute)
		if o := standing(t, env, r); o.Status != model.StatusTimedOut || o.Timeout != model.TimeoutRun {
			t.Errorf("%+v", o)
		}
		sr = request(account, false)
		sr.StartDelay = time.Hour
		r = ref(start(t, env, sr))
		_, err := update(env, r, "u", add, 1)
		want(t, err, fault.Blocked, "delayed until")
	})
}

// [START-7] The execution timeout ends a chain, however often it continues as new, over restarts.
func TestExecutionTimeout(t *testing.T) {
	var around workflow.Workflow[int, int]
	around = workflow.Define("Around", func(ctx workflow.Context, n int) (int, error) {
		if err := workflow.Sleep(ctx, 10*time.Minute); err != nil {
			return n, err
		}
		return n, around.ContinueAsNew(ctx, n+1)
	})
	env := aiontest.New(t, defs(around))
	sr := request(around, 0)
	sr.StartDelay, sr.ExecutionTimeout, sr.RunTimeout = time.Minute, time.Hour+5*time.Minute, 30*time.Minute
	first := start(t, env, sr)
	for range 12 {
		env.Advance(5 * time.Minute)
		env.Restart()
	}
	chain := ports.WorkflowRef{WorkflowID: first.WorkflowID}
	if o := standing(t, env, chain); !o.Status.Open() || o.Run == first.Run {
		t.Errorf("%+v", o)
	}
	env.Advance(6*time.Minute - time.Second)
	if o := standing(t, env, chain); !o.Status.Open() {
		t.Errorf("too early: %+v", o)
	}
	env.Advance(time.Second)
	if o := standing(t, env, chain); o.Status != model.StatusTimedOut || o.Timeout != model.TimeoutExecution {
		t.Errorf("%+v", o)
	}
}

var fails = workflow.Define("Fails", func(ctx workflow.Context, until int) (int, error) {
	n := int(workflow.GetInfo(ctx).Attempt)
	switch {
	case until < 0:
		return 0, activity.Type("hopeless").Errorf("attempt %d", n)
	case until == 0:
		return n, workflow.Sleep(ctx, 24*time.Hour)
	case n < until:
		return 0, errors.New("not yet")
	}
	return n, nil
})

// [RETRY-1] A run that fails is followed by another one with the same input, in the same append, after the policy's delay; over restarts, on every store.
func TestWorkflowRetry(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(*aion.Options)) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{fails}, Configure: use})
		sr := request(fails, 4)
		sr.Retry = model.RetryPolicy{InitialInterval: time.Minute, MaximumAttempts: 5}
		first := start(t, env, sr)
		chain := ports.WorkflowRef{WorkflowID: first.WorkflowID}
		env.Wait()
		o := standing(t, env, ref(first))
		if o.Status != model.StatusFailed || o.Next == "" {
			t.Fatalf("%+v", o)
		}
		second := standing(t, env, chain)
		if second.Run != o.Next || !strings.Contains(second.WaitingFor, "its start, due in 1m") {
			t.Errorf("%+v", second)
		}
		closed, begun := events(t, env, ref(first)), events(t, env, ports.WorkflowRef{WorkflowID: first.WorkflowID, Run: o.Next})
		if s := begun[0].Attr.(*history.Started); closed[len(closed)-1].Time != begun[0].Time || s.Attempt != 2 || string(s.Input.Data) != "4" || s.ContinuedRun != first.Run {
			t.Errorf("%+v", s)
		}
		for range 8 { // 1 + 2 + 4 minutes
			env.Restart()
			env.Advance(time.Minute)
		}
		if o := standing(t, env, chain); o.Status != model.StatusCompleted || string(o.Result.Data) != "4" {
			t.Errorf("%+v", o)
		}
		if o, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: chain, Wait: time.Hour}); err != nil || o.Status != model.StatusCompleted {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// [RETRY-2] What is not repeated: the last attempt, an error type that the policy excludes, what would begin after the chain's deadline, a run that was
// canceled or terminated. A run that exceeds its run timeout is.
func TestWorkflowRetryEnds(t *testing.T) {
	policy := model.RetryPolicy{InitialInterval: time.Minute, MaximumAttempts: 3}
	env := aiontest.New(t, defs(fails))
	run := func(input int, change func(r *ports.StartRequest)) (ports.WorkflowRef, func() []ports.Run) {
		sr := request(fails, input)
		sr.Retry = policy
		if change != nil {
			change(&sr)
		}
		res := start(t, env, sr)
		return ports.WorkflowRef{WorkflowID: res.WorkflowID}, func() []ports.Run {
			env.Advance(time.Hour)
			all, _, err := env.Engine().List(ctx, ports.ListQuery{WorkflowID: res.WorkflowID})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
	}
	if _, all := run(9, nil); len(all()) != 3 {
		t.Error("the maximum of attempts")
	}
	if _, all := run(-1, func(r *ports.StartRequest) { r.Retry.NonRetryableTypes = []string{"hopeless"} }); len(all()) != 1 {
		t.Error("an excluded error type")
	}
	if _, all := run(9, func(r *ports.StartRequest) { r.ExecutionTimeout = 90 * time.Second }); len(all()) != 2 {
		t.Error("the chain's deadline")
	}
	if _, all := run(9, func(r *ports.StartRequest) { r.Retry = model.RetryPolicy{} }); len(all()) != 1 {
		t.Error("no policy")
	}
	if _, all := run(0, func(r *ports.StartRequest) { r.RunTimeout = time.Minute }); len(all()) != 3 {
		t.Error("the run timeout")
	}
	r, all := run(0, nil)
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil || len(all()) != 1 {
		t.Error("terminated", err)
	}
	r, all = run(0, nil)
	if _, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: r}); err != nil || len(all()) != 1 {
		t.Error("canceled", err)
	}
	for name, change := range map[string]func(r *ports.StartRequest){
		"delay":       func(r *ports.StartRequest) { r.StartDelay = -1 },
		"execution":   func(r *ports.StartRequest) { r.ExecutionTimeout = -1 },
		"interval":    func(r *ports.StartRequest) { r.Retry.InitialInterval = -1 },
		"coefficient": func(r *ports.StartRequest) { r.Retry.Coefficient = -1 },
	} {
		sr := request(fails, 1)
		change(&sr)
		_, err := env.Engine().Start(ctx, sr)
		if !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
