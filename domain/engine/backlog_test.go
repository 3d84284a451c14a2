package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// buffer is how many tasks a queue holds in memory.
const buffer = 10_000

// fan starts activities at once and waits for them after a signal.
func fan(hash model.PackageHash, after func(ctx workflow.Context) error) *native.Program {
	return native.NewProgram(hash, workflow.Define("Fan", func(ctx workflow.Context, n int) (int, error) {
		var all []workflow.Future[string]
		for range n {
			all = append(all, work.Start(ctx, ""))
		}
		if _, err := note.Receive(ctx); err != nil {
			return 0, err
		}
		if err := after(ctx); err != nil {
			return 0, err
		}
		out, err := workflow.All(ctx, all...)
		return len(out), err
	}))
}

func nothing(workflow.Context) error { return nil }

// fill fills the buffer of the queue, and gives what frees it again.
func fill(t testing.TB, env *aiontest.Env, n int) (free func()) {
	t.Helper()
	r := ref(start(t, env, ports.StartRequest{Type: "Fan", Input: payload(n)}))
	env.Wait()
	return func() {
		t.Helper()
		if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
			t.Fatal(err)
		}
	}
}

func queue(t testing.TB, env *aiontest.Env) ports.QueueStatus {
	t.Helper()
	q, err := env.Engine().TaskQueues(ctx, "")
	if err != nil || len(q) != 1 {
		t.Fatalf("%+v, %v", q, err)
	}
	return q[0]
}

// finish completes all that a worker holds.
func (s *session) finish() {
	var rs []ports.TaskResult
	for _, o := range s.holds() {
		rs = append(rs, ports.TaskResult{Token: s.task(o).Token, Completed: &model.Payload{}})
	}
	s.Results(rs)
	s.env.Wait()
}

// [ACT-7] What finds neither a slot nor room in the buffer waits in the store, in order, and comes when there is room; also after a restart.
func TestBacklog(t *testing.T) {
	all := workflow.Define("All", func(ctx workflow.Context, n int) (int, error) {
		items := make([]string, n)
		out, err := workflow.Map(ctx, items, 0, work.Execute)
		return len(out), err
	})
	const n = 9000
	env := aiontest.New(t, defs(all))
	var runs []ports.StartResult
	for range 2 { // together more than a buffer holds
		runs = append(runs, start(t, env, request(all, n)))
	}
	env.Wait()
	if q, err := env.Engine().TaskQueues(ctx, ""); err != nil || len(q) != 1 || !q[0].Backlog || q[0].Buffered != buffer {
		t.Fatalf("%+v, %v", q, err)
	}
	env.Restart()
	env.Advance(10 * time.Second)
	var calls atomic.Int32
	aiontest.Handle(env, work, func(context.Context, string) (string, error) { calls.Add(1); return "", nil })
	env.Wait()
	for _, r := range runs {
		if o := standing(t, env, ref(r)); string(o.Result.Data) != "9000" {
			t.Errorf("%+v", o)
		}
	}
	if calls.Load() != 2*n {
		t.Errorf("%d calls", calls.Load())
	}
	if q, err := env.Engine().TaskQueues(ctx, ""); err != nil || q[0].Backlog || q[0].Buffered != 0 {
		t.Errorf("%+v, %v", q, err)
	}
}

// Attempts that wait in the backlog of a queue while their run is blocked are handed out once it goes on, whether there is room by then or not.
func TestBacklogOfABlockedRun(t *testing.T) {
	const n = 300
	for _, restart := range []bool{false, true} {
		for _, full := range []bool{false, true} {
			t.Run(fmt.Sprint("restart ", restart, " full ", full), func(t *testing.T) {
				env := versions(t, nil, fan(hashA, panics), fan(hashB, nothing))
				free := fill(t, env, buffer-100)
				r := ref(start(t, env, ports.StartRequest{Type: "Fan", Input: payload(n)}))
				env.Wait()
				if q := queue(t, env); !q.Backlog || q.Buffered != buffer {
					t.Fatalf("%+v", q)
				}
				if err := signal(env, r, "go", ""); err != nil || standing(t, env, r).Blocked == nil {
					t.Fatal("it is not blocked", err)
				}
				if restart {
					env.Restart()
					env.Advance(time.Minute)
				}
				free()
				s := register(t, env, ports.WorkerRegistration{Slots: 20_000})
				env.Advance(time.Minute)
				before := len(s.holds())
				if restart && before != 0 || before == n {
					t.Errorf("%d were handed out while it is blocked", before)
				}
				if full {
					s.finish()
					s.SetSlots(0)
					free = fill(t, env, buffer)
				}
				if res, err := env.Engine().SetRoute(ctx, "Fan", string(hashB)); err != nil || res.Unblocked != 1 {
					t.Fatalf("%+v, %v", res, err)
				}
				if full {
					free()
					s.SetSlots(20_000)
				}
				for range 3 {
					env.Advance(time.Minute)
					s.finish()
				}
				if o := standing(t, env, r); string(o.Result.Data) != fmt.Sprint(n) {
					t.Errorf("%+v", o)
				}
			})
		}
	}
}

// An at-most-once attempt that came out of the backlog and was lost with the server ends as lost, without anybody asking.
func TestAtMostOnceFromTheBacklog(t *testing.T) {
	amo := native.NewProgram(hashB, calling(activity.Options{AtMostOnce: true}))
	env := versions(t, nil, fan(hashA, nothing), amo)
	if _, err := env.Engine().SetRoute(ctx, "Calling", string(hashB)); err != nil {
		t.Fatal(err)
	}
	free := fill(t, env, buffer)
	r := ref(start(t, env, ports.StartRequest{Type: "Calling", Input: payload("x")}))
	free()
	register(t, env, ports.WorkerRegistration{}).task(1)
	env.Restart()
	env.Advance(time.Minute)
	if f := find[*history.ActivityFailed](t, env, r); len(f) != 1 || f[0].Failure.Type != model.FailureWorkerLost {
		t.Error(kinds(t, env, r))
	}
}

// What of a backlog could not be offered is offered later.
func TestBacklogThatCannotBeRead(t *testing.T) {
	env, f := withFaults(t, func(o *aion.Options) { o.ResidentBytes = 1 }, works, workflow.Define("Fan", func(ctx workflow.Context, n int) (workflow.None, error) {
		for range n {
			work.Start(ctx, "")
		}
		_, err := note.Receive(ctx)
		return workflow.None{}, err
	}))
	free := fill(t, env, buffer)
	var rs []ports.WorkflowRef
	for range 20 {
		rs = append(rs, ref(start(t, env, request(works, "x"))))
	}
	free()
	env.Wait()
	reads := 0
	f.set(nil, func(what string) error {
		if what != "Chain" {
			return nil
		}
		if reads++; reads > 30 || reads%2 == 0 {
			return nil
		}
		return fault.New(fault.Unavailable, "the disk is asleep")
	})
	s := register(t, env, ports.WorkerRegistration{Slots: 1})
	for range 40 {
		env.Advance(10 * time.Second)
		s.finish()
	}
	for _, r := range rs {
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("%+v", o)
		}
	}
}
