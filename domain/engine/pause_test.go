package engine_test

import (
	"context"
	"fmt"
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

func pause(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) {
	t.Helper()
	if run, err := env.Engine().Pause(ctx, ports.EndRequest{Ref: r, Reason: "look", Identity: "ada"}); err != nil || run != r.Run {
		t.Fatal(run, err)
	}
	env.Wait()
}

func resume(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) {
	t.Helper()
	if run, err := env.Engine().Resume(ctx, ports.EndRequest{Ref: r}); err != nil || run != r.Run {
		t.Fatal(run, err)
	}
	env.Wait()
}

// [D-10] [PAUSE-1]: pausing and resuming twice change nothing; a paused run is shown and listed as such; both are recorded with who asked.
func TestPauseTwice(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(o *aion.Options)) { pauseTwice(t, use) })
}

func pauseTwice(t *testing.T, use func(o *aion.Options)) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: use})
	r := ref(start(t, env, request(listen, 1)))
	p := ports.EndRequest{Ref: r, Reason: "look", Identity: "ada", RequestID: "p1"}
	for _, id := range []model.RequestID{"p1", "p1", "", "p2"} {
		p.RequestID = id
		if run, err := env.Engine().Pause(ctx, p); err != nil || run != r.Run {
			t.Fatal(run, err)
		}
	}
	if got := find[*history.Paused](t, env, r); len(got) != 1 || got[0].Reason != "look" || got[0].Identity != "ada" || got[0].RequestID != "p1" {
		t.Errorf("%+v", got)
	}
	p.RequestID = "p1"
	_, err := env.Engine().Resume(ctx, p)
	want(t, err, fault.RequestIDReused)
	for range 2 {
		if runs, _, err := env.Engine().List(ctx, ports.ListQuery{Paused: true}); err != nil || len(runs) != 1 || !runs[0].Paused || runs[0].Status != model.StatusRunning {
			t.Errorf("%+v, %v", runs, err)
		}
		if d, err := env.Engine().Describe(ctx, r); err != nil || !d.Run.Paused || d.Summary != "paused" {
			t.Errorf("%+v, %v", d, err)
		}
		if o := standing(t, env, r); o.Status != model.StatusRunning || o.WaitingFor != "paused" {
			t.Errorf("%+v", o)
		}
		env.Restart() // [PAUSE-3]
	}
	for range 2 {
		resume(t, env, r)
	}
	if got := kinds(t, env, r); got != "Started Activated Paused Resumed" {
		t.Error(got)
	}
	if runs, _, err := env.Engine().List(ctx, ports.ListQuery{Paused: true}); err != nil || len(runs) != 0 {
		t.Errorf("%+v, %v", runs, err)
	}
	if err := signal(env, r, "x", ""); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	for name, f := range map[string]func(context.Context, ports.EndRequest) (model.RunID, error){"pause": env.Engine().Pause, "resume": env.Engine().Resume} {
		_, err := f(ctx, ports.EndRequest{Ref: r})
		want(t, err, fault.NotRunning)
		_, err = f(ctx, ports.EndRequest{Ref: ports.WorkflowRef{WorkflowID: "nobody"}})
		want(t, err, fault.NotFound)
		if _, err := f(ctx, ports.EndRequest{Ref: r, RequestID: model.RequestID(strings.Repeat("x", 129))}); err == nil {
			t.Errorf("%s with a long request ID", name)
		}
	}
}

