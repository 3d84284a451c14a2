package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/workflow"
)

const busy = activity.Type("busy")

// calling is a workflow that executes Work with options.
func calling(o activity.Options) workflow.Workflow[string, string] {
	return workflow.Define("Calling", func(ctx workflow.Context, s string) (string, error) { return work.With(o).Execute(ctx, s) })
}

// [ACT-3] Retries follow the policy, field by field, over restarts, and a worker may set the pause.
func TestRetry(t *testing.T) {
	full := activity.Retry{InitialInterval: 10 * time.Second, Coefficient: 3, MaximumInterval: time.Minute, MaximumAttempts: 5}
	for _, c := range []struct {
		name  string
		retry activity.Retry
		err   func(n int) error
		at    []time.Duration // of the attempts
		fails bool
	}{
		{"defaults", activity.Retry{}, func(n int) error { return busy }, []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}, false},
		{"every field", full, func(int) error { return busy }, []time.Duration{0, 10 * time.Second, 40 * time.Second, 100 * time.Second, 160 * time.Second}, true},
		{"one attempt", activity.Retry{MaximumAttempts: 1}, func(int) error { return busy }, []time.Duration{0}, true},
		{"non-retryable type", activity.Retry{NonRetryable: []activity.Type{"x", busy}}, func(int) error { return busy }, []time.Duration{0}, true},
		{"non-retryable error", activity.Retry{}, func(int) error { return busy.Errorf("no").NonRetryable() }, []time.Duration{0}, true},
		{"the worker's pause", full, func(n int) error { return busy.Errorf("later").RetryAfter(time.Duration(n) * time.Hour) }, []time.Duration{0, time.Hour, 3 * time.Hour, 6 * time.Hour, 10 * time.Hour}, true},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, restart), func(t *testing.T) {
				w := calling(activity.Options{Retry: c.retry})
				env := aiontest.New(t, defs(w))
				began, n := env.Now(), 0
				var at []time.Duration
				aiontest.Handle(env, work, func(ctx context.Context, s string) (string, error) {
					n++
					at = append(at, env.Now().Sub(began))
					if got := attempt.Info(ctx).Attempt; got != uint32(n) {
						t.Errorf("call %d is attempt %d", n, got)
					}
					if n == 4 && !c.fails {
						return s, nil
					}
					return "", c.err(n)
				})
				r := aiontest.Start(env, w, "ok")
				if restart {
					for range 30 {
						env.Wait()
						env.Restart()
						env.Advance(time.Second)
					}
				}
				out, err := r.Result()
				if c.fails != (err != nil) || c.fails && !errors.Is(err, busy) || !c.fails && out != "ok" {
					t.Error(out, err)
				}
				if restart { // what comes due while the server is away comes when it is back
					if len(at) != len(c.at) {
						t.Errorf("attempts at %v, want %v", at, c.at)
					}
				} else if fmt.Sprint(at) != fmt.Sprint(c.at) {
					t.Errorf("attempts at %v, want %v", at, c.at)
				}
			})
		}
	}
}

// What an attempt failed with is recorded exactly, and shown while the next one is waited for.
func TestFailureIsRecorded(t *testing.T) {
	w := calling(activity.Options{Retry: activity.Retry{MaximumAttempts: 2, InitialInterval: time.Hour}})
	env := aiontest.New(t, defs(w))
	aiontest.Handle(env, work, func(context.Context, string) (string, error) {
		return "", fmt.Errorf("while calling: %w", busy.Errorf("line 7: %w", errors.New("no tone")).WithDetails(map[string]int{"line": 7}))
	})
	r := aiontest.Start(env, w, "x")
	env.Advance(time.Minute)
	d := r.Describe()
	if len(d.Activities) != 1 || d.Activities[0].Phase != ports.PhaseBackingOff || d.Activities[0].Attempt != 2 || d.Activities[0].MaxAttempts != 2 || d.Activities[0].LastFailure.Type != "busy" ||
		!strings.Contains(d.Summary, "Work waits for attempt 2 of 2, next in 59m0s: while calling: line 7: no tone") {
		t.Errorf("%+v", d)
	}
	_, err := r.Result()
	var e *activity.Error
	var details map[string]int
	if !errors.As(err, &e) || e.Details(&details) != nil || details["line"] != 7 || !errors.Is(err, busy) || !strings.Contains(err.Error(), "while calling: line 7: no tone") {
		t.Errorf("%v, details %v", err, details)
	}
}

