package engine_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// pend answers pending.
func (s *session) pend(x ports.ActivityTask) {
	s.Results([]ports.TaskResult{{Token: x.Token, Pending: true}})
	s.env.Wait()
}

func completeBy(env *aiontest.Env, token []byte, v any, id model.RequestID) error {
	_, err := env.Engine().CompleteActivity(ctx, ports.ActivityResult{Token: token, Result: payload(v), RequestID: id})
	env.Wait()
	return err
}

func failBy(env *aiontest.Env, token []byte, f model.Failure) error {
	_, err := env.Engine().FailActivity(ctx, ports.ActivityResult{Token: token, Failure: &f})
	env.Wait()
	return err
}

func beatBy(env *aiontest.Env, token []byte, v any) (bool, error) {
	b := ports.ActivityBeat{Token: token}
	if v != nil {
		b.Details = payload(v)
	}
	c, err := env.Engine().HeartbeatActivity(ctx, b)
	env.Wait()
	return c, err
}

// pendingRun is a Calling whose only attempt is pending, with the worker that had it.
func pendingRun(t *testing.T, o activity.Options, c ...func(*aion.Options)) (*aiontest.Env, *session, ports.StartResult, ports.ActivityTask) {
	t.Helper()
	w := calling(o)
	opt := defs(w, works)
	opt.Configure = func(o *aion.Options) {
		for _, f := range c {
			f(o)
		}
	}
	env := aiontest.New(t, opt)
	s := register(t, env, ports.WorkerRegistration{})
	r := start(t, env, request(w, "x"))
	x := s.task(1)
	s.pend(x)
	return env, s, r, x
}

// [A-6] [ACT-11] A pending attempt gives its slot back, is shown with its token, survives restarts without being handed out again, and ends by its token.
func TestPending(t *testing.T) {
	for name, between := range map[string]func(t *testing.T, env *aiontest.Env){
		"at once":  func(*testing.T, *aiontest.Env) {},
		"restart":  func(_ *testing.T, env *aiontest.Env) { env.Restart() },
		"restarts": func(_ *testing.T, env *aiontest.Env) { env.Restart(); env.Advance(40 * 24 * time.Hour); env.Restart() },
	} {
		for _, resident := range []int64{0, 1} { // with 1, an idle run leaves memory
			t.Run(name, func(t *testing.T) {
				env, s, r, x := pendingRun(t, activity.Options{}, func(o *aion.Options) { o.ResidentBytes = resident })
				if s.acked() != 1 || env.Engine().Attempts() != 0 {
					t.Fatalf("%d acknowledged, %d attempts known", s.acked(), env.Engine().Attempts())
				}
				other := start(t, env, request(works, "y"))
				y := s.task(1) // the slot is free
				s.complete(y, "done")
				if o := standing(t, env, ref(other)); o.Status != model.StatusCompleted {
					t.Fatalf("%+v", o)
				}
				between(t, env)
				again := register(t, env, ports.WorkerRegistration{Slots: 5})
				env.Advance(time.Minute)
				if got := again.holds(); len(got) != 0 {
					t.Fatalf("handed out again: %v", got)
				}
				d, err := env.Engine().Describe(ctx, ref(r))
				if err != nil || len(d.Activities) != 1 || d.Activities[0].Phase != ports.PhasePending || !strings.Contains(d.Summary, "Work") {
					t.Fatalf("%+v, %v", d, err)
				}
				for resident == 1 && env.Engine().Resident() != 0 { // it leaves memory soon after it was looked at
					runtime.Gosched()
				}
				if err := completeBy(env, d.Activities[0].Token, "late", "c1"); err != nil {
					t.Fatal(err)
				}
				if o := standing(t, env, ref(r)); o.Status != model.StatusCompleted || string(o.Result.Data) != `"late"` {
					t.Fatalf("%+v", o)
				}
				if err := completeBy(env, x.Token, "late", ""); !fault.Has(err, fault.NotRunning) {
					t.Error(err)
				}
				if got := kinds(t, env, ref(r)); got != "Started Activated ActivityScheduled ActivityAttemptPending ActivityCompleted Activated Completed" {
					t.Error(got)
				}
			})
		}
	}
}

// A call with the same request ID takes effect once; one that says something else is refused.
func TestPendingOnce(t *testing.T) {
	w := workflow.Define("Twice", func(ctx workflow.Context, s string) (string, error) {
		a, err := work.Execute(ctx, s)
		if err != nil {
			return "", err
		}
		_, err = note.Receive(ctx)
		return a, err
	})
	env := aiontest.New(t, defs(w))
	s := register(t, env, ports.WorkerRegistration{})
	start(t, env, request(w, "x"))
	x := s.task(1)
	s.pend(x)
	for range 2 {
		if err := completeBy(env, x.Token, "1", "c1"); err != nil {
			t.Fatal(err)
		}
		env.Restart()
	}
	want(t, completeBy(env, x.Token, "2", "c1"), fault.RequestIDReused)
	want(t, completeBy(env, x.Token, "1", "c2"), fault.NotRunning, "has ended")
	_, err := beatBy(env, x.Token, nil)
	want(t, err, fault.NotRunning)
}

