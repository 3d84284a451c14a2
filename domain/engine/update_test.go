package engine_test

import (
	"errors"
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
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const tooMuch = activity.Type("too_much")

var (
	add    = workflow.DefineUpdate[int, int]("Add")
	slowly = workflow.DefineUpdate[string, string]("Slowly")
	sure   = workflow.DefineUpdate[workflow.None, string]("Sure")
	total  = workflow.DefineQuery[workflow.None, int]("Total")

	// account adds what it is told to, up to 100, until it gets a Note. Slowly runs an activity.
	account = workflow.Define("Account", func(ctx workflow.Context, wait bool) (int, error) {
		sum, asked := 0, 0
		total.Handle(ctx, func(workflow.None) (int, error) { return sum, nil })
		add.HandleValidated(ctx, func(n int) error {
			asked++ // on a copy: nobody ever sees it
			if sum+n > 100 {
				return tooMuch.Errorf("%d and %d is too much", sum, n)
			}
			return nil
		}, func(_ workflow.Context, n int) (int, error) {
			if n < 0 {
				return 0, errors.New("less than nothing")
			}
			sum += n
			return sum + 1000*asked, nil
		})
		slowly.Handle(ctx, func(ctx workflow.Context, s string) (string, error) { return work.Execute(ctx, s) })
		sure.Handle(ctx, func(ctx workflow.Context, _ workflow.None) (string, error) {
			panic("not so sure")
		})
		if _, err := note.Receive(ctx); err != nil {
			return sum, err
		}
		if wait {
			if err := workflow.Await(ctx, func() bool { return workflow.UpdatesOpen(ctx) == 0 }); err != nil {
				return sum, err
			}
		}
		return sum, nil
	})
)

func updateOf(r ports.WorkflowRef, id string, u interface{ Name() string }, in any) ports.UpdateRequest {
	return ports.UpdateRequest{Ref: r, ID: model.UpdateID(id), Name: model.UpdateName(u.Name()), Input: payload(in)}
}

func update(env *aiontest.Env, r ports.WorkflowRef, id string, u interface{ Name() string }, in any) (ports.UpdateStatus, error) {
	return env.Engine().Update(ctx, updateOf(r, id, u, in))
}

// sum reads the result of an Add.
func sumOf(t testing.TB, s ports.UpdateStatus) int {
	t.Helper()
	if s.Stage != ports.UpdateCompleted || s.Failure != nil {
		t.Fatalf("got %+v %+v", s, s.Failure)
	}
	n, err := add.DecodeResult(workflow.Payload(s.Result))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// [D-4] [UPD-1] An update is validated, accepted, and completed with a result or an error of its own; on every store, over restarts and parking.
func TestUpdate(t *testing.T) {
	for _, resident := range []int64{0, 1} {
		everyStore(t, func(t *testing.T, use func(*aion.Options)) {
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{account}, Configure: func(o *aion.Options) { use(o); o.ResidentBytes = resident }})
			r := ref(start(t, env, request(account, false)))
			for i := range 4 {
				s, err := update(env, r, fmt.Sprint(i), add, 10)
				if err != nil || sumOf(t, s) != 10*(i+1) || s.Run != r.Run {
					t.Fatalf("%+v, %v", s, err)
				}
				if i == 1 {
					env.Restart()
				}
			}
			s, err := update(env, r, "less", add, -1)
			if err != nil || s.Stage != ports.UpdateCompleted || s.Failure == nil || s.Failure.Message != "less than nothing" {
				t.Errorf("%+v, %v", s, err)
			}
			env.Restart()
			for i := range 4 {
				s, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: model.UpdateID(fmt.Sprint(i))})
				if err != nil || sumOf(t, s) != 10*(i+1) {
					t.Errorf("%+v, %v", s, err)
				}
			}
			if err := signal(env, r, "end", ""); err != nil {
				t.Error(err)
			}
			if o := standing(t, env, r); string(o.Result.Data) != "40" {
				t.Errorf("%+v", o)
			}
			// After the end it is still known, and nothing new is accepted.
			if s, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "3"}); err != nil || sumOf(t, s) != 40 {
				t.Errorf("%+v, %v", s, err)
			}
			if s, err := update(env, ports.WorkflowRef{WorkflowID: r.WorkflowID}, "3", add, 10); err != nil || sumOf(t, s) != 40 {
				t.Errorf("%+v, %v", s, err)
			}
			_, err = update(env, r, "late", add, 1)
			want(t, err, fault.NotRunning)
		})
	}
}