// [ACT-4] Each of the four time limits ends what it limits, at its time.
func TestTimeouts(t *testing.T) {
	hang := func(ctx context.Context, _ string) (string, error) { return "", aiontest.Sleep(ctx, aiontest.Forever) }
	for _, c := range []struct {
		name     string
		opts     activity.Options
		activity func(ctx context.Context, s string) (string, error) // nil = no worker
		kind     workflow.TimeoutKind
		at       time.Duration
		attempts int32
	}{
		{"schedule-to-start", activity.Options{ScheduleToStart: time.Minute}, nil, workflow.ScheduleToStart, time.Minute, 0},
		{"start-to-close, retried", activity.Options{StartToClose: time.Minute, Retry: activity.Retry{MaximumAttempts: 2}}, hang, workflow.StartToClose, 2*time.Minute + time.Second, 2},
		{"schedule-to-close, running", activity.Options{ScheduleToClose: time.Minute, StartToClose: time.Hour}, hang, workflow.ScheduleToClose, time.Minute, 1},
		{"schedule-to-close, waiting", activity.Options{ScheduleToClose: time.Minute}, nil, workflow.ScheduleToClose, time.Minute, 0},
		{"heartbeat", activity.Options{Heartbeat: 10 * time.Second, Retry: activity.Retry{MaximumAttempts: 1}}, hang, workflow.Heartbeat, 10 * time.Second, 1},
		{"schedule-to-close ends the attempts early", activity.Options{ScheduleToClose: time.Minute, StartToClose: 24 * time.Second, Retry: activity.Retry{InitialInterval: 10 * time.Second, Coefficient: 1}}, hang, workflow.StartToClose, 58 * time.Second, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := calling(c.opts)
			env := aiontest.New(t, defs(w))
			var attempts atomic.Int32
			if c.activity != nil {
				aiontest.Handle(env, work, func(ctx context.Context, s string) (string, error) { attempts.Add(1); return c.activity(ctx, s) })
			}
			began := env.Now()
			_, err := aiontest.Start(env, w, "x").Result()
			if !errors.Is(err, workflow.ErrTimeout{Kind: c.kind}) || env.Now().Sub(began) != c.at || attempts.Load() != c.attempts {
				t.Errorf("%v after %v and %d attempts", err, env.Now().Sub(began), attempts.Load())
			}
		})
	}
}

// Time limits hold over a restart: schedule-to-* go on, start-to-close begins anew (T-1).
func TestTimeoutsOverRestart(t *testing.T) {
	for _, c := range []struct {
		opts   activity.Options
		worker bool
		at     time.Duration
	}{
		{activity.Options{ScheduleToStart: time.Hour}, false, time.Hour},
		{activity.Options{ScheduleToClose: time.Hour}, false, time.Hour},
		{activity.Options{ScheduleToClose: time.Hour}, true, time.Hour},
		{activity.Options{StartToClose: time.Hour, Retry: activity.Retry{MaximumAttempts: 1}}, true, 90*time.Minute + 5*time.Second}, // the window in which its worker may come back
	} {
		w := calling(c.opts)
		env := aiontest.New(t, defs(w))
		if c.worker {
			aiontest.Handle(env, work, func(ctx context.Context, _ string) (string, error) { return "", aiontest.Sleep(ctx, aiontest.Forever) })
		}
		began := env.Now()
		r := aiontest.Start(env, w, "x")
		env.Advance(30 * time.Minute)
		env.Restart()
		if _, err := r.Result(); !errors.Is(err, workflow.ErrTimeout{}) || env.Now().Sub(began) != c.at {
			t.Errorf("%+v: %v after %v", c.opts, err, env.Now().Sub(began))
		}
	}
}

// [TMR-1] What is overdue when the server comes back happens at once.
func TestOverdueAtBoot(t *testing.T) {
	w := calling(activity.Options{ScheduleToStart: time.Hour})
	env := aiontest.New(t, defs(w, sleeper))
	a, b := aiontest.Start(env, w, "x"), aiontest.Start(env, sleeper, time.Hour)
	env.Wait()
	env.Engine().Close()
	env.Advance(3 * time.Hour)
	env.Restart()
	env.Advance(5 * time.Second) // a worker may have taken the task before the end
	if o := standing(t, env, ports.WorkflowRef{WorkflowID: model.WorkflowID(a.ID())}); o.Status != model.StatusFailed {
		t.Errorf("%+v", o)
	}
	if o := standing(t, env, ports.WorkflowRef{WorkflowID: model.WorkflowID(b.ID())}); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
}

