package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// [START-1] [M-2] A start happens once for its RequestID, whatever happens between the two calls.
func TestStartOncePerRequest(t *testing.T) {
	for _, id := range []model.WorkflowID{"", "mine"} {
		for name, between := range map[string]func(env *aiontest.Env, r ports.StartResult){
			"open": func(*aiontest.Env, ports.StartResult) {},
			"after it has closed": func(env *aiontest.Env, r ports.StartResult) {
				if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: ref(r)}); err != nil {
					t.Error(err)
				}
			},
			"after a restart":     func(env *aiontest.Env, _ ports.StartResult) { env.Restart() },
			"at the window's end": func(env *aiontest.Env, _ ports.StartResult) { env.Advance(23 * time.Hour) },
		} {
			t.Run(fmt.Sprintf("ID %q, %s", id, name), func(t *testing.T) {
				env := aiontest.New(t, defs(sleeper))
				r := request(sleeper, 1000*time.Hour)
				r.WorkflowID, r.RequestID = id, "r1"
				first := start(t, env, r)
				if !first.Started || first.Package != model.NativePackage || id != "" && first.WorkflowID != id {
					t.Fatalf("%+v", first)
				}
				between(env, first)
				second := start(t, env, r)
				if second.Started || second.Run != first.Run || second.WorkflowID != first.WorkflowID {
					t.Errorf("%+v, then %+v", first, second)
				}
				r.Input = payload(5)
				_, err := env.Engine().Start(ctx, r)
				want(t, err, fault.RequestIDReused, `"r1"`)
			})
		}
	}
}

// [START-2] [M-2] A start without any ID is a new run each time; one with a RequestID gets an ID derived from it and its namespace.
func TestMintedIDs(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{echo}, Configure: func(o *aion.Options) { o.Namespaces.AutoCreate = true }})
	a, b := start(t, env, request(echo, "x")), start(t, env, request(echo, "x"))
	if a.WorkflowID == b.WorkflowID || a.Run == b.Run || a.WorkflowID == "" {
		t.Errorf("%+v %+v", a, b)
	}
	r := request(echo, "x")
	r.RequestID = "same"
	c := start(t, env, r)
	r.Namespace = "other"
	if d := start(t, env, r); d.WorkflowID == c.WorkflowID || len(d.WorkflowID) != 36 || !d.Started {
		t.Errorf("%+v %+v", c, d)
	}
}

