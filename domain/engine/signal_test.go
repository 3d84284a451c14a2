package engine_test

import (
	"fmt"
	"slices"
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

// [SIG-1] Signals are delivered in recorded order, also those that come before the code receives them, over restarts and parking.
func TestSignalsInOrder(t *testing.T) {
	late := workflow.Define("Late", func(ctx workflow.Context, n int) ([]string, error) {
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return nil, err
		}
		var got []string
		for range n {
			s, err := note.Receive(ctx)
			if err != nil {
				return got, err
			}
			got = append(got, s)
		}
		return got, nil
	})
	for _, resident := range []int64{0, 1} {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen, late}, Configure: func(o *aion.Options) { o.ResidentBytes = resident }})
		for _, w := range []workflow.Workflow[int, []string]{listen, late} {
			r := ref(start(t, env, request(w, 40)))
			for i := range 40 {
				if err := signal(env, r, fmt.Sprint(i), ""); err != nil {
					t.Fatal(err)
				}
				if i%10 == 3 {
					env.Restart()
				}
			}
			env.Advance(2 * time.Hour)
			o := standing(t, env, r)
			var got, sent []string
			for i := range 40 {
				sent = append(sent, fmt.Sprint(i))
			}
			if got, _ = w.DecodeResult(workflow.Payload(o.Result)); !slices.Equal(got, sent) {
				t.Errorf("%s: %v %v", w.Name(), o.Status, got)
			}
		}
	}
}

// What many send at the same time is received in the order in which it is recorded, all of it once.
func TestConcurrentSignals(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := ref(start(t, env, request(listen, 300)))
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			if err := signal(env, r, fmt.Sprint(i), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	o := standing(t, env, r)
	got, _ := listen.DecodeResult(workflow.Payload(o.Result))
	var recorded []string
	for _, s := range find[*history.SignalReceived](t, env, r) {
		recorded = append(recorded, strings.Trim(string(s.Input.Data), `"`))
	}
	if !slices.Equal(got, recorded) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 300 {
		t.Errorf("received %d, recorded %d", len(got), len(recorded))
	}
}

// [SIG-2] [SIG-3] [M-2] A signal counts once for its RequestID: in a burst, later, after a restart, after the end of the run; not for another signal.
func TestSignalOncePerRequest(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	sr := request(listen, 2)
	sr.RequestID = "start"
	r := ref(start(t, env, sr))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := signal(env, r, "a", "r1"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	env.Restart()
	if err := signal(env, r, "a", "r1"); err != nil {
		t.Error(err)
	}
	want(t, signal(env, r, "b", "r1"), fault.RequestIDReused, `"r1"`)
	want(t, signal(env, r, "b", "start"), fault.RequestIDReused)
	if got, _ := listing(t, env, r); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("got %v", got)
	}
	if err := signal(env, r, "b", "r2"); err != nil {
		t.Error(err)
	}
	if err := signal(env, r, "b", "r2"); err != nil {
		t.Errorf("repeated when the run has closed: %v", err)
	}
	want(t, signal(env, r, "c", "r3"), fault.NotRunning, "Completed")
	env.Advance(25 * time.Hour)
	want(t, signal(env, r, "b", "r2"), fault.NotRunning)
}

// [ID-1] What cannot be signalled says why.
func TestSignalRefuses(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}, Configure: func(o *aion.Options) { o.Limits.PayloadBytes = 100 }})
	r := request(listen, 5)
	r.WorkflowID = "w"
	old := start(t, env, r)
	r.Conflict = ports.ConflictTerminateExisting
	start(t, env, r)
	other := start(t, env, request(listen, 5))
	ok := ports.SignalRequest{Ref: ports.WorkflowRef{WorkflowID: "w"}, Name: "Note"}
	for name, c := range map[string]struct {
		change func(r *ports.SignalRequest)
		reason fault.Reason
	}{
		"no such workflow":    {func(r *ports.SignalRequest) { r.Ref.WorkflowID = "x" }, fault.NotFound},
		"no such run":         {func(r *ports.SignalRequest) { r.Ref.Run = "0198c0de-0000-7000-8000-000000000001" }, fault.NotFound},
		"a run of another":    {func(r *ports.SignalRequest) { r.Ref.Run = other.Run }, fault.NotFound},
		"an old run":          {func(r *ports.SignalRequest) { r.Ref.Run = old.Run }, fault.NotRunning},
		"no such namespace":   {func(r *ports.SignalRequest) { r.Ref.Namespace = "x" }, fault.NotFound},
		"no workflow ID":      {func(r *ports.SignalRequest) { r.Ref.WorkflowID = "" }, fault.InvalidInput},
		"bad run ID":          {func(r *ports.SignalRequest) { r.Ref.Run = "\x00" }, fault.InvalidInput},
		"no name":             {func(r *ports.SignalRequest) { r.Name = "" }, fault.InvalidInput},
		"long request":        {func(r *ports.SignalRequest) { r.RequestID = model.RequestID(strings.Repeat("r", 129)) }, fault.InvalidInput},
		"large input":         {func(r *ports.SignalRequest) { r.Input.Data = make([]byte, 101) }, fault.PayloadTooLarge},
		"large input, hinted": {func(r *ports.SignalRequest) { r.Input.Data = make([]byte, 101) }, fault.PayloadTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			r := ok
			c.change(&r)
			_, err := env.Engine().Signal(ctx, r)
			want(t, err, c.reason)
		})
	}
}