// [D-4] [UPD-2] A rejected update leaves no event, and what its validator does to the workflow's variables is thrown away.
func TestUpdateRejected(t *testing.T) {
	env := aiontest.New(t, defs(account))
	r := ref(start(t, env, request(account, false)))
	if _, err := update(env, r, "a", add, 60); err != nil {
		t.Fatal(err)
	}
	before := kinds(t, env, r)
	for range 2 {
		_, err := update(env, r, "b", add, 50)
		want(t, err, fault.UpdateRejected, "60 and 50 is too much")
		var f *fault.Error
		if errors.As(err, &f); f.Metadata["failure_type"] != string(tooMuch) {
			t.Errorf("%+v", f)
		}
	}
	_, err := update(env, r, "c", workflow.DefineQuery[int, int]("Nothing"), 50)
	want(t, err, fault.UpdateRejected, `no update "Nothing"`, "handled are: Add, Slowly, Sure")
	_, err = update(env, r, "d", add, "text")
	want(t, err, fault.UpdateRejected, "input of update Add")
	if after := kinds(t, env, r); after != before {
		t.Errorf("%s\nbefore %s", after, before)
	}
	_, err = env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "b"})
	want(t, err, fault.NotFound, "rejected")
	if s, err := update(env, r, "b", add, 40); err != nil || sumOf(t, s) != 100 {
		t.Errorf("the ID of a rejected update is free: %+v, %v", s, err)
	}
}

// [UPD-3] An update counts once for its UpdateID: in a burst, after a restart, after the end of the run; another one with the ID is refused.
func TestUpdateOncePerID(t *testing.T) {
	env := aiontest.New(t, defs(account))
	r := ref(start(t, env, request(account, false)))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if s, err := update(env, r, "a", add, 7); err != nil || sumOf(t, s) != 7 {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
	all.Wait()
	env.Restart()
	if s, err := update(env, r, "a", add, 7); err != nil || sumOf(t, s) != 7 {
		t.Errorf("%+v, %v", s, err)
	}
	_, err := update(env, r, "a", add, 8)
	want(t, err, fault.RequestIDReused, `"a"`)
	if n := len(find[*history.UpdateAccepted](t, env, r)); n != 1 {
		t.Errorf("%d accepted", n)
	}
	env.Advance(48 * time.Hour) // longer than request IDs are kept
	if s, err := update(env, r, "a", add, 7); err != nil || sumOf(t, s) != 7 {
		t.Errorf("in its run an ID is never used again: %+v, %v", s, err)
	}
	if s, err := update(env, r, "", add, 1); err != nil || sumOf(t, s) != 8 || s.ID == "" {
		t.Errorf("an ID is minted: %+v, %v", s, err)
	}
}

// [UPD-4] [O-3] A caller waits for the completion; the run may be parked and the caller may ask again.
func TestUpdateWaits(t *testing.T) {
	for _, resident := range []int64{0, 1} {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{account}, Configure: func(o *aion.Options) { o.ResidentBytes = resident }})
		w := register(t, env, ports.WorkerRegistration{Slots: 10})
		r := ref(start(t, env, request(account, false)))
		answers := make(chan ports.UpdateStatus, 3)
		ask := func(f func() (ports.UpdateStatus, error)) {
			go func() {
				s, err := f()
				if err != nil {
					t.Error(err)
				}
				answers <- s
			}()
		}
		if s, err := update(env, r, "u", slowly, "x"); err != nil || s.Stage != ports.UpdateAccepted {
			t.Fatalf("%+v, %v", s, err)
		}
		long := updateOf(r, "u", slowly, "x")
		long.Wait = time.Hour
		ask(func() (ports.UpdateStatus, error) { return env.Engine().Update(ctx, long) })
		ask(func() (ports.UpdateStatus, error) {
			return env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "u", Wait: time.Hour})
		})
		for env.Engine().WaitingForUpdates() < 2 {
			env.Wait()
		}
		if d, err := env.Engine().Describe(ctx, r); err != nil || len(d.Updates) != 1 || d.Updates[0].ID != "u" || d.Updates[0].Name != "Slowly" {
			t.Errorf("%+v, %v", d, err)
		}
		w.complete(w.task(1), "done")
		for range 2 {
			if s := <-answers; s.Stage != ports.UpdateCompleted || string(s.Result.Data) != `"done"` {
				t.Errorf("%+v", s)
			}
		}
		if s, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "u", Wait: time.Hour}); err != nil || string(s.Result.Data) != `"done"` {
			t.Errorf("%+v, %v", s, err)
		}
		// The time is over first.
		if s, err := update(env, r, "v", slowly, "y"); err != nil || s.Stage != ports.UpdateAccepted {
			t.Fatalf("%+v, %v", s, err)
		}
		ask(func() (ports.UpdateStatus, error) {
			return env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "v", Wait: time.Minute})
		})
		for waits := true; waits; {
			select {
			case s := <-answers:
				if waits = false; s.Stage != ports.UpdateAccepted {
					t.Errorf("%+v", s)
				}
			default:
				env.Advance(time.Minute)
			}
		}
		if n := env.Engine().WaitingForUpdates(); n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	}
}