// [D-10] [C-2] [PAUSE-2]: what arrives while a run is paused is recorded and acknowledged; its code is given it when the run goes on, in order, and
// queries answer from where the code stood. The same over restarts and with the instance gone.
func TestPausedRunsRecord(t *testing.T) {
	w := workflow.Define("Records", func(ctx workflow.Context, _ workflow.None) ([]string, error) {
		var got []string
		notes.Handle(ctx, func(workflow.None) ([]string, error) { return got, nil })
		a := work.Start(ctx, "a")
		work.Start(ctx, "b")
		timer := workflow.NewTimer(ctx, time.Minute)
		for {
			s, err := note.Receive(ctx)
			if err != nil {
				s, _ := a.Get(workflow.Detached(ctx))
				_, err := timer.Get(workflow.Detached(ctx))
				return append(got, s, fmt.Sprint(err == nil)), nil
			}
			got = append(got, s)
		}
	})
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint(restart), func(t *testing.T) {
			env := aiontest.New(t, defs(w))
			r := ref(start(t, env, request(w, nil)))
			s := register(t, env, ports.WorkerRegistration{Slots: 1})
			a := s.task(1)
			pause(t, env, r)
			s.complete(a, "A")
			if s.acked() != 1 {
				t.Error("the result is not acknowledged")
			}
			if err := signal(env, r, "one", "s1"); err != nil {
				t.Fatal(err)
			}
			if restart {
				env.Restart()
				s = register(t, env, ports.WorkerRegistration{Slots: 1})
			}
			env.Advance(time.Hour)
			if err := signal(env, r, "two", "s2"); err != nil {
				t.Fatal(err)
			}
			if _, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: r}); err != nil {
				t.Fatal(err)
			}
			env.Wait()
			if n := s.holds(); len(n) != 0 {
				t.Errorf("%v was handed out while the run is paused", n)
			}
			if got := kinds(t, env, r); got != "Started Activated ActivityScheduled ActivityScheduled TimerStarted Paused ActivityCompleted SignalReceived TimerFired SignalReceived CancelRequested" {
				t.Error(got)
			}
			got, q := listing(t, env, r)
			if len(got) != 0 || q.AsOf != 2 {
				t.Errorf("the query answers %v as of %d", got, q.AsOf)
			}
			resume(t, env, r)
			o := standing(t, env, r)
			if o.Status != model.StatusCompleted || string(o.Result.Data) != `["one","two","A","true"]` {
				t.Errorf("%+v: %s", o, o.Result.Data)
			}
		})
	}
}