// [ACT-5] Heartbeat details reach the next attempt: after a time limit, after a lost worker, and after a crash of the server.
func TestHeartbeatDetails(t *testing.T) {
	for name, lose := range map[string]func(env *aiontest.Env, s *session){
		"timeout":     func(env *aiontest.Env, s *session) { env.Advance(time.Minute) },
		"lost worker": func(env *aiontest.Env, s *session) { s.Close(); env.Advance(5 * time.Second) },
		"failure": func(env *aiontest.Env, s *session) {
			s.Drain()
			s.fail(s.task(1), model.Failure{Message: "no", Retryable: true})
		},
		"crash": func(env *aiontest.Env, s *session) { env.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			w := calling(activity.Options{Heartbeat: time.Minute})
			env := aiontest.New(t, defs(w))
			start(t, env, request(w, "x"))
			s := register(t, env, ports.WorkerRegistration{})
			x := s.task(1)
			env.Advance(30 * time.Second)
			s.Heartbeat(x.Token, payload("half"))
			env.Wait()
			if name == "failure" {
				s.mu.Lock()
				s.tasks[1] = x
				s.mu.Unlock()
			}
			lose(env, s)
			next := register(t, env, ports.WorkerRegistration{Identity: "next"})
			env.Advance(10 * time.Second)
			if got := next.task(1); string(got.LastDetails.Data) != `"half"` {
				t.Errorf("attempt %d knows %q", got.Attempt, got.LastDetails.Data)
			}
		})
	}
}

// [ACT-6] A worker that is lost gives its attempts to another one as another attempt; no worker at all, and they wait, over restarts.
func TestLostWorker(t *testing.T) {
	env := aiontest.New(t, defs(works))
	r := start(t, env, request(works, "x"))
	env.Advance(time.Hour)
	env.Restart()
	env.Advance(time.Hour)
	s := register(t, env, ports.WorkerRegistration{Identity: "first"})
	first := s.task(1)
	s.Close()
	next := register(t, env, ports.WorkerRegistration{Identity: "second"})
	env.Advance(4 * time.Second)
	if len(next.holds()) != 0 {
		t.Fatal("the first worker may come back")
	}
	if d, err := env.Engine().Describe(ctx, ref(r)); err != nil || d.Activities[0].Phase != ports.PhaseRunning || d.Activities[0].Worker != "" || !strings.Contains(d.Summary, "may come back") {
		t.Errorf("%+v, %v", d, err)
	}
	env.Advance(2 * time.Second)
	second := next.task(1)
	if second.Attempt != 2 {
		t.Fatalf("attempt %d", second.Attempt)
	}
	f := find[*history.ActivityAttemptFailed](t, env, ref(r))[0]
	if f.Failure.Type != model.FailureWorkerLost || f.Worker != "first" || !strings.Contains(f.Failure.Message, "first") {
		t.Errorf("%+v", f)
	}
	// The first worker comes back too late: what it did no longer counts, and is acknowledged.
	back := register(t, env, ports.WorkerRegistration{Executing: [][]byte{first.Token}})
	if len(back.Info().Unknown) != 1 {
		t.Error("a lost attempt was claimed")
	}
	if back.complete(first, "late"); back.acked() != 1 || !standing(t, env, ref(r)).Status.Open() {
		t.Error("a late result counted")
	}
	if next.complete(second, "ok"); standing(t, env, ref(r)).Status != model.StatusCompleted {
		t.Error("the result did not count")
	}
}

// [ACT-2] [ACT-6] Over a restart of the server a worker keeps its tasks; what it finished meanwhile is recorded once.
func TestWorkerOverRestart(t *testing.T) {
	env := aiontest.New(t, defs(works))
	r := start(t, env, request(works, "x"))
	s := register(t, env, ports.WorkerRegistration{})
	x := s.task(1)
	env.Restart()
	other := register(t, env, ports.WorkerRegistration{Slots: 5})
	back := register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
	env.Advance(time.Minute)
	if len(other.holds()) != 0 || len(back.Info().Unknown) != 0 {
		t.Fatalf("another worker has %v", other.holds())
	}
	back.complete(x, "done")
	back.complete(x, "done again")
	if back.acked() != 2 || standing(t, env, ref(r)).Status != model.StatusCompleted || len(find[*history.ActivityCompleted](t, env, ref(r))) != 1 {
		t.Errorf("%d acknowledged; %s", back.acked(), kinds(t, env, ref(r)))
	}
	env.Restart()
	again := register(t, env, ports.WorkerRegistration{})
	if again.complete(x, "and again"); again.acked() != 1 {
		t.Error("a result of a closed run is not acknowledged")
	}
}