// [D-4] [UPD-5] Closing a run completes its open updates in the same append: by its code, by its deadline, by an operator.
func TestUpdatesOfAClosedRun(t *testing.T) {
	for name, end := range map[string]func(env *aiontest.Env, r ports.WorkflowRef) error{
		"completed": func(env *aiontest.Env, r ports.WorkflowRef) error { return signal(env, r, "end", "") },
		"terminated": func(env *aiontest.Env, r ports.WorkflowRef) error {
			_, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r})
			return err
		},
		"timed out": func(env *aiontest.Env, r ports.WorkflowRef) error { env.Advance(2 * time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			env := aiontest.New(t, defs(account))
			sr := request(account, false)
			sr.RunTimeout = time.Hour
			r := ref(start(t, env, sr))
			for _, id := range []string{"b", "a"} {
				if _, err := update(env, r, id, slowly, "x"); err != nil {
					t.Fatal(err)
				}
			}
			if err := end(env, r); err != nil {
				t.Fatal(err)
			}
			env.Wait()
			es := events(t, env, r)
			n := len(es)
			b, a := es[n-3].Attr.(*history.UpdateCompleted), es[n-2].Attr.(*history.UpdateCompleted)
			if b.ID != "b" || a.ID != "a" || a.Failure.Type != model.FailureRunClosed || !es[n-1].Kind().Closing() || es[n-3].Time != es[n-1].Time {
				t.Errorf("%s", kinds(t, env, r))
			}
			env.Restart()
			if s, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "a"}); err != nil || s.Failure.Type != model.FailureRunClosed {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// [UPD-5] A workflow can wait for its open updates before it ends.
func TestUpdatesEndFirst(t *testing.T) {
	env := aiontest.New(t, defs(account))
	w := register(t, env, ports.WorkerRegistration{})
	r := ref(start(t, env, request(account, true)))
	if _, err := update(env, r, "u", slowly, "x"); err != nil {
		t.Fatal(err)
	}
	if err := signal(env, r, "end", ""); err != nil {
		t.Fatal(err)
	}
	if o := standing(t, env, r); !o.Status.Open() {
		t.Errorf("%+v", o)
	}
	w.complete(w.task(1), "done")
	if got := kinds(t, env, r); !strings.HasSuffix(got, "ActivityCompleted Activated UpdateCompleted Completed") {
		t.Error(got)
	}
}

// [D-4] [D-10] [UPD-6] A Blocked run answers updates with what blocks it; one that was accepted waits, and its caller is told.
func TestUpdateOfABlockedRun(t *testing.T) {
	env := aiontest.New(t, defs(account))
	r := ref(start(t, env, request(account, false)))
	if _, err := update(env, r, "u", slowly, "x"); err != nil {
		t.Fatal(err)
	}
	s, err := update(env, r, "p", sure, nil) // its handler panics
	if err != nil || s.Stage != ports.UpdateAccepted || s.Blocked == nil || s.Blocked.What != "panic" {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "u", Wait: time.Hour})
	if err != nil || s.Stage != ports.UpdateAccepted || s.Blocked == nil {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = update(env, r, "q", add, 1)
	want(t, err, fault.Blocked, "cannot accept updates", "not so sure", "unblock")
	env.Restart()
	_, err = update(env, r, "q", add, 1)
	want(t, err, fault.Blocked)
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
		t.Fatal(err)
	}
	if s, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r, ID: "u", Wait: time.Hour}); err != nil || s.Failure.Type != model.FailureRunClosed {
		t.Errorf("%+v, %v", s, err)
	}
}

