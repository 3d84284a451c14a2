package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// looper receives two notes and continues as new with one fewer to go; the last run gives what all of them heard. Between two it sleeps, and leaves a
// timer and an activity behind.
var looper workflow.Workflow[loop, loop]

type loop struct {
	Left  int
	Heard []string
}

func init() {
	looper = workflow.Define("Looper", func(ctx workflow.Context, in loop) (loop, error) {
		notes.Handle(ctx, func(workflow.None) ([]string, error) { return in.Heard, nil })
		for range 2 {
			s, err := note.Receive(ctx)
			if err != nil {
				return in, err
			}
			in.Heard = append(in.Heard, s)
		}
		if in.Left == 0 {
			return in, nil
		}
		in.Left--
		workflow.NewTimer(ctx, time.Hour)
		work.Start(ctx, "left behind")
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return in, err
		}
		return in, looper.ContinueAsNew(ctx, in)
	})
}

// runsOf lists the runs of a chain, the first one first.
func runsOf(t testing.TB, env *aiontest.Env, id model.WorkflowID) []ports.Run {
	t.Helper()
	runs, _, err := env.Engine().List(ctx, ports.ListQuery{WorkflowID: id})
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(runs)-1; i < j; i, j = i+1, j-1 {
		runs[i], runs[j] = runs[j], runs[i]
	}
	return runs
}

// [M-4] [CAN-1] [CAN-2] A run continues as new in one append: the chain is one workflow ID, what it waited for ends with the run, signals that it did not
// receive begin the new one in order, and who waits for the result gets the last one's. Whatever becomes of the commits and the process.
func TestContinueAsNew(t *testing.T) {
	for _, h := range []how{fine, unavailable, conflict, unknownYes, lostAnswer} {
		t.Run(fmt.Sprint(h), func(t *testing.T) {
			env, f := withFaults(t, nil, looper)
			n := 0
			f.set(func(*ports.Append) how {
				if n++; n > 1 && n%2 == 0 {
					return h
				}
				return fine
			}, nil)
			r := start(t, env, ports.StartRequest{WorkflowID: "l", Type: "Looper", Input: payload(loop{Left: 2}), RequestID: "once"})
			chain := ports.WorkflowRef{WorkflowID: "l"}
			for i := range 6 {
				for signal(env, chain, fmt.Sprint(i), model.RequestID(fmt.Sprint("n", i))) != nil {
				}
				if i == 4 && h == fine {
					env.Restart()
				}
			}
			waited := make(chan ports.Outcome, 1)
			if h == fine {
				go func() {
					o, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: chain, Wait: time.Hour})
					if err != nil {
						t.Error(err)
					}
					waited <- o
				}()
				env.Wait()
			}
			for range 4 {
				env.Advance(time.Minute + time.Second)
				if h == unavailable {
					env.Restart()
				}
			}
			runs := runsOf(t, env, "l")
			if len(runs) != 3 || runs[0].ID != r.Run || runs[0].Status != model.StatusContinuedAsNew || runs[2].Status != model.StatusCompleted {
				t.Fatalf("%+v", runs)
			}
			if o := standing(t, env, chain); string(o.Result.Data) != `{"Left":0,"Heard":["0","1","2","3","4","5"]}` {
				t.Errorf("%s", o.Result.Data)
			}
			if h == fine {
				if o := <-waited; o.Run != runs[2].ID || o.Status != model.StatusCompleted {
					t.Errorf("%+v", o)
				}
			}
			if o := standing(t, env, ref(r)); o.Status != model.StatusContinuedAsNew {
				t.Errorf("%+v", o)
			}
			second := ports.WorkflowRef{WorkflowID: "l", Run: runs[1].ID}
			if k := kinds(t, env, second); !strings.HasPrefix(k, "Started SignalReceived SignalReceived") || !strings.HasSuffix(k, "ContinuedAsNew") {
				t.Error(k)
			}
			s := find[*history.Started](t, env, second)[0]
			if s.ContinuedRun != r.Run || s.FirstRun != r.Run || find[*history.Started](t, env, ports.WorkflowRef{WorkflowID: "l", Run: runs[2].ID})[0].FirstRun != r.Run {
				t.Errorf("%+v", s)
			}
			f.set(nil, nil)
			// The request that started the chain is still known: it starts nothing more.
			again := start(t, env, ports.StartRequest{WorkflowID: "l", Type: "Looper", Input: payload(loop{Left: 2}), RequestID: "once"})
			if again.Started || again.Run != r.Run {
				t.Errorf("%+v", again)
			}
			if q, err := env.Engine().TaskQueues(ctx, ""); h < unknown && (err != nil || len(q) > 0 && q[0].Buffered > 0) {
				t.Errorf("left behind: %+v %v", q, err)
			}
			if c, err := env.Engine().Count(ctx, ""); err != nil || fmt.Sprint(c) != "[{default Looper Completed 1} {default Looper ContinuedAsNew 2}]" {
				t.Errorf("%v %v", c, err)
			}
		})
	}
}