// [START-3] What a start does when its WorkflowID is taken by a run that is open, or was.
func TestWorkflowIDPolicies(t *testing.T) {
	closed := map[string]func(env *aiontest.Env, r ports.WorkflowRef) error{
		"completed": func(env *aiontest.Env, r ports.WorkflowRef) error { return signal(env, r, "x", "") },
		"terminated": func(env *aiontest.Env, r ports.WorkflowRef) error {
			_, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r})
			return err
		},
		"canceled": func(env *aiontest.Env, r ports.WorkflowRef) error {
			_, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: r})
			return err
		},
	}
	for _, c := range []struct {
		state    string // "" = open
		reuse    ports.ReusePolicy
		conflict ports.ConflictPolicy
		started  bool
		err      fault.Reason
	}{
		{state: "", err: fault.AlreadyExists},
		{state: "", conflict: ports.ConflictFail, err: fault.AlreadyExists},
		{state: "", conflict: ports.ConflictUseExisting},
		{state: "", conflict: ports.ConflictTerminateExisting, started: true},
		{state: "", reuse: ports.ReuseReject, conflict: ports.ConflictUseExisting},
		{state: "completed", started: true},
		{state: "completed", reuse: ports.ReuseAllow, started: true},
		{state: "completed", reuse: ports.ReuseAllowIfFailed, err: fault.AlreadyExists},
		{state: "completed", reuse: ports.ReuseReject, err: fault.AlreadyExists},
		{state: "terminated", reuse: ports.ReuseAllowIfFailed, started: true},
		{state: "canceled", reuse: ports.ReuseAllowIfFailed, started: true},
		{state: "terminated", reuse: ports.ReuseReject, err: fault.AlreadyExists},
		{state: "terminated", conflict: ports.ConflictUseExisting, started: true},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s reuse %d conflict %d restart %v", c.state, c.reuse, c.conflict, restart), func(t *testing.T) {
				env := aiontest.New(t, defs(listen))
				r := request(listen, 1)
				r.WorkflowID, r.RequestID = "w", "first"
				old := start(t, env, r)
				if end := closed[c.state]; end != nil {
					if err := end(env, ref(old)); err != nil {
						t.Fatal(err)
					}
				}
				if restart {
					env.Restart()
				}
				r.RequestID, r.Reuse, r.Conflict = "second", c.reuse, c.conflict
				got, err := env.Engine().Start(ctx, r)
				if c.err != 0 {
					want(t, err, c.err, string(old.Run))
					return
				}
				if err != nil || got.Started != c.started || (got.Run == old.Run) == c.started {
					t.Fatalf("%+v, %v", got, err)
				}
				if again, err := env.Engine().Start(ctx, r); err != nil || again.Started || again.Run != got.Run {
					t.Errorf("the same request again: %+v, %v", again, err)
				}
				r.RequestID = "first"
				r.Reuse, r.Conflict = 0, 0
				if again, err := env.Engine().Start(ctx, r); err != nil || again.Started || again.Run != old.Run {
					t.Errorf("the first request again: %+v, %v", again, err)
				}
				if c.state == "" && c.started {
					if o := standing(t, env, ref(old)); o.Status != model.StatusTerminated || o.Reason == "" {
						t.Errorf("the old run: %+v", o)
					}
				}
				if o := standing(t, env, ports.WorkflowRef{WorkflowID: "w"}); o.Run != got.Run {
					t.Errorf("the chain's run is %v", o.Run)
				}
			})
		}
	}
}

// [M-2] After use-existing the request keeps its answer, also when that run has closed.
func TestUseExistingIsRemembered(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := request(listen, 1)
	r.WorkflowID = "w"
	old := start(t, env, r)
	r.RequestID, r.Conflict = "again", ports.ConflictUseExisting
	if got := start(t, env, r); got.Run != old.Run {
		t.Fatalf("%+v", got)
	}
	if err := signal(env, ref(old), "x", ""); err != nil {
		t.Fatal(err)
	}
	if got := start(t, env, r); got.Run != old.Run || got.Started {
		t.Errorf("%+v", got)
	}
}

// [C-1] Of many starts with one WorkflowID at the same time one wins; of many with one RequestID all get the same run.
func TestConcurrentStarts(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	var mu sync.Mutex
	runs, started, refused := map[model.RunID]int{}, 0, 0
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			r := request(listen, 1)
			r.WorkflowID = model.WorkflowID(fmt.Sprint("w", i%4))
			if i%2 == 0 {
				r.RequestID = "same"
			}
			res, err := env.Engine().Start(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				want(t, err, fault.AlreadyExists)
				refused++
				return
			}
			runs[res.Run]++
			if res.Started {
				started++
			}
		})
	}
	all.Wait()
	if started != 4 || len(runs) != 4 {
		t.Errorf("%d started, %d runs, %d refused", started, len(runs), refused)
	}
}

