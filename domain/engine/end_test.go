package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// [END-1] A cancel is recorded and reaches the code as the cancellation of its scope; the code may catch it, and cleans up in a detached scope.
func TestCancel(t *testing.T) {
	undo := activity.Define[string, string]("Undo", activity.Options{})
	tidy := workflow.Define("Tidy", func(ctx workflow.Context, how string) (string, error) {
		_, err := work.Execute(ctx, "x")
		switch {
		case how == "catches" && errors.Is(err, workflow.ErrCanceled):
			return "caught", nil
		case how == "cleans up":
			if _, e := undo.Execute(workflow.Detached(ctx), "y"); e != nil {
				return "", e
			}
		case how == "fails":
			return "", busy.Errorf("could not stop")
		}
		return "", err
	})
	for how, status := range map[string]model.Status{"catches": model.StatusCompleted, "cleans up": model.StatusCanceled, "passes on": model.StatusCanceled, "fails": model.StatusFailed} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(how, restart), func(t *testing.T) {
				env := aiontest.New(t, defs(tidy))
				undone := 0
				aiontest.Handle(env, undo, func(context.Context, string) (string, error) { undone++; return "", aiontestErr })
				r := ref(start(t, env, request(tidy, how)))
				s := register(t, env, ports.WorkerRegistration{})
				x := s.task(1)
				if restart {
					env.Restart()
					s = register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
				}
				c := ports.EndRequest{Ref: r, Reason: "changed my mind", Identity: "ada", RequestID: "c1"}
				for range 3 {
					if run, err := env.Engine().Cancel(ctx, c); err != nil || run != r.Run {
						t.Fatal(run, err)
					}
				}
				env.Wait()
				o := standing(t, env, r)
				if o.Status != status {
					t.Errorf("%+v; %s", o, kinds(t, env, r))
				}
				if s.canceled(x) != "canceled" {
					t.Errorf("the worker was told %q", s.canceled(x))
				}
				if got := find[*history.CancelRequested](t, env, r); len(got) != 1 || got[0].Reason != "changed my mind" || got[0].Identity != "ada" {
					t.Errorf("%+v", got)
				}
				if (undone == 1) != (how == "cleans up") {
					t.Errorf("undone %d times", undone)
				}
				if run, err := env.Engine().Cancel(ctx, c); err != nil || run != r.Run {
					t.Errorf("the same request when the run has closed: %v, %v", run, err)
				}
				c.RequestID = "c2"
				_, err := env.Engine().Cancel(ctx, c)
				want(t, err, fault.NotRunning)
			})
		}
	}
}

var aiontestErr error // nil: what Undo answers

// A second cancel changes nothing, whatever its request ID; one with another reason is another request.
func TestCancelTwice(t *testing.T) {
	stubborn := workflow.Define("Stubborn", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		_, err := note.Receive(workflow.Detached(ctx))
		return workflow.None{}, err
	})
	env := aiontest.New(t, defs(stubborn))
	r := ref(start(t, env, request(stubborn, nil)))
	for _, id := range []model.RequestID{"", "a", "b", "a", ""} {
		if _, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: r, RequestID: id}); err != nil {
			t.Error(err)
		}
	}
	_, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: r, RequestID: "a", Reason: "other"})
	want(t, err, fault.RequestIDReused)
	_, err = env.Engine().Terminate(ctx, ports.EndRequest{Ref: r, RequestID: "a"})
	want(t, err, fault.RequestIDReused)
	if n := len(find[*history.CancelRequested](t, env, r)); n != 1 || !standing(t, env, r).Status.Open() {
		t.Errorf("%d cancels", n)
	}
	if d, _ := env.Engine().Describe(ctx, r); !d.CancelRequested {
		t.Errorf("%+v", d)
	}
}

// [END-2] Terminate ends the run at once, no code of it runs, its timers and tasks end with it, and its workers are told.
func TestTerminate(t *testing.T) {
	ran := false
	w := workflow.Define("Busy", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		defer func() { ran = ran || ctx.Err() != nil }()
		workflow.NewTimer(ctx, time.Hour)
		work.Start(ctx, "a")
		work.Start(ctx, "b")
		_, err := note.Receive(ctx)
		return workflow.None{}, err
	})
	for _, restart := range []bool{false, true} {
		env := aiontest.New(t, defs(w))
		r := ref(start(t, env, request(w, nil)))
		s := register(t, env, ports.WorkerRegistration{})
		x := s.task(2)
		if restart {
			env.Restart()
			s = register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
		}
		e := ports.EndRequest{Ref: r, Reason: "broken", Identity: "ada", RequestID: "t1"}
		for range 2 {
			if run, err := env.Engine().Terminate(ctx, e); err != nil || run != r.Run {
				t.Fatal(run, err)
			}
		}
		if s.canceled(x) != "the run has ended" {
			t.Errorf("the worker was told %q", s.canceled(x))
		}
		if s.complete(x, "late"); s.acked() != 1 {
			t.Error("the late result is not acknowledged")
		}
		env.Advance(2 * time.Hour)
		o := standing(t, env, r)
		if o.Status != model.StatusTerminated || o.Reason != "broken" || !strings.HasSuffix(kinds(t, env, r), "Terminated") || len(s.holds()) != 0 || ran {
			t.Errorf("%+v; %s; the worker has %v", o, kinds(t, env, r), s.holds())
		}
		if d, err := env.Engine().Describe(ctx, r); err != nil || d.Summary != "closed: Terminated: broken" || d.Run.ClosedAt.IsZero() {
			t.Errorf("%+v, %v", d, err)
		}
		e.RequestID = ""
		_, err := env.Engine().Terminate(ctx, e)
		want(t, err, fault.NotRunning)
		e.Ref.WorkflowID = "none"
		_, err = env.Engine().Terminate(ctx, e)
		want(t, err, fault.NotFound)
		e.Reason = strings.Repeat("x", 3<<20)
		_, err = env.Engine().Terminate(ctx, e)
		want(t, err, fault.PayloadTooLarge)
	}
}