// [D-10] [PAUSE-2]: nothing new is handed out while a run is paused, whatever way it would come: waiting in the queue, in the store's backlog, at the end of a
// backoff, back from a worker that never got it, at most once, or after a restart. What a worker has may finish. All of it goes on afterwards.
func TestPausedRunsHandOutNothing(t *testing.T) {
	retried := activity.Options{Retry: activity.Retry{InitialInterval: time.Minute}}
	w := workflow.Define("Many", func(ctx workflow.Context, n int) (int, error) {
		var all []workflow.Future[string]
		for i := range n {
			o := retried
			o.AtMostOnce = i%3 == 2
			all = append(all, work.With(o).Start(ctx, fmt.Sprint(i)))
		}
		for _, f := range all {
			if _, err := f.Get(ctx); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	for _, restart := range []bool{false, true} {
		for _, late := range []bool{false, true} { // whether the run goes on before the window after the start has passed
			t.Run(fmt.Sprintf("restart %v late %v", restart, late), func(t *testing.T) {
				env := aiontest.New(t, defs(w))
				r := ref(start(t, env, request(w, 9)))
				s := register(t, env, ports.WorkerRegistration{Slots: 2})
				x, y := s.task(1), s.task(2)
				s.fail(x, model.Failure{Message: "no", Retryable: true}) // backs off for a minute; the slot takes the next one
				z := s.task(3)
				pause(t, env, r)
				if restart {
					env.Restart()
					s = register(t, env, ports.WorkerRegistration{Slots: 9, Executing: [][]byte{y.Token, z.Token}})
					if late {
						env.Advance(time.Minute)
					}
				}
				other := register(t, env, ports.WorkerRegistration{Slots: 9})
				if late {
					env.Advance(time.Hour)
				}
				if n, m := s.holds(), other.holds(); len(n)+len(m) != 0 {
					t.Fatalf("%v, %v were handed out", n, m)
				}
				before := s.acked()
				if s.complete(y, "done"); s.acked() != before+1 {
					t.Error("what runs may finish")
				}
				if n, m := s.holds(), other.holds(); len(n)+len(m) != 0 {
					t.Fatalf("%v, %v were handed out for the free slot", n, m)
				}
				if d, err := env.Engine().Describe(ctx, r); err != nil || len(d.Activities) != 8 {
					t.Errorf("%+v, %v", d, err)
				}
				resume(t, env, r)
				env.Advance(time.Minute)
				seen := map[model.Ordinal]int{}
				for range 9 {
					for _, s := range []*session{s, other} {
						for _, o := range s.holds() {
							seen[o]++
							s.complete(s.task(o), "done")
						}
					}
				}
				s.complete(z, "done")
				env.Wait()
				for o := model.Ordinal(1); o <= 9; o++ {
					if n := seen[o]; (n == 1) != (o != 2 && o != 3) || n > 1 {
						t.Errorf("task %d was handed out %d times after the pause", o, n)
					}
				}
				if o := standing(t, env, r); o.Status != model.StatusCompleted {
					t.Errorf("%+v; %s", o, kinds(t, env, r))
				}
			})
		}
	}
}

// [D-10] [PAUSE-4]: Paused and Blocked are independent; deadlines and terminate work in a paused run.
func TestPausedEnds(t *testing.T) {
	for how, status := range map[string]model.Status{"deadline": model.StatusTimedOut, "terminate": model.StatusTerminated} {
		for _, restart := range []bool{false, true} {
			env := aiontest.New(t, defs(sleeper))
			sr := request(sleeper, time.Hour)
			sr.RunTimeout = 2 * time.Hour
			r := ref(start(t, env, sr))
			pause(t, env, r)
			if restart {
				env.Restart()
			}
			if how == "terminate" {
				if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
					t.Fatal(err)
				}
			}
			env.Advance(90 * time.Minute)
			if o := standing(t, env, r); (o.Status == model.StatusRunning) != (how == "deadline") {
				t.Errorf("%s: %+v", how, o)
			}
			env.Advance(90 * time.Minute)
			if o := standing(t, env, r); o.Status != status {
				t.Errorf("%s: %+v", how, o)
			}
			if runs, _, err := env.Engine().List(ctx, ports.ListQuery{Paused: true}); err != nil || len(runs) != 0 {
				t.Errorf("a closed run is listed as paused: %+v, %v", runs, err)
			}
		}
	}
	t.Run("blocked", func(t *testing.T) {
		env := aiontest.New(t, defs(stuck))
		r := ref(start(t, env, request(stuck, nil)))
		pause(t, env, r)
		if d, err := env.Engine().Describe(ctx, r); err != nil || d.Blocked == nil || !d.Run.Paused || !strings.HasSuffix(d.Summary, "(and paused)") {
			t.Errorf("%+v, %v", d, err)
		}
		resume(t, env, r)
		if d, err := env.Engine().Describe(ctx, r); err != nil || d.Blocked == nil || d.Run.Paused {
			t.Errorf("%+v, %v", d, err)
		}
		if got := kinds(t, env, r); got != "Started Blocked Paused Resumed" {
			t.Error(got)
		}
	})
}

// [D-10] [S-2] [PAUSE-5]: a paused run whose attempts wait for a worker costs nothing when the server starts: nothing wakes it.
func TestPausedRunsSleep(t *testing.T) {
	env := aiontest.New(t, defs(works))
	r := ref(start(t, env, request(works, "x")))
	pause(t, env, r)
	if n := env.Engine().Attempts(); n != 0 {
		t.Errorf("%d attempts are known", n)
	}
	env.Restart()
	env.Advance(time.Hour)
	if n := env.Engine().Resident(); n != 0 {
		t.Errorf("%d chains in memory", n)
	}
	s := register(t, env, ports.WorkerRegistration{})
	resume(t, env, r)
	s.complete(s.task(1), "y")
	if o := standing(t, env, r); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
}