// [ID-1] [PAY-2] What cannot be started says why.
func TestStartRefuses(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{echo, sleeper}, Configure: func(o *aion.Options) { o.Limits.PayloadBytes = 100 }})
	ok := request(echo, "x")
	for name, c := range map[string]struct {
		change func(r *ports.StartRequest)
		reason fault.Reason
		part   string
	}{
		"unknown type":         {func(r *ports.StartRequest) { r.Type = "eco" }, fault.NoRoute, "known types: Echo, Sleeper"},
		"no type":              {func(r *ports.StartRequest) { r.Type = "" }, fault.InvalidInput, "workflow type is empty"},
		"long ID":              {func(r *ports.StartRequest) { r.WorkflowID = model.WorkflowID(strings.Repeat("w", 256)) }, fault.InvalidInput, "256 bytes"},
		"control character":    {func(r *ports.StartRequest) { r.WorkflowID = "a\x00b" }, fault.InvalidInput, "control character"},
		"no UTF-8":             {func(r *ports.StartRequest) { r.WorkflowID = "a\xff" }, fault.InvalidInput, "UTF-8"},
		"long request":         {func(r *ports.StartRequest) { r.RequestID = model.RequestID(strings.Repeat("r", 129)) }, fault.InvalidInput, "request ID"},
		"bad queue":            {func(r *ports.StartRequest) { r.TaskQueue = "\n" }, fault.InvalidInput, "task queue"},
		"large input":          {func(r *ports.StartRequest) { r.Input.Data = make([]byte, 100) }, fault.PayloadTooLarge, "limits.payload_bytes"},
		"negative wait":        {func(r *ports.StartRequest) { r.Wait = -1 }, fault.InvalidInput, "negative"},
		"negative run timeout": {func(r *ports.StartRequest) { r.RunTimeout = -1 }, fault.InvalidInput, "negative"},
		"unknown reuse":        {func(r *ports.StartRequest) { r.Reuse = 9 }, fault.InvalidInput, "policy"},
		"unknown conflict":     {func(r *ports.StartRequest) { r.Conflict = 9 }, fault.InvalidInput, "policy"},
		"bad namespace":        {func(r *ports.StartRequest) { r.Namespace = "No" }, fault.InvalidInput, "namespace"},
		"unknown namespace":    {func(r *ports.StartRequest) { r.Namespace = "shop" }, fault.NotFound, "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ok
			c.change(&r)
			_, err := env.Engine().Start(ctx, r)
			want(t, err, c.reason, c.part)
		})
	}
	if runs, _, err := env.Engine().List(ctx, ports.ListQuery{}); err != nil || len(runs) != 0 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	none := aiontest.New(t, aiontest.Options{})
	_, err := none.Engine().Start(ctx, ok)
	want(t, err, fault.NoRoute, "no workflow package is deployed")
}

// A start that waits gets the end, what blocks the run, or, when its time has passed, how the run stands.
func TestStartAndWait(t *testing.T) {
	panics := workflow.Define("Panics", func(workflow.Context, workflow.None) (workflow.None, error) { panic("oh") })
	env := aiontest.New(t, defs(echo, sleeper, panics))
	wait := func(r ports.StartRequest) ports.Outcome {
		t.Helper()
		r.Wait = time.Minute
		done := make(chan ports.StartResult, 1)
		go func() {
			res, err := env.Engine().Start(ctx, r)
			if err != nil {
				t.Error(err)
				res.Outcome = &ports.Outcome{}
			}
			done <- res
		}()
		for {
			select {
			case res := <-done:
				return *res.Outcome
			default:
				env.Advance(time.Second)
			}
		}
	}
	if o := wait(request(echo, "x")); o.Status != model.StatusCompleted || string(o.Result.Data) != `"x"` {
		t.Errorf("%+v", o)
	}
	if o := wait(request(sleeper, 30*time.Second)); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
	if o := wait(request(sleeper, 100*365*24*time.Hour)); o.Status != model.StatusRunning || !strings.Contains(o.WaitingFor, "a timer, due in ") {
		t.Errorf("%+v", o)
	}
	if o := wait(request(panics, nil)); o.Status != model.StatusRunning || o.Blocked == nil || o.Blocked.What != "panic" || o.Blocked.Message != "oh" {
		t.Errorf("%+v", o)
	}
	r := request(sleeper, 10*time.Second)
	r.WorkflowID, r.RequestID = "twice", "r"
	start(t, env, r)
	if o := wait(r); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
	if o := wait(r); o.Status != model.StatusCompleted {
		t.Errorf("when it has closed: %+v", o)
	}
}

