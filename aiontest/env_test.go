package aiontest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func defs(d ...workflow.Definition) aiontest.Options { return aiontest.Options{Workflows: d} }

var (
	step  = activity.Define[int, int]("Step", activity.Options{Retry: activity.Retry{InitialInterval: time.Minute}})
	steps = workflow.Define("Steps", func(ctx workflow.Context, n int) (sum int, err error) {
		for i := range n {
			if err := workflow.Sleep(ctx, time.Duration(i)*time.Hour); err != nil {
				return sum, err
			}
			v, err := step.Execute(ctx, i)
			if err != nil {
				return sum, err
			}
			sum += v
		}
		return sum, nil
	})
)

// Two runs of the same test see the same identifiers, times and events.
func TestSameEveryTime(t *testing.T) {
	run := func() string {
		f := &fake{}
		env := aiontest.New(f, defs(steps))
		fails := 0
		aiontest.Handle(env, step, func(_ context.Context, i int) (int, error) {
			if fails++; fails%3 == 0 {
				return 0, errors.New("not now")
			}
			return i, nil
		})
		r := aiontest.Start(env, steps, 6)
		if sum, err := r.Result(); err != nil || sum != 15 {
			t.Fatal(sum, err)
		}
		out := r.ID() + " " + r.RunID()
		for _, e := range r.History() {
			out += fmt.Sprintf("\n%d %v %v %q", e.Seq, e.At(), e.Kind(), e.Raw)
		}
		f.end()
		return out
	}
	if a, b := run(), run(); a != b {
		t.Errorf("first\n%s\nthen\n%s", a, b)
	}
}

// A timer fires exactly at its time, however far away, and getting there takes a handful of moments.
func TestFarTimer(t *testing.T) {
	w := workflow.Define("Far", func(ctx workflow.Context, d time.Duration) (time.Time, error) {
		err := workflow.Sleep(ctx, d)
		return workflow.Now(ctx), err
	})
	env := aiontest.New(t, defs(w))
	for _, d := range []time.Duration{time.Nanosecond, time.Millisecond, 61 * time.Second, 24 * time.Hour, 100 * 365 * 24 * time.Hour} {
		began := env.Now()
		at, err := aiontest.Start(env, w, d).Result()
		if err != nil || at.Sub(began) != d || !env.Now().Equal(at) {
			t.Errorf("%v: code woke after %v, clock moved %v, %v", d, at.Sub(began), env.Now().Sub(began), err)
		}
	}
}

// A run that waits for nothing that can come ends the test and says what it waits for; so does one that goes on for ever.
func TestStuck(t *testing.T) {
	never := workflow.Define("Never", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		_, err := Decide.Receive(ctx)
		return workflow.None{}, err
	})
	alone := workflow.Define("Alone", func(ctx workflow.Context, n int) (int, error) { return step.Execute(ctx, n) })
	for name, c := range map[string]struct {
		run  func(env *aiontest.Env)
		want string
	}{
		"signal":    {func(env *aiontest.Env) { aiontest.Start(env, never, workflow.None{}).Result() }, "does not end: it waits for a signal"},
		"no worker": {func(env *aiontest.Env) { aiontest.Start(env, alone, 1).Result() }, "no worker serves queue default for Step"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			defer f.end()
			env := aiontest.New(f, defs(never, alone))
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
					t.Errorf("got %q, want %q in it", got, c.want)
				}
			}()
			c.run(env)
		})
	}
}

// Code that decides otherwise on replay fails the test when it ends.
func TestReplayAtTheEnd(t *testing.T) {
	var n atomic.Int32
	fickle := workflow.Define("Fickle", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		return workflow.None{}, workflow.Sleep(ctx, time.Duration(n.Add(1))*time.Hour)
	})
	f := &fake{}
	env := aiontest.New(f, defs(fickle))
	if _, err := aiontest.Start(env, fickle, workflow.None{}).Result(); err != nil {
		t.Fatal(err)
	}
	f.end()
	if len(f.errors) != 1 || !strings.Contains(f.errors[0], "does not replay") || !strings.Contains(f.errors[0], "timer 1 of 1h0m0s") {
		t.Errorf("got %q", f.errors)
	}
}

// The engine ends in the middle and the runs go on; an attempt that was running is made again.
func TestRestart(t *testing.T) {
	env := aiontest.New(t, defs(steps))
	var calls atomic.Int32
	aiontest.Handle(env, step, func(ctx context.Context, i int) (int, error) {
		if calls.Add(1) == 2 {
			return 0, aiontest.Sleep(ctx, aiontest.Forever)
		}
		return i, nil
	})
	r := aiontest.Start(env, steps, 4)
	env.Wait()
	env.Restart()
	env.Advance(90 * time.Minute)
	if d := r.Describe(); len(d.Activities) != 1 || d.Activities[0].Worker != "aiontest" {
		t.Fatalf("%+v", d)
	}
	env.Restart()
	env.Restart()
	if sum, err := r.Result(); err != nil || sum != 6 {
		t.Fatal(sum, err)
	}
	if calls.Load() != 5 {
		t.Errorf("%d calls", calls.Load())
	}
}