// [B-1] [UPD-7] A run has a bounded number of open updates.
func TestOpenUpdatesQuota(t *testing.T) {
	env := aiontest.New(t, defs(account))
	r := ref(start(t, env, request(account, false)))
	n := 0
	var err error
	for ; n < 1000 && err == nil; n++ {
		_, err = update(env, r, fmt.Sprint(n), slowly, "x")
	}
	want(t, err, fault.QuotaExceeded, "256")
	if n != 257 {
		t.Errorf("%d", n)
	}
}

// [D-4] Updates are validated one at a time, each after everything recorded before was activated: what many send at once never oversteps
// what a validator allows.
func TestUpdatesAreValidatedInTurn(t *testing.T) {
	env := aiontest.New(t, defs(account))
	r := ref(start(t, env, request(account, false)))
	var all sync.WaitGroup
	var mu sync.Mutex
	var sums []int
	for i := range 40 {
		all.Go(func() {
			if i%4 == 0 {
				_, _ = env.Engine().Cancel(ctx, ports.EndRequest{Ref: ports.WorkflowRef{WorkflowID: "nobody"}})
			}
			s, err := update(env, r, fmt.Sprint(i), add, 7)
			if fault.Has(err, fault.UpdateRejected) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			sums = append(sums, sumOf(t, s))
			mu.Unlock()
		})
	}
	all.Wait()
	slices.Sort(sums)
	if len(sums) != 14 || sums[13] != 98 {
		t.Errorf("%v", sums)
	}
}

// What cannot be updated says why.
func TestUpdateRefuses(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{account}, Configure: func(o *aion.Options) { o.Limits.PayloadBytes = 100 }})
	r := ref(start(t, env, request(account, false)))
	for name, c := range map[string]struct {
		change func(r *ports.UpdateRequest)
		reason fault.Reason
	}{
		"no such workflow":  {func(r *ports.UpdateRequest) { r.Ref = ports.WorkflowRef{WorkflowID: "x"} }, fault.NotFound},
		"no such run":       {func(r *ports.UpdateRequest) { r.Ref.Run = "0198c0de-0000-7000-8000-000000000001" }, fault.NotFound},
		"no such namespace": {func(r *ports.UpdateRequest) { r.Ref.Namespace = "x" }, fault.NotFound},
		"no name":           {func(r *ports.UpdateRequest) { r.Name = "" }, fault.InvalidInput},
		"long ID":           {func(r *ports.UpdateRequest) { r.ID = model.UpdateID(strings.Repeat("u", 129)) }, fault.InvalidInput},
		"control character": {func(r *ports.UpdateRequest) { r.ID = "\x00" }, fault.InvalidInput},
		"large input":       {func(r *ports.UpdateRequest) { r.Input.Data = make([]byte, 101) }, fault.PayloadTooLarge},
		"negative wait":     {func(r *ports.UpdateRequest) { r.Wait = -1 }, fault.InvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			u := updateOf(r, "u", add, 1)
			c.change(&u)
			_, err := env.Engine().Update(ctx, u)
			want(t, err, c.reason)
		})
	}
	_, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: r})
	want(t, err, fault.InvalidInput)
	_, err = env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: ports.WorkflowRef{WorkflowID: "x"}, ID: "u"})
	want(t, err, fault.NotFound)
}