// A start that terminates another run and waits hears of its own run, not of the one that it ended.
func TestWaiterOfAStartHearsOfItsOwnRun(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := request(listen, 1)
	r.WorkflowID = "w"
	start(t, env, r)
	r.Conflict, r.Wait = ports.ConflictTerminateExisting, time.Hour
	done := make(chan ports.StartResult, 1)
	go func() {
		res, err := env.Engine().Start(ctx, r)
		if err != nil {
			t.Error(err)
		}
		done <- res
	}()
	for {
		o, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: "w"}})
		if err != nil {
			t.Fatal(err)
		}
		if runs, _, _ := env.Engine().List(ctx, ports.ListQuery{}); len(runs) == 2 && o.Status.Open() {
			break
		}
	}
	if err := signal(env, ports.WorkflowRef{WorkflowID: "w"}, "x", ""); err != nil {
		t.Fatal(err)
	}
	if res := <-done; res.Outcome.Status != model.StatusCompleted || res.Outcome.Run != res.Run {
		t.Errorf("%+v", res.Outcome)
	}
}

// What a run was started with is recorded and given to the code.
func TestStartedIsRecorded(t *testing.T) {
	info := workflow.Define("Info", func(ctx workflow.Context, _ workflow.None) (string, error) {
		i := workflow.GetInfo(ctx)
		return fmt.Sprint(i.Namespace, i.WorkflowID, i.WorkflowType, i.TaskQueue, i.RunTimeout, i.Header("h")), nil
	})
	env := aiontest.New(t, defs(info))
	r := ports.StartRequest{Type: "Info", WorkflowID: "order/7:a é'; --", TaskQueue: "q", RunTimeout: time.Hour, Header: map[string]string{"h": "v"}, Identity: "ada", RequestID: "r"}
	res := start(t, env, r)
	o := standing(t, env, ref(res))
	if string(o.Result.Data) != `"defaultorder/7:a é'; --Infoq1h0m0sv"` {
		t.Errorf("%s", o.Result.Data)
	}
	s := find[*history.Started](t, env, ref(res))[0]
	if s.Identity != "ada" || s.RequestID != "r" || len(s.Seed) != 32 || len(s.RequestDigest) != 32 || s.Package != model.NativePackage || s.ImageVersion == 0 {
		t.Errorf("%+v", s)
	}
}

// [START-5] [T-1] A run timeout ends the run at its time, over restarts, and no code of it runs.
func TestRunTimeout(t *testing.T) {
	env := aiontest.New(t, defs(works))
	r := request(works, "x")
	r.RunTimeout = 3 * time.Hour
	res := start(t, env, r)
	s := register(t, env, ports.WorkerRegistration{})
	x := s.task(1)
	env.Advance(2 * time.Hour)
	s.Close()
	env.Restart()
	s = register(t, env, ports.WorkerRegistration{Executing: [][]byte{x.Token}})
	env.Advance(time.Hour - 1)
	if o := standing(t, env, ref(res)); !o.Status.Open() {
		t.Fatalf("early: %+v", o)
	}
	env.Advance(1)
	if o := standing(t, env, ref(res)); o.Status != model.StatusTimedOut || o.Timeout != model.TimeoutRun {
		t.Errorf("%+v", o)
	}
	if why := s.canceled(x); why != "the run has ended" {
		t.Errorf("the worker was told %q", why)
	}
	if s.complete(x, "late"); s.acked() != 1 {
		t.Error("a late result is not acknowledged")
	}
}

// Calls before Open and after Drain and Close say so.
func TestLifecycle(t *testing.T) {
	if _, err := aion.New(aion.Options{}); !fault.Has(err, fault.InvalidInput) {
		t.Error(err)
	}
	var opt aion.Options
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{echo}, Configure: func(o *aion.Options) { opt = *o }})
	e, err := aion.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Start(ctx, request(echo, "x"))
	want(t, err, fault.Starting)
	if err := e.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Open(ctx); err == nil {
		t.Error("opened twice")
	}
	if err := e.Drain(ctx); err != nil {
		t.Error(err)
	}
	_, err = e.Start(ctx, request(echo, "x"))
	want(t, err, fault.Draining)
	_, err = e.Register(ctx, ports.WorkerRegistration{})
	want(t, err, fault.Draining)
	e.Close()
	e.Close()
	_, err = e.Describe(ctx, ports.WorkflowRef{WorkflowID: "w"})
	want(t, err, fault.Draining)
	if e.Resident() != 0 {
		t.Errorf("%d runs in memory", e.Resident())
	}
	env.Wait()
}