// [ACT-10] at_most_once: the start is in the history before a worker has the task; the attempt is never made again.
func TestAtMostOnce(t *testing.T) {
	w := calling(activity.Options{AtMostOnce: true, Retry: activity.Retry{MaximumAttempts: 9}})
	t.Run("recorded before hand-out, completes", func(t *testing.T) {
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		env.Restart()
		env.Advance(time.Minute)
		s := register(t, env, ports.WorkerRegistration{Identity: "me"})
		x := s.task(1)
		if got := find[*history.ActivityAttemptStarted](t, env, ref(r)); len(got) != 1 || got[0].Worker != "me" || got[0].Attempt != 1 {
			t.Fatalf("%+v", got)
		}
		if s.complete(x, "ok"); standing(t, env, ref(r)).Status != model.StatusCompleted {
			t.Error("it did not complete")
		}
	})
	t.Run("a failure is final", func(t *testing.T) {
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		s := register(t, env, ports.WorkerRegistration{})
		s.fail(s.task(1), model.Failure{Type: "busy", Message: "no", Retryable: true})
		if o := standing(t, env, ref(r)); o.Status != model.StatusFailed || o.Failure.Cause == nil && o.Failure.Type != "busy" {
			t.Errorf("%+v", o)
		}
	})
	lost := func(t *testing.T, env *aiontest.Env, r ports.WorkflowRef) {
		t.Helper()
		s := register(t, env, ports.WorkerRegistration{Slots: 9})
		env.Advance(time.Minute)
		if len(s.holds()) != 0 {
			t.Fatal("it was handed out again")
		}
		if f := find[*history.ActivityFailed](t, env, r); len(f) != 1 || f[0].Failure.Type != model.FailureWorkerLost || f[0].Attempt != 1 {
			t.Errorf("%s", kinds(t, env, r))
		}
	}
	t.Run("lost worker", func(t *testing.T) {
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		s := register(t, env, ports.WorkerRegistration{})
		s.task(1)
		s.Close()
		lost(t, env, ref(r))
	})
	t.Run("lost over a restart", func(t *testing.T) {
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		register(t, env, ports.WorkerRegistration{}).task(1)
		env.Restart()
		lost(t, env, ref(r))
	})
	t.Run("kept over a restart", func(t *testing.T) {
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		x := register(t, env, ports.WorkerRegistration{}).task(1)
		env.Restart()
		s := register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
		env.Advance(time.Minute)
		if s.complete(x, "ok"); standing(t, env, ref(r)).Status != model.StatusCompleted {
			t.Error("it did not complete")
		}
	})
	t.Run("parked while it runs", func(t *testing.T) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{w}, Configure: func(o *aion.Options) { o.ResidentBytes = 1 }})
		r := start(t, env, request(w, "x"))
		s := register(t, env, ports.WorkerRegistration{Slots: 3})
		x := s.task(1)
		for range 3 {
			if _, err := env.Engine().Describe(ctx, ref(r)); err != nil {
				t.Fatal(err)
			}
			env.Advance(time.Minute)
		}
		if len(s.holds()) != 0 || env.Engine().Resident() != 0 {
			t.Fatalf("given again %v, %d in memory", s.holds(), env.Engine().Resident())
		}
		if s.complete(x, "ok"); standing(t, env, ref(r)).Status != model.StatusCompleted {
			t.Error("it did not complete")
		}
	})
}