// A failure by token is an attempt's: it is retried by the policy, and the last details reach the next attempt.
func TestPendingFails(t *testing.T) {
	for _, restart := range []bool{false, true} {
		env, s, r, x := pendingRun(t, activity.Options{Retry: activity.Retry{MaximumAttempts: 2}})
		if _, err := beatBy(env, x.Token, "half"); err != nil {
			t.Fatal(err)
		}
		if restart {
			env.Restart()
			s = register(t, env, ports.WorkerRegistration{})
		}
		if err := failBy(env, x.Token, model.Failure{Type: "busy", Message: "no", Retryable: true}); err != nil {
			t.Fatal(err)
		}
		want(t, failBy(env, x.Token, model.Failure{Message: "no"}), fault.NotRunning, "attempt 2 is the current one")
		env.Advance(time.Second)
		y := s.task(1)
		if y.Attempt != 2 || string(y.LastDetails.Data) != `"half"` {
			t.Errorf("%+v", y)
		}
		// The worker that holds it is told when somebody else ends it.
		if err := failBy(env, y.Token, model.Failure{Type: "busy", Message: "again", Retryable: true}); err != nil {
			t.Fatal(err)
		}
		if why := s.canceled(y); why == "" {
			t.Error("the worker was not told")
		}
		if o := standing(t, env, ref(r)); o.Status != model.StatusFailed {
			t.Errorf("%+v", o)
		}
	}
}

// [A-6] [T-1] Start-to-close of a pending attempt goes on from its hand-out, over restarts; schedule-to-close too.
func TestPendingTimeLimits(t *testing.T) {
	for name, o := range map[string]activity.Options{
		"start-to-close":    {StartToClose: time.Hour, Retry: activity.Retry{MaximumAttempts: 1}},
		"schedule-to-close": {ScheduleToClose: time.Hour, StartToClose: 2 * time.Hour},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				w := calling(o)
				env := aiontest.New(t, defs(w))
				s := register(t, env, ports.WorkerRegistration{})
				r := start(t, env, request(w, "x"))
				x := s.task(1)
				env.Advance(10 * time.Minute)
				s.pend(x)
				env.Advance(20 * time.Minute)
				if restart {
					env.Restart()
				}
				env.Advance(30*time.Minute - time.Second)
				if o := standing(t, env, ref(r)); o.Status != model.StatusRunning {
					t.Fatalf("early: %+v", o)
				}
				env.Advance(time.Second)
				if o := standing(t, env, ref(r)); o.Status != model.StatusFailed || o.Failure.Type != model.FailureTimeout {
					t.Fatalf("%+v", o)
				}
			})
		}
	}
}

// The heartbeat limit goes on: beats by token keep the attempt alive, also while its run is out of memory; after a restart they are
// waited for anew.
func TestPendingHeartbeat(t *testing.T) {
	for _, resident := range []int64{0, 1} {
		env, _, r, x := pendingRun(t, activity.Options{Heartbeat: time.Minute, Retry: activity.Retry{MaximumAttempts: 1}}, func(o *aion.Options) { o.ResidentBytes = resident })
		for range 5 {
			env.Advance(50 * time.Second)
			if c, err := beatBy(env, x.Token, nil); err != nil || c {
				t.Fatal(c, err)
			}
		}
		env.Advance(50 * time.Second)
		env.Restart()
		env.Advance(50 * time.Second)
		if o := standing(t, env, ref(r)); o.Status != model.StatusRunning {
			t.Fatalf("%+v", o)
		}
		env.Advance(20 * time.Second)
		if o := standing(t, env, ref(r)); o.Status != model.StatusFailed {
			t.Fatalf("%+v", o)
		}
		if _, err := beatBy(env, x.Token, nil); !fault.Has(err, fault.NotRunning) {
			t.Error(err)
		}
	}
}

// Who has the token may be faster than the worker that hands the attempt on.
func TestCompletedBeforePending(t *testing.T) {
	env := aiontest.New(t, defs(works))
	s := register(t, env, ports.WorkerRegistration{})
	r := start(t, env, request(works, "x"))
	x := s.task(1)
	if _, err := beatBy(env, x.Token, "fast"); err != nil {
		t.Fatal(err)
	}
	if err := completeBy(env, x.Token, "first", ""); err != nil {
		t.Fatal(err)
	}
	s.pend(x)
	if o := standing(t, env, ref(r)); o.Status != model.StatusCompleted || s.acked() != 1 || env.Engine().Attempts() != 0 {
		t.Errorf("%+v, %d acknowledged, %d known", o, s.acked(), env.Engine().Attempts())
	}
}