// [TMR-1] [T-1] Timers fire once, never early, in order, over restarts; one that is canceled does not, and the history says which of the two it was.
func TestTimers(t *testing.T) {
	order := workflow.Define("Order", func(ctx workflow.Context, ds []time.Duration) ([]string, error) {
		var got []string
		var all []workflow.Future[workflow.None]
		began := workflow.Now(ctx)
		for i, d := range ds {
			all = append(all, workflow.Async(ctx, func(ctx workflow.Context) (workflow.None, error) {
				err := workflow.Sleep(ctx, d)
				got = append(got, fmt.Sprintf("%d %v", i, workflow.Now(ctx).Sub(began)))
				return workflow.None{}, err
			}))
		}
		_, err := workflow.All(ctx, all...)
		return got, err
	})
	env := aiontest.New(t, defs(order))
	r := ref(start(t, env, request(order, []time.Duration{3 * time.Hour, time.Nanosecond, 90 * time.Second, 0, 2 * time.Hour, 90 * time.Second})))
	env.Advance(time.Hour)
	env.Restart()
	env.Advance(time.Hour - 1)
	if n := len(find[*history.TimerFired](t, env, r)); n != 3 {
		t.Fatalf("%d have fired", n)
	}
	env.Advance(10 * time.Hour)
	o := standing(t, env, r)
	got, _ := order.DecodeResult(workflow.Payload(o.Result))
	if !slices.Equal(got, []string{"3 0s", "1 1ns", "2 1m30s", "5 1m30s", "4 2h0m0s", "0 3h0m0s"}) {
		t.Errorf("%+v, %v", o, got)
	}
	for _, e := range events(t, env, r) {
		if f, ok := e.Attr.(*history.TimerFired); ok {
			for _, x := range events(t, env, r) {
				if s, ok := x.Attr.(*history.TimerStarted); ok && s.Ordinal == f.Ordinal && e.At().Sub(x.At()) < s.Delay {
					t.Errorf("timer %d of %v fired after %v", f.Ordinal, s.Delay, e.At().Sub(x.At()))
				}
			}
		}
	}
}

// [TMR-2] A timer against its cancel, and against a signal: one winner, and it is in the history.
func TestTimerAgainstCancel(t *testing.T) {
	race := workflow.Define("Race", func(ctx workflow.Context, d time.Duration) (string, error) {
		won := ""
		err := workflow.Select(ctx, note.On(func(s string, err error) { won = s }), workflow.After(d, func() { won = "timer" }))
		return won, err
	})
	env := aiontest.New(t, defs(race))
	for _, c := range []struct {
		at    time.Duration
		wins  string
		fired int
	}{{time.Hour - 1, "signal", 0}, {time.Hour, "timer", 1}, {2 * time.Hour, "timer", 1}} {
		r := ref(start(t, env, request(race, time.Hour)))
		env.Advance(c.at)
		err := signal(env, r, "signal", "")
		env.Advance(5 * time.Hour)
		if o := standing(t, env, r); string(o.Result.Data) != `"`+c.wins+`"` || len(find[*history.TimerFired](t, env, r)) != c.fired || len(find[*history.TimerCanceled](t, env, r)) != 1-c.fired {
			t.Errorf("%v: %+v, %v; %s", c.at, o, err, kinds(t, env, r))
		}
	}
	// Both in one step: recorded in the order in which they came, and the code is given both.
	r := ref(start(t, env, request(race, time.Hour)))
	env.Engine().Close()
	env.Advance(2 * time.Hour)
	env.Restart()
	env.Wait()
	if o := standing(t, env, r); string(o.Result.Data) != `"timer"` {
		t.Errorf("%+v", o)
	}
}

// A sleep of as long as there is never ends, and does not end at once.
func TestSleepForEver(t *testing.T) {
	env := aiontest.New(t, defs(sleeper))
	r := ref(start(t, env, request(sleeper, time.Duration(math.MaxInt64))))
	sr := request(sleeper, time.Hour)
	sr.RunTimeout = math.MaxInt64
	b := ref(start(t, env, sr))
	env.Advance(100 * 365 * 24 * time.Hour)
	if o := standing(t, env, r); !o.Status.Open() || o.Blocked != nil {
		t.Errorf("%+v", o)
	}
	if o := standing(t, env, b); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
	env.Restart()
	env.Advance(time.Hour)
	if o := standing(t, env, r); !o.Status.Open() {
		t.Errorf("%+v", o)
	}
}