// How a run ended is told as the client tells it.
func TestEndings(t *testing.T) {
	w := workflow.Define("Ends", func(ctx workflow.Context, how string) (string, error) {
		switch how {
		case "fails":
			return "", OutOfStock.Errorf("none left")
		case "panics":
			panic("oh no")
		}
		return "woke", workflow.Sleep(ctx, time.Hour)
	})
	env := aiontest.New(t, defs(w))
	_, err := aiontest.Start(env, w, "fails").Result()
	var run *aiontest.RunError
	if !errors.Is(err, OutOfStock) || !errors.As(err, &run) || run.Status != "Failed" {
		t.Error(err)
	}
	_, err = aiontest.Start(env, w, "panics").Result()
	var blocked *aiontest.BlockedError
	if !errors.As(err, &blocked) || blocked.What != "panic" || !strings.Contains(err.Error(), "oh no") || !strings.Contains(blocked.Stack, "env_test.go") {
		t.Error(err)
	}
	r := aiontest.Start(env, w, "")
	if err := r.Cancel("enough"); err != nil {
		t.Fatal(err)
	}
	if _, err = r.Result(); !errors.Is(err, workflow.ErrCanceled) {
		t.Error(err)
	}
	r = aiontest.Start(env, w, "")
	if err := r.Terminate("broken"); err != nil {
		t.Fatal(err)
	}
	if _, err = r.Result(); !errors.As(err, &run) || run.Status != "Terminated" || run.Reason != "broken" {
		t.Error(err)
	}
	if err := r.Cancel("again"); !fault.Has(err, fault.NotRunning) {
		t.Error(err)
	}
	_, err = aiontest.StartWith(env, w, "", aiontest.StartOptions{ID: "mine", RunTimeout: time.Minute}).Result()
	if !errors.Is(err, workflow.ErrTimeout{}) {
		t.Error(err)
	}
}

// A panic of an activity, and the end of its goroutine, end the attempt with aion.panic and the stack.
func TestActivityPanics(t *testing.T) {
	once := activity.Define[string, workflow.None]("Once", activity.Options{Retry: activity.Retry{MaximumAttempts: 1}})
	w := workflow.Define("Panics", func(ctx workflow.Context, how string) (workflow.None, error) { return once.Execute(ctx, how) })
	env := aiontest.New(t, defs(w))
	aiontest.Handle(env, once, func(ctx context.Context, how string) (workflow.None, error) {
		if how == "goexit" {
			f := &fake{exit: true}
			f.Fatalf("stop")
		}
		panic(how)
	})
	for _, how := range []string{"oh no", "goexit"} {
		r := aiontest.Start(env, w, how)
		_, err := r.Result()
		var e *activity.Error
		if !errors.As(err, &e) || !errors.Is(err, activity.Panicked) {
			t.Errorf("%s: %v", how, err)
		}
		i := slices.IndexFunc(r.History(), func(e history.Event) bool { return e.Kind() == history.KindActivityFailed })
		if f := r.History()[i].Attr.(*history.ActivityFailed).Failure; how == "oh no" && (f.Message != how || !strings.Contains(f.Stack, "env_test.go")) {
			t.Errorf("%+v", f)
		}
	}
}

// Heartbeats keep a slow attempt alive; the next attempt finds the last details.
func TestHeartbeat(t *testing.T) {
	slow := activity.Define[int, []int]("Slow", activity.Options{Heartbeat: 10 * time.Second, Retry: activity.Retry{InitialInterval: time.Second}})
	w := workflow.Define("Beats", func(ctx workflow.Context, n int) ([]int, error) { return slow.Execute(ctx, n) })
	env := aiontest.New(t, defs(w))
	var mu sync.Mutex
	var found []int
	aiontest.Handle(env, slow, func(ctx context.Context, n int) ([]int, error) {
		at, _, err := attempt.Details[int](ctx)
		mu.Lock()
		found = append(found, at)
		mu.Unlock()
		for i := at + 1; i <= n && err == nil; i++ {
			if i == 5 && at == 0 {
				return nil, aiontest.Sleep(ctx, aiontest.Forever) // silent: the attempt times out
			}
			if err = attempt.Heartbeat(ctx, i); err == nil {
				err = aiontest.Sleep(ctx, 7*time.Second)
			}
		}
		if info := attempt.Info(ctx); info.Attempt != 2 || info.ActivityType != "Slow" || info.Key == "" {
			return nil, fmt.Errorf("%+v", info)
		}
		return found, err
	})
	began := env.Now()
	out, err := aiontest.Start(env, w, 8).Result()
	if err != nil || !slices.Equal(out, []int{0, 4}) {
		t.Fatal(out, err)
	}
	// 4 beats, 7 s apart; silence from the last one on for 10 s; 1 s backoff; 4 more beats
	if d := env.Now().Sub(began); d != 21*time.Second+10*time.Second+time.Second+28*time.Second {
		t.Errorf("took %v", d)
	}
}

// Activities run at the same time, and time passes only while all of them sleep.
func TestParallel(t *testing.T) {
	nap := activity.Define[time.Duration, string]("Nap", activity.Options{TaskQueue: "beds"})
	w := workflow.Define("Naps", func(ctx workflow.Context, _ workflow.None) ([]string, error) {
		return workflow.Map(ctx, []time.Duration{3 * time.Hour, time.Hour, 2 * time.Hour}, 0, nap.Execute)
	})
	env := aiontest.New(t, defs(w))
	began := env.Now()
	aiontest.Handle(env, nap, func(ctx context.Context, d time.Duration) (string, error) {
		err := aiontest.Sleep(ctx, d)
		return env.Now().Sub(began).String(), err
	})
	out, err := aiontest.Start(env, w, workflow.None{}).Result()
	if err != nil || fmt.Sprint(out) != "[3h0m0s 1h0m0s 2h0m0s]" {
		t.Error(out, err)
	}
}