// [M-4] A call that started the run and waits, and one that asked for the run alone: the first follows the chain, the other does not.
func TestWaitersOfContinuedRun(t *testing.T) {
	env := aiontest.New(t, defs(looper))
	type answer struct {
		o   ports.Outcome
		err error
	}
	begun, alone := make(chan answer, 1), make(chan answer, 1)
	go func() {
		res, err := env.Engine().Start(ctx, ports.StartRequest{WorkflowID: "l", Type: "Looper", Input: payload(loop{Left: 1}), Wait: time.Hour})
		begun <- answer{*res.Outcome, err}
	}()
	for len(runsOf(t, env, "l")) == 0 {
		env.Wait()
	}
	first := runsOf(t, env, "l")[0].ID
	go func() {
		o, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: "l", Run: first}, Wait: time.Hour})
		alone <- answer{o, err}
	}()
	for i := range 4 {
		if err := signal(env, ports.WorkflowRef{WorkflowID: "l"}, fmt.Sprint(i), ""); err != nil {
			t.Fatal(err)
		}
	}
	env.Advance(2 * time.Minute)
	if a := <-alone; a.err != nil || a.o.Status != model.StatusContinuedAsNew || a.o.Run != first {
		t.Errorf("%+v", a)
	}
	if a := <-begun; a.err != nil || a.o.Status != model.StatusCompleted || a.o.Run == first {
		t.Errorf("%+v", a)
	}
}

// [M-4] What was recorded and not given to the code, signals and a cancel request, is in the new run; what the code was given and dropped is not.
func TestContinueWithUndelivered(t *testing.T) {
	quick := workflow.Define("Quick", func(ctx workflow.Context, n int) ([]string, error) { return nil, nil })
	var again workflow.Workflow[int, []string]
	again = workflow.Define("Again", func(ctx workflow.Context, n int) ([]string, error) {
		if n > 0 {
			if _, err := note.Receive(ctx); err != nil {
				return nil, err
			}
			return nil, again.ContinueAsNew(ctx, n-1)
		}
		var got []string
		for {
			s, err := note.Receive(ctx)
			if err != nil {
				return got, nil
			}
			got = append(got, s)
		}
	})
	env := aiontest.New(t, defs(again, quick))
	r := start(t, env, ports.StartRequest{WorkflowID: "a", Type: "Again", Input: payload(1)})
	chain := ports.WorkflowRef{WorkflowID: "a"}
	if _, err := env.Engine().Pause(ctx, ports.EndRequest{Ref: chain}); err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		if err := signal(env, chain, fmt.Sprint(i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: chain}); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Engine().Resume(ctx, ports.EndRequest{Ref: chain}); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	o := standing(t, env, chain)
	if n := strings.Count(string(o.Result.Data), ","); o.Status != model.StatusCompleted || n != 598 || o.Run == r.Run {
		t.Errorf("%v %d %s", o.Status, n, o.Result.Data)
	}
	if n := len(find[*history.CancelRequested](t, env, chain)); n != 1 {
		t.Errorf("%d cancel requests", n)
	}
}

// [M-4] [B-1] [CAN-3] The code is told the length of its history, and at half of the limit that it had better continue as new. A run may go on so for ever.
func TestContinueSuggested(t *testing.T) {
	type count struct{ Runs, Steps int }
	var counter workflow.Workflow[count, count]
	counter = workflow.Define("Counter", func(ctx workflow.Context, c count) (count, error) {
		c.Runs++
		for !workflow.GetInfo(ctx).ContinueAsNewSuggested {
			if c.Steps++; c.Steps > 500 {
				return c, nil
			}
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return c, err
			}
		}
		if i := workflow.GetInfo(ctx); i.HistoryLength < 50 || i.HistoryBytes < 500 {
			panic(fmt.Sprintf("%+v", i))
		}
		return c, counter.ContinueAsNew(ctx, c, workflow.ContinueOptions{TaskQueue: "other", RunTimeout: time.Hour})
	})
	env := aiontest.New(t, aiontest.Options{Workflows: defs(counter).Workflows, Configure: func(o *aion.Options) { o.Limits.HistoryEvents = 100; o.ResidentBytes = 1 }})
	start(t, env, ports.StartRequest{WorkflowID: "c", Type: "Counter", Input: payload(count{})})
	env.Advance(time.Hour)
	o := standing(t, env, ports.WorkflowRef{WorkflowID: "c"})
	if o.Status != model.StatusCompleted || len(runsOf(t, env, "c")) < 20 {
		t.Errorf("%+v, %d runs", o, len(runsOf(t, env, "c")))
	}
	s := find[*history.Started](t, env, ports.WorkflowRef{WorkflowID: "c"})[0]
	if s.TaskQueue != "other" || s.RunTimeout != time.Hour {
		t.Errorf("%+v", s)
	}
}

// [D-10] Code that carries over what is no signal, or continues as nothing, blocks its run.
func TestContinueRefused(t *testing.T) {
	nothing := workflow.Define("", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) { return workflow.None{}, nil })
	w := workflow.Define("Astray", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		return workflow.None{}, nothing.ContinueAsNew(ctx, workflow.None{})
	})
	env := aiontest.New(t, defs(w))
	r := ref(start(t, env, request(w, nil)))
	env.Wait()
	if o := standing(t, env, r); o.Blocked == nil || !strings.Contains(o.Blocked.Message, "workflow type") {
		t.Errorf("%+v", o)
	}
}