// [PAY-2] A result, a failure and its details that are too large to record end the attempt with a message that says what to do.
func TestTooLarge(t *testing.T) {
	w := calling(activity.Options{Retry: activity.Retry{MaximumAttempts: 1}})
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{w}, Configure: func(o *aion.Options) { o.Limits.PayloadBytes = 10_000 }})
	r := start(t, env, request(w, "x"))
	s := register(t, env, ports.WorkerRegistration{})
	s.complete(s.task(1), strings.Repeat("x", 10_000))
	if f := find[*history.ActivityFailed](t, env, ref(r)); len(f) != 1 || f[0].Failure.Type != model.FailureTooLarge || f[0].Failure.Retryable || !strings.Contains(f[0].Failure.Message, "limits.payload_bytes") {
		t.Errorf("%+v", f)
	}
	deep := &model.Failure{Message: "m"}
	for range 40 {
		deep = &model.Failure{Message: "m", Cause: deep}
	}
	for _, f := range []*model.Failure{{Type: "t", Message: strings.Repeat("m", 10_001)}, deep, {Type: "t", Details: model.Payload{Data: make([]byte, 10_001)}}} {
		r := start(t, env, request(w, "x"))
		s.fail(s.task(1), *f)
		if got := find[*history.ActivityFailed](t, env, ref(r)); len(got) != 1 || got[0].Failure.Type != f.Type || len(got[0].Failure.Message) > 5000 || got[0].Failure.Depth() > 1 {
			t.Errorf("%+v", got)
		}
	}
}