// [B-1] What a blocked run has not taken is bounded; nothing is lost of what was accepted.
func TestBacklogQuota(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{stuck}, Configure: func(o *aion.Options) { o.Limits.BacklogEvents = 5 }})
	r := ref(start(t, env, request(stuck, nil)))
	n := 0
	var err error
	for ; n < 20 && err == nil; n++ {
		err = signal(env, r, "x", "")
	}
	want(t, err, fault.QuotaExceeded, "unblock")
	if d, e := env.Engine().Describe(ctx, r); e != nil || d.Undelivered != 5 || len(find[*history.SignalReceived](t, env, r)) != n-1 {
		t.Errorf("%+v, %v", d, e)
	}
	env = aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{stuck}, Configure: func(o *aion.Options) { o.Limits.BacklogBytes = 1000 }})
	r = ref(start(t, env, request(stuck, nil)))
	if err := signal(env, r, strings.Repeat("x", 1200), ""); err != nil {
		t.Error(err)
	}
	want(t, signal(env, r, "x", ""), fault.QuotaExceeded)
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
		t.Errorf("deadlines and terminate work in a blocked run: %v", err)
	}
}

// stuck panics in its first activation.
var stuck = workflow.Define("Stuck", func(workflow.Context, workflow.None) (workflow.None, error) { panic("stuck") })

// [C-3] [C-5] A burst of messages makes as many activations and steps as it takes, and never blocks a healthy run.
func TestBurst(t *testing.T) {
	fan := workflow.Define("Fan", func(ctx workflow.Context, n int) (int, error) {
		for i := range n {
			if _, err := note.Receive(ctx); err != nil {
				return i, err
			}
			workflow.NewTimer(ctx, time.Hour) // two events for each message
		}
		return n, nil
	})
	const n = 6000
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{fan}, Configure: func(o *aion.Options) { o.Limits.StepEvents = 2000 }})
	r := ref(start(t, env, request(fan, n)))
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := signal(env, r, "x", ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	env.Wait()
	if o := standing(t, env, r); o.Status != model.StatusCompleted {
		t.Errorf("%+v", o)
	}
	through := model.Seq(0)
	es := events(t, env, r)
	for _, e := range es {
		a, ok := e.Attr.(*history.Activated)
		if !ok {
			continue
		}
		given := 0
		for _, x := range es[through:a.Through] {
			if x.Kind().Delivered() {
				given++
			}
		}
		if given > 256 {
			t.Errorf("an activation was given %d events", given)
		}
		through = a.Through
	}
}