// A worker that comes back with a pending answer which is recorded already is acknowledged, and a second one changes nothing.
func TestPendingTwice(t *testing.T) {
	env, s, r, x := pendingRun(t, activity.Options{})
	s.pend(x)
	env.Restart()
	s = register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
	s.pend(x)
	if s.acked() != 1 || len(find[*history.ActivityAttemptPending](t, env, ref(r))) != 1 || env.Engine().Attempts() != 0 {
		t.Errorf("%d acknowledged, %d attempts known, %s", s.acked(), env.Engine().Attempts(), kinds(t, env, ref(r)))
	}
	if err := completeBy(env, x.Token, "ok", ""); err != nil {
		t.Error(err)
	}
}

// [A-6] [ACT-8] A cancel of a pending activity: wait waits for the answer by token, try and abandon do not.
func TestPendingCancel(t *testing.T) {
	for _, kind := range []activity.Cancellation{activity.TryCancel, activity.WaitCancel, activity.Abandon} {
		for _, restart := range []bool{false, true} {
			w := workflow.Define("Stops", func(ctx workflow.Context, s string) (string, error) {
				out, err := work.With(activity.Options{Cancellation: kind}).Execute(ctx, s)
				if errors.Is(err, workflow.ErrCanceled) {
					return "canceled", nil
				}
				return out, err
			})
			env := aiontest.New(t, defs(w))
			s := register(t, env, ports.WorkerRegistration{})
			r := start(t, env, request(w, "x"))
			x := s.task(1)
			s.pend(x)
			if _, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: ref(r)}); err != nil {
				t.Fatal(err)
			}
			env.Wait()
			if restart {
				env.Restart()
			}
			env.Advance(time.Minute)
			waits := kind == activity.WaitCancel
			if o := standing(t, env, ref(r)); (o.Status == model.StatusRunning) != waits {
				t.Fatalf("%v: %+v", kind, o)
			}
			canceled, err := beatBy(env, x.Token, nil)
			if canceled != waits || (err == nil) != waits {
				t.Errorf("%v: canceled %v, %v", kind, canceled, err)
			}
			if !waits {
				continue
			}
			if err := failBy(env, x.Token, model.Failure{Type: model.FailureCanceled}); err != nil {
				t.Fatal(err)
			}
			if o := standing(t, env, ref(r)); o.Status != model.StatusCompleted || string(o.Result.Data) != `"canceled"` {
				t.Errorf("%+v", o)
			}
		}
	}
}

// A token says nothing about what the caller's namespace does not hold.
func TestPendingTokens(t *testing.T) {
	env, _, r, x := pendingRun(t, activity.Options{}, func(o *aion.Options) { o.Namespaces.AutoCreate = true })
	if _, err := env.Engine().Start(ctx, ports.StartRequest{Namespace: "other", Type: "Calling", WorkflowID: r.WorkflowID, Input: payload("x")}); err != nil {
		t.Fatal(err)
	}
	tok, err := dispatch.ParseToken(x.Token)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*dispatch.Token)) []byte {
		t := tok
		f(&t)
		return t.Encode()
	}
	var texts []string
	for _, raw := range [][]byte{
		change(func(t *dispatch.Token) { t.Chain.Namespace = "other" }), change(func(t *dispatch.Token) { t.Chain.Namespace = "nobody" }),
		change(func(t *dispatch.Token) { t.Chain.WorkflowID = "no" }), change(func(t *dispatch.Token) { t.Task.Run = "no" }),
		change(func(t *dispatch.Token) { t.Task.Ordinal = 2 }), change(func(t *dispatch.Token) { t.Task.Attempt = 2 }),
	} {
		err := completeBy(env, raw, "no", "")
		want(t, err, fault.NotFound)
		texts = append(texts, err.Error())
		_, err = beatBy(env, raw, nil)
		want(t, err, fault.NotFound)
	}
	for _, text := range texts {
		if text != texts[0] {
			t.Errorf("%q tells more than %q", text, texts[0])
		}
	}
	_, err = env.Engine().CompleteActivity(ctx, ports.ActivityResult{Namespace: "other", Token: x.Token})
	want(t, err, fault.NotFound)
	want(t, completeBy(env, []byte("junk"), "no", ""), fault.InvalidInput)
	want(t, completeBy(env, x.Token, strings.Repeat("x", 3<<20), ""), fault.PayloadTooLarge)
	if _, err := env.Engine().FailActivity(ctx, ports.ActivityResult{Token: x.Token}); !fault.Has(err, fault.InvalidInput) {
		t.Error(err)
	}
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: ref(r)}); err != nil {
		t.Fatal(err)
	}
	want(t, completeBy(env, x.Token, "no", ""), fault.NotRunning, "Terminated")
}