// [ACT-8] A canceled activity: its worker is told, or nobody; the workflow goes on at once, or with what the worker answers.
func TestCancelActivity(t *testing.T) {
	type result struct{ Out, Err string }
	cancels := func(c activity.Cancellation, first time.Duration) workflow.Workflow[string, result] {
		return workflow.Define("Cancels", func(ctx workflow.Context, s string) (r result, err error) {
			f := work.With(activity.Options{Cancellation: c, Retry: activity.Retry{InitialInterval: time.Hour}}).Start(ctx, s)
			if err := workflow.Sleep(ctx, first); err != nil {
				return r, err
			}
			f.Cancel()
			out, err := f.Get(ctx)
			if err != nil {
				r.Err = err.Error()
			}
			r.Out = out
			return r, nil
		})
	}
	for _, c := range []struct {
		name   string
		how    activity.Cancellation
		answer func(s *session, x ports.ActivityTask)
		told   bool
		open   bool // until the worker answers
		want   string
	}{
		{"try", activity.TryCancel, nil, true, false, `{"Out":"","Err":"activity Work: canceled"}`},
		{"abandon", activity.Abandon, nil, false, false, `{"Out":"","Err":"activity Work: canceled"}`},
		{"wait, canceled", activity.WaitCancel, func(s *session, x ports.ActivityTask) {
			s.Results([]ports.TaskResult{{Token: x.Token, Canceled: &model.Payload{}}})
		}, true, true, `{"Out":"","Err":"activity Work: canceled"}`},
		{"wait, completed all the same", activity.WaitCancel, func(s *session, x ports.ActivityTask) { s.complete(x, "done") }, true, true, `{"Out":"done","Err":""}`},
		{"wait, failed: not retried", activity.WaitCancel, func(s *session, x ports.ActivityTask) { s.fail(x, model.Failure{Message: "oops", Retryable: true}) }, true, true, `{"Out":"","Err":"activity Work: oops"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := cancels(c.how, time.Minute)
			env := aiontest.New(t, defs(w))
			r := start(t, env, request(w, "x"))
			s := register(t, env, ports.WorkerRegistration{})
			x := s.task(1)
			env.Advance(time.Minute)
			if told := s.canceled(x) != ""; told != c.told {
				t.Errorf("the worker was told %v: %q", told, s.canceled(x))
			}
			if o := standing(t, env, ref(r)); o.Status.Open() != c.open {
				t.Fatalf("%+v", o)
			}
			if c.open {
				env.Advance(time.Hour)
				if d, _ := env.Engine().Describe(ctx, ref(r)); len(d.Activities) != 1 || d.Activities[0].Phase != ports.PhaseCanceling {
					t.Errorf("%+v", d)
				}
			}
			if c.answer != nil {
				c.answer(s, x)
				env.Wait()
			}
			if o := standing(t, env, ref(r)); string(o.Result.Data) != c.want {
				t.Errorf("%s, want %s", o.Result.Data, c.want)
			}
		})
	}
	// Nobody holds the attempt: a canceled activity that is waited for ends at once.
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("wait, in the queue", restart), func(t *testing.T) {
			w := cancels(activity.WaitCancel, time.Minute)
			env := aiontest.New(t, defs(w))
			r := start(t, env, request(w, "x"))
			if restart {
				env.Restart()
			}
			env.Advance(2 * time.Minute)
			if o := standing(t, env, ref(r)); string(o.Result.Data) != `{"Out":"","Err":"activity Work: canceled"}` {
				t.Errorf("%+v", o)
			}
			if s := register(t, env, ports.WorkerRegistration{}); len(s.holds()) != 0 {
				t.Error("it was handed out all the same")
			}
		})
		t.Run(fmt.Sprint("wait, between two attempts", restart), func(t *testing.T) {
			w := cancels(activity.WaitCancel, time.Minute)
			env := aiontest.New(t, defs(w))
			r := start(t, env, request(w, "x"))
			s := register(t, env, ports.WorkerRegistration{})
			s.fail(s.task(1), model.Failure{Message: "no", Retryable: true})
			if restart {
				env.Restart()
			}
			env.Advance(2 * time.Minute)
			if o := standing(t, env, ref(r)); string(o.Result.Data) != `{"Out":"","Err":"activity Work: canceled"}` {
				t.Errorf("%+v", o)
			}
		})
	}
	t.Run("wait, in the same activation", func(t *testing.T) {
		w := cancels(activity.WaitCancel, 0)
		env := aiontest.New(t, defs(w))
		register(t, env, ports.WorkerRegistration{})
		r := start(t, env, request(w, "x"))
		env.Wait()
		if o := standing(t, env, ref(r)); string(o.Result.Data) != `{"Out":"","Err":"activity Work: canceled"}` {
			t.Errorf("%+v", o)
		}
	})
	t.Run("wait, and the worker is lost", func(t *testing.T) {
		w := cancels(activity.WaitCancel, time.Minute)
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		s := register(t, env, ports.WorkerRegistration{Identity: "me"})
		s.task(1)
		env.Advance(time.Minute)
		s.Close()
		env.Advance(time.Minute)
		if o := standing(t, env, ref(r)); !strings.Contains(string(o.Result.Data), "worker me was lost") {
			t.Errorf("%+v", o)
		}
	})
	t.Run("wait, over a restart", func(t *testing.T) {
		w := cancels(activity.WaitCancel, time.Minute)
		env := aiontest.New(t, defs(w))
		r := start(t, env, request(w, "x"))
		x := register(t, env, ports.WorkerRegistration{}).task(1)
		env.Advance(time.Minute)
		env.Restart()
		s := register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
		if s.canceled(x) == "" {
			t.Error("the worker that came back was not told")
		}
		s.Results([]ports.TaskResult{{Token: x.Token, Canceled: &model.Payload{}}})
		env.Wait()
		if o := standing(t, env, ref(r)); o.Status != model.StatusCompleted {
			t.Errorf("%+v", o)
		}
	})
}

// A worker registers for queues of its namespaces only, and is shown.
func TestWorkersAndQueues(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{works}, Configure: func(o *aion.Options) { o.Namespaces.AutoCreate = true }})
	r := request(works, "x")
	r.Namespace = "shop"
	res := start(t, env, r)
	register(t, env, ports.WorkerRegistration{Identity: "default one"})
	s := register(t, env, ports.WorkerRegistration{Identity: "shop one", Namespaces: []model.Namespace{"shop"}})
	x := s.task(1)
	if x.Key.Namespace != "shop" || x.WorkflowType != "Works" || x.Queue != "default" {
		t.Errorf("%+v", x)
	}
	w, err := env.Engine().Workers(ctx, "shop")
	if err != nil || len(w) != 1 || w[0].Registered.Identity != "shop one" || w[0].SlotsUsed != 1 {
		t.Errorf("%+v, %v", w, err)
	}
	q, err := env.Engine().TaskQueues(ctx, "shop")
	if err != nil || len(q) != 1 || q[0].Workers != 1 || q[0].SlotsUsed != 1 {
		t.Errorf("%+v, %v", q, err)
	}
	if d, err := env.Engine().Describe(ctx, ports.WorkflowRef{Namespace: "shop", WorkflowID: res.WorkflowID}); err != nil || d.Activities[0].Worker != "shop one" || !strings.Contains(d.Summary, "running on shop one") {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = env.Engine().Workers(ctx, "none")
	want(t, err, fault.NotFound)
	_, err = env.Engine().TaskQueues(ctx, "none")
	want(t, err, fault.NotFound)
}