// [QRY-1] [QRY-2] A query asks a copy: it answers from the last step and changes nothing.
func TestQuery(t *testing.T) {
	ask := workflow.DefineQuery[int, int]("Add")
	bad := workflow.DefineQuery[workflow.None, int]("Bad")
	counting := workflow.Define("Counting", func(ctx workflow.Context, n int) (int, error) {
		calls := 0
		ask.Handle(ctx, func(m int) (int, error) { calls++; return n + m + calls*1000, nil })
		bad.Handle(ctx, func(workflow.None) (int, error) { return 0, fmt.Errorf("no number") })
		if _, err := note.Receive(ctx); err != nil {
			return 0, err
		}
		return calls, nil
	})
	query := func(env *aiontest.Env, r ports.WorkflowRef, name string, in any) (string, ports.QueryResult, error) {
		res, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: r, Name: model.QueryName(name), Input: payload(in)})
		return string(res.Output.Data), res, err
	}
	for _, resident := range []int64{0, 1} {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{counting, stuck}, Configure: func(o *aion.Options) { o.ResidentBytes = resident; o.Limits.PayloadBytes = 1000 }})
		r := ref(start(t, env, request(counting, 5)))
		before := kinds(t, env, r)
		for range 3 {
			if got, res, err := query(env, r, "Add", 2); err != nil || got != "1007" || res.Run != r.Run || res.AsOf != 2 {
				t.Fatalf("%s, %+v, %v", got, res, err)
			}
		}
		_, _, err := query(env, r, "Sub", 1)
		want(t, err, fault.UnknownQuery, "handled are: Add, Bad")
		_, _, err = query(env, r, "Bad", nil)
		want(t, err, fault.QueryFailed, "no number")
		_, _, err = query(env, r, "Add", "x")
		want(t, err, fault.QueryFailed, "input of query Add")
		_, _, err = query(env, r, "", 1)
		want(t, err, fault.InvalidInput)
		_, _, err = query(env, r, "Add", strings.Repeat("x", 1001))
		want(t, err, fault.PayloadTooLarge)
		_, _, err = query(env, ports.WorkflowRef{WorkflowID: "none"}, "Add", 1)
		want(t, err, fault.NotFound)
		if after := kinds(t, env, r); after != before {
			t.Errorf("%s, then %s", before, after)
		}
		if err := signal(env, r, "x", ""); err != nil {
			t.Fatal(err)
		}
		if o := standing(t, env, r); string(o.Result.Data) != "0" {
			t.Errorf("the queries changed the run: %s", o.Result.Data)
		}
		// A closed run answers too, by its ID or as the chain's last run.
		for _, x := range []ports.WorkflowRef{r, {WorkflowID: r.WorkflowID}} {
			if got, res, err := query(env, x, "Add", 2); err != nil || got != "1007" || int(res.AsOf) != len(events(t, env, r)) {
				t.Errorf("closed: %s, %+v, %v", got, res, err)
			}
		}
		// A run whose code has come nowhere has nothing to answer with.
		b := ref(start(t, env, request(stuck, nil)))
		_, _, err = query(env, b, "Add", 1)
		want(t, err, fault.Blocked, "stuck")
	}
}

// [QRY-2] [D-8] A blocked run answers from the last boundary that replays.
func TestQueryBlocked(t *testing.T) {
	fragile := workflow.Define("Fragile", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		var got []string
		notes.Handle(ctx, func(workflow.None) ([]string, error) { return got, nil })
		for {
			s, err := note.Receive(ctx)
			if err != nil || s == "bad" {
				panic("bad")
			}
			got = append(got, s)
		}
	})
	env := aiontest.New(t, defs(fragile))
	r := ref(start(t, env, request(fragile, nil)))
	for _, s := range []string{"a", "b", "bad", "c"} {
		if err := signal(env, r, s, ""); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		got, res := listing(t, env, r)
		boundary := model.Seq(0)
		for _, e := range events(t, env, r) {
			if e.Kind() == history.KindActivated {
				boundary = e.Seq
			}
		}
		if !slices.Equal(got, []string{"a", "b"}) || res.AsOf != boundary {
			t.Errorf("%v as of %d, the last boundary is %d", got, res.AsOf, boundary)
		}
		env.Restart()
	}
}

// [QRY-1] A query that is not answered in time says so, by the engine's clock.
func TestQueryTimeout(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	slow := workflow.DefineQuery[workflow.None, int]("Slow")
	w := workflow.Define("SlowOne", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		slow.Handle(ctx, func(workflow.None) (int, error) {
			close(entered)
			<-release
			return 1, nil
		})
		_, err := note.Receive(ctx)
		return workflow.None{}, err
	})
	env := aiontest.New(t, defs(w))
	r := ref(start(t, env, request(w, nil)))
	done := make(chan error)
	go func() {
		_, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: r, Name: "Slow"})
		done <- err
	}()
	<-entered
	env.Advance(10 * time.Second)
	close(release) // the native runtime cannot be interrupted
	want(t, <-done, fault.QueryTimeout, "engine.query_timeout")
}