// An in-flight activity does not hide a timer that is due far away: the run's index entry says "now", and the timer fires all the same.
func TestTimerBesideAnActivity(t *testing.T) {
	w := workflow.Define("Beside", func(ctx workflow.Context, d time.Duration) (string, error) {
		work.Start(ctx, "x")
		return "rang", workflow.Sleep(ctx, d)
	})
	for _, restart := range []bool{false, true} {
		env := aiontest.New(t, defs(w))
		s := register(t, env, ports.WorkerRegistration{})
		r := ref(start(t, env, request(w, 24*time.Hour)))
		x := s.task(1)
		if restart {
			env.Restart()
			register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
		}
		env.Advance(24 * time.Hour)
		if o := standing(t, env, r); o.Status != model.StatusCompleted {
			t.Errorf("restart %v: %+v", restart, o)
		}
	}
}

// Two runs at the same time do not know of each other.
func TestIndependentRuns(t *testing.T) {
	env := aiontest.New(t, defs(listen, stuck, sleeper, works))
	a, b := ref(start(t, env, request(listen, 2))), ref(start(t, env, request(listen, 2)))
	ref(start(t, env, request(stuck, nil)))
	c, d := ref(start(t, env, request(sleeper, time.Hour))), ref(start(t, env, request(works, "d")))
	for _, err := range []error{signal(env, a, "1", ""), signal(env, b, "x", ""), signal(env, a, "2", ""), signal(env, b, "y", "")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := register(t, env, ports.WorkerRegistration{})
	s.complete(s.task(1), "ok")
	env.Advance(time.Hour)
	for r, want := range map[ports.WorkflowRef]string{a: `["1","2"]`, b: `["x","y"]`, c: `"slept"`, d: `"ok"`} {
		if o := standing(t, env, r); string(o.Result.Data) != want {
			t.Errorf("%+v, want %s", o, want)
		}
	}
}

// List, Count and History page as they say; nothing is shown of what is not there.
func TestReads(t *testing.T) {
	env := aiontest.New(t, defs(echo, listen))
	var all []model.RunID
	for range 7 {
		all = append(all, start(t, env, request(echo, "x")).Run)
		env.Advance(time.Second)
	}
	r := ref(start(t, env, request(listen, 100)))
	var got []model.RunID
	q := ports.ListQuery{Type: "Echo", Limit: 3}
	for pages := 1; ; pages++ {
		runs, next, err := env.Engine().List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range runs {
			got = append(got, x.ID)
		}
		if q.After = next; next == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	slices.Reverse(got)
	if !slices.Equal(got, all) {
		t.Errorf("%v, want %v", got, all)
	}
	counts, err := env.Engine().Count(ctx, "")
	if err != nil || len(counts) != 2 || counts[0].N != 7 || counts[0].Status != model.StatusCompleted || counts[1].N != 1 || counts[1].Status != model.StatusRunning {
		t.Errorf("%+v, %v", counts, err)
	}
	for i := range 30 {
		if err := signal(env, r, strings.Repeat("x", 100*i), ""); err != nil {
			t.Fatal(err)
		}
	}
	whole := events(t, env, r)
	for from := model.Seq(1); from <= model.Seq(len(whole)); from += 5 {
		for _, size := range []int{1, 500, 5000} {
			n := 0
			for at := from; at != 0; {
				page, err := env.Engine().History(ctx, ports.HistoryRequest{Ref: r, From: at, MaxBytes: size})
				if err != nil {
					t.Fatal(err)
				}
				es, err := history.DecodePage(page.Bytes)
				if err != nil || len(es) == 0 || es[0].Seq != at || len(es) > 1 && len(page.Bytes) > size {
					t.Fatalf("from %d: %d events in %d bytes, %v", at, len(es), len(page.Bytes), err)
				}
				n += len(es)
				at = page.Next
			}
			if n != len(whole)-int(from)+1 {
				t.Errorf("from %d by %d bytes: %d events", from, size, n)
			}
		}
	}
	if page, err := env.Engine().History(ctx, ports.HistoryRequest{Ref: r, From: 9999}); err != nil || page.Next != 0 || len(page.Bytes) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	for _, err := range []error{
		func() error { _, err := env.Engine().Describe(ctx, ports.WorkflowRef{WorkflowID: "none"}); return err }(),
		func() error {
			_, err := env.Engine().History(ctx, ports.HistoryRequest{Ref: ports.WorkflowRef{WorkflowID: "none"}})
			return err
		}(),
		func() error {
			_, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: r.WorkflowID, Run: all[0]}})
			return err
		}(),
		func() error {
			_, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: "none"}, Wait: 1})
			return err
		}(),
		func() error { _, _, err := env.Engine().List(ctx, ports.ListQuery{Namespace: "none"}); return err }(),
		func() error { _, err := env.Engine().Count(ctx, "none"); return err }(),
	} {
		want(t, err, fault.NotFound)
	}
}