// [UPD-8] Update-with-start: the open run accepts the update, or one is started and accepts it; a repetition finds both.
func TestUpdateWithStart(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(*aion.Options)) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{account}, Configure: use})
		ask := func(id string, n int, change func(r *ports.UpdateStartRequest)) (ports.UpdateStartResult, error) {
			r := ports.UpdateStartRequest{Start: request(account, false), ID: model.UpdateID(id), Name: "Add", Input: payload(n)}
			r.Start.WorkflowID, r.Start.RequestID = "w", model.RequestID(id)
			if change != nil {
				change(&r)
			}
			return env.Engine().UpdateWithStart(ctx, r)
		}
		first, err := ask("a", 5, nil)
		if err != nil || !first.Start.Started || sumOf(t, first.Update) != 5 || first.Start.Run != first.Update.Run {
			t.Fatalf("%+v, %v", first, err)
		}
		env.Restart()
		if again, err := ask("a", 5, nil); err != nil || again.Start.Started || again.Start.Run != first.Start.Run || sumOf(t, again.Update) != 5 {
			t.Errorf("%+v, %v", again, err)
		}
		if second, err := ask("b", 5, nil); err != nil || second.Start.Started || sumOf(t, second.Update) != 10 {
			t.Errorf("%+v, %v", second, err)
		}
		_, err = ask("c", 1, func(r *ports.UpdateStartRequest) { r.Start.Conflict = ports.ConflictFail })
		want(t, err, fault.AlreadyExists)
		_, err = ask("d", 1, func(r *ports.UpdateStartRequest) { r.Start.WorkflowID = "" })
		want(t, err, fault.InvalidInput)
		next, err := ask("e", 1, func(r *ports.UpdateStartRequest) { r.Start.Conflict = ports.ConflictTerminateExisting })
		if err != nil || !next.Start.Started || sumOf(t, next.Update) != 1 {
			t.Errorf("%+v, %v", next, err)
		}
		if s, err := env.Engine().GetUpdate(ctx, ports.GetUpdateRequest{Ref: ports.WorkflowRef{WorkflowID: "w"}, ID: "b"}); err != nil || sumOf(t, s) != 10 {
			t.Errorf("an update of an earlier run of the chain: %+v, %v", s, err)
		}
		// A rejected one leaves the run that was started for it.
		_, err = ask("f", 1000, func(r *ports.UpdateStartRequest) { r.Start.WorkflowID = "v" })
		want(t, err, fault.UpdateRejected)
		var f *fault.Error
		o := standing(t, env, ports.WorkflowRef{WorkflowID: "v"})
		if errors.As(err, &f); !o.Status.Open() || f.Metadata["started_run_id"] != string(o.Run) {
			t.Errorf("%+v, %+v", o, f)
		}
	})
}

// rolling runs Slowly until a Note comes, and then continues as new.
var rolling workflow.Workflow[int, int]

func init() {
	rolling = workflow.Define("Rolling", func(ctx workflow.Context, n int) (int, error) {
		slowly.Handle(ctx, func(ctx workflow.Context, s string) (string, error) { return work.Execute(ctx, s) })
		add.Handle(ctx, func(_ workflow.Context, m int) (int, error) { return n + m, nil })
		if _, err := note.Receive(ctx); err != nil {
			return n, err
		}
		return n, rolling.ContinueAsNew(ctx, n+1)
	})
}

// [M-4] [UPD-3] [UPD-5] An update that is open when its run continues as new ends with aion.run_continued; its ID stays taken in the chain, and the
// new run accepts others.
func TestUpdateOfAContinuedRun(t *testing.T) {
	env := aiontest.New(t, defs(rolling))
	first := start(t, env, request(rolling, 100))
	chain := ports.WorkflowRef{WorkflowID: first.WorkflowID}
	if s, err := update(env, chain, "u", slowly, "x"); err != nil || s.Stage != ports.UpdateAccepted {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := signal(env, chain, "go", ""); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	env.Restart()
	for range 2 {
		if s, err := update(env, chain, "u", slowly, "x"); err != nil || s.Run != first.Run || s.Failure == nil || s.Failure.Type != model.FailureRunContinued {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if s, err := update(env, chain, "v", add, 5); err != nil || sumOf(t, s) != 106 || s.Run == first.Run {
		t.Errorf("%+v, %v", s, err)
	}
}
