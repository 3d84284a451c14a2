package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const wrong activity.Type = "wrong"

// ends is a child that ends as its input says.
var ends = workflow.Define("Ends", func(ctx workflow.Context, how string) (string, error) {
	switch how {
	case "fail":
		return "", wrong.Errorf("as asked")
	case "sleep":
		return "slept", workflow.Sleep(ctx, time.Hour)
	case "stay":
		return "", workflow.Sleep(workflow.Detached(ctx), 100*24*time.Hour)
	case "again":
		return "", workflow.NamedWorkflow("Ends").ContinueAsNew(ctx, workflow.Payload(payload("done")))
	}
	return how, nil
})

// family starts children and tells how each ended.
var family = workflow.Define("Family", func(ctx workflow.Context, hows []string) ([]string, error) {
	var out []string
	var children []workflow.Child[string]
	for _, how := range hows {
		o := workflow.ChildOptions{}
		if how == "timeout" {
			how, o.RunTimeout = "sleep", time.Minute
		}
		children = append(children, ends.StartChild(ctx, how, o))
	}
	for i, c := range children {
		if hows[i] == "cancel" {
			c.Cancel()
		}
		v, err := c.Get(ctx)
		out = append(out, fmt.Sprint(v, " ", err))
		var e *workflow.ChildError
		switch hows[i] {
		case "fail":
			if !errors.Is(err, wrong) || !errors.As(err, &e) || e.RunID == "" || e.ID == "" {
				return nil, fmt.Errorf("%+v %w", e, err)
			}
		case "timeout":
			if !errors.Is(err, workflow.ErrTimeout{Kind: workflow.TimeoutKind(model.TimeoutRun)}) {
				return nil, err
			}
		}
	}
	return out, nil
})

// [M-3] [CHILD-1] [CHILD-2] A child is started once and its end is told once, however the commits and the process behave in between.
func TestChildren(t *testing.T) {
	for _, h := range []how{fine, unavailable, overloaded, conflict, unknown, unknownYes, lostAnswer} {
		for _, every := range []int{2, 3} {
			t.Run(fmt.Sprint(h, every), func(t *testing.T) {
				env, f := withFaults(t, nil, family, ends)
				n := 0
				f.set(func(*ports.Append) how {
					if n++; n > 1 && n%every != 0 && n < 60 {
						return h
					}
					return fine
				}, nil)
				r := start(t, env, ports.StartRequest{WorkflowID: "p", Type: "Family", Input: payload([]string{"ok", "fail", "timeout", "again", "sleep"})})
				for range 40 {
					env.Advance(2 * time.Second)
					if n%5 == 0 {
						env.Restart()
					}
				}
				f.set(nil, nil)
				env.Restart()
				env.Advance(2 * time.Hour)
				o := standing(t, env, ref(r))
				if want := `["ok \u003cnil\u003e"," child workflow Ends: as asked"," child workflow Ends: timed out: run","done \u003cnil\u003e","slept \u003cnil\u003e"]`; string(o.Result.Data) != want {
					t.Errorf("%+v\n%s\n%s", o, o.Result.Data, kinds(t, env, ref(r)))
				}
				if n := len(find[*history.ChildStarted](t, env, ref(r))); n != 5 {
					t.Errorf("%d children started", n)
				}
				runs, _, err := env.Engine().List(ctx, ports.ListQuery{Type: "Ends"})
				if err != nil || len(runs) != 6 {
					t.Errorf("%d runs of children, %v", len(runs), err)
				}
				if left, err := f.InboxTargets(ctx, 0, nil, 10); err != nil || len(left) > 0 {
					t.Errorf("left in inboxes: %v, %v", left, err)
				}
			})
		}
	}
}

// [M-3] A child that cannot be started says why; a terminated and a canceled one are told apart.
func TestChildEndings(t *testing.T) {
	w := workflow.Define("Parent", func(ctx workflow.Context, _ workflow.None) (string, error) {
		_, err := ends.StartChild(ctx, "ok", workflow.ChildOptions{ID: "taken"}).Started(ctx)
		if !errors.Is(err, workflow.ErrChildExists) {
			return "", fmt.Errorf("not refused: %w", err)
		}
		_, err = workflow.NamedWorkflow("Nothing").ExecuteChild(ctx, workflow.Payload{})
		var e *workflow.ChildError
		if !errors.As(err, &e) || e.Reason != "no_route" {
			return "", fmt.Errorf("not refused: %w", err)
		}
		killed := ends.StartChild(ctx, "sleep", workflow.ChildOptions{ID: "killed"})
		run, err := killed.Started(ctx)
		if err != nil || run.ID != "killed" || run.RunID == "" {
			return "", err
		}
		if _, err = killed.Get(ctx); !errors.Is(err, workflow.ErrChildTerminated) || !strings.Contains(err.Error(), "enough") {
			return "", err
		}
		canceled := ends.StartChild(ctx, "sleep")
		if run, err = canceled.Started(ctx); err != nil || !strings.HasSuffix(run.ID, "/4") {
			return run.ID, err
		}
		canceled.Cancel()
		if _, err = canceled.Get(ctx); !errors.Is(err, workflow.ErrCanceled) {
			return "", err
		}
		return "all", nil
	})
	env := aiontest.New(t, defs(w, ends))
	start(t, env, ports.StartRequest{WorkflowID: "taken", Type: "Ends", Input: payload("sleep")})
	r := ref(start(t, env, request(w, nil)))
	env.Wait()
	d, err := env.Engine().Describe(ctx, r)
	if err != nil || len(d.Children) != 1 || d.Children[0].WorkflowID != "killed" || d.Children[0].Run == "" || !strings.Contains(d.Summary, "child") {
		t.Errorf("%+v %v", d, err)
	}
	if d, err := env.Engine().Describe(ctx, ports.WorkflowRef{WorkflowID: "killed"}); err != nil || d.Parent == nil || d.Parent.Run != r.Run {
		t.Errorf("%+v %v", d.Parent, err)
	}
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: ports.WorkflowRef{WorkflowID: "killed"}, Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	if o := standing(t, env, r); string(o.Result.Data) != `"all"` {
		t.Errorf("%+v %+v", o, o.Failure)
	}
}

// [M-3] [CHILD-3] However a parent closes, each child gets its parent-close policy, and only the child itself: not who has its workflow ID by then.
func TestParentClose(t *testing.T) {
	var parent workflow.Workflow[string, string]
	parent = workflow.Define("Closing", func(ctx workflow.Context, how string) (string, error) {
		if how == "second run" {
			return "", workflow.Sleep(ctx, 24*time.Hour)
		}
		for i, p := range []workflow.ParentClosePolicy{workflow.TerminateChild, workflow.RequestChildCancel, workflow.AbandonChild} {
			if _, err := ends.StartChild(workflow.Detached(ctx), "sleep", workflow.ChildOptions{ID: fmt.Sprint(how, i), ParentClose: p}).Started(ctx); err != nil {
				return "", err
			}
		}
		ends.StartChild(ctx, "quick", workflow.ChildOptions{ID: how + "3"})
		switch how {
		case "complete":
			return "", nil
		case "fail":
			return "", wrong.Errorf("as asked")
		case "continue":
			return "", parent.ContinueAsNew(ctx, "second run")
		}
		return "", workflow.Sleep(ctx, 24*time.Hour)
	})
	for how, closed := range map[string]model.Status{"complete": model.StatusCompleted, "fail": model.StatusFailed, "continue": model.StatusContinuedAsNew, "cancel": model.StatusCanceled,
		"terminate": model.StatusTerminated, "timeout": model.StatusTimedOut} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(how, restart), func(t *testing.T) {
				env := aiontest.New(t, defs(parent, ends))
				req := ports.StartRequest{WorkflowID: "p", Type: "Closing", Input: payload(how)}
				if how == "timeout" {
					req.RunTimeout = time.Minute
				}
				r := ref(start(t, env, req))
				if restart {
					env.Restart()
				}
				env.Advance(2 * time.Second)
				switch how {
				case "cancel":
					if _, err := env.Engine().Cancel(ctx, ports.EndRequest{Ref: r}); err != nil {
						t.Fatal(err)
					}
				case "terminate":
					if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: r}); err != nil {
						t.Fatal(err)
					}
				}
				if restart {
					env.Restart()
				}
				env.Advance(2 * time.Minute)
				if o := standing(t, env, r); o.Status != closed {
					t.Errorf("the parent is %v", o.Status)
				}
				for i, want := range []model.Status{model.StatusTerminated, model.StatusCanceled, model.StatusRunning} {
					if o := standing(t, env, ports.WorkflowRef{WorkflowID: model.WorkflowID(fmt.Sprint(how, i))}); o.Status != want {
						t.Errorf("child %d is %v, want %v", i, o.Status, want)
					}
				}
				env.Advance(2 * time.Hour)
				if o := standing(t, env, ports.WorkflowRef{WorkflowID: model.WorkflowID(how + "2")}); o.Status != model.StatusCompleted {
					t.Errorf("the abandoned child is %v", o.Status)
				}
			})
		}
	}
}

// [M-3] A parent with thousands of children closes in one append; the rest of its children follows.
func TestManyChildrenOfClosedParent(t *testing.T) {
	const many = 2500
	w := workflow.Define("Many", func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		for range many {
			ends.StartChild(ctx, "stay")
		}
		_, err := note.Receive(ctx)
		return workflow.None{}, err
	})
	sends := 0
	env, f := withFaults(t, nil, w, ends)
	r := ref(start(t, env, request(w, nil)))
	env.Wait()
	f.set(func(a *ports.Append) how { sends = max(sends, len(a.Send)); return fine }, nil)
	if err := signal(env, r, "x", ""); err != nil {
		t.Fatal(err)
	}
	env.Wait()
	runs, err := env.Engine().Count(ctx, "")
	for _, c := range runs {
		if c.Type == "Ends" && (c.Status != model.StatusTerminated || c.N != many) {
			t.Errorf("%+v", c)
		}
	}
	if err != nil || sends > 1001 {
		t.Errorf("%d letters in one append, %v", sends, err)
	}
}

// [SIG-5] [M-1] Signals and cancel requests from code to other workflows are recorded there once and in order, or the code hears why not.
func TestSendToOthers(t *testing.T) {
	w := workflow.Define("Sender", func(ctx workflow.Context, _ workflow.None) (string, error) {
		for i := range 3 {
			if err := note.Send(ctx, workflow.To("ear"), fmt.Sprint(i)); err != nil {
				return "", err
			}
		}
		if err := note.Send(ctx, workflow.To("nobody"), "x"); !errors.Is(err, workflow.ErrNotRunning) {
			return "", fmt.Errorf("sent to nobody: %w", err)
		}
		child := listen.StartChild(ctx, 2)
		note.StartSend(ctx, child.Target(), "a")
		note.StartSend(ctx, child.Target(), "b")
		got, err := child.Get(ctx)
		if err != nil || fmt.Sprint(got) != "[a b]" {
			return fmt.Sprint(got), err
		}
		if err := note.Send(ctx, child.Target(), "late"); !errors.Is(err, workflow.ErrNotRunning) {
			return "", fmt.Errorf("sent to the dead: %w", err)
		}
		if err := workflow.RequestCancel(ctx, workflow.To("tired"), "enough"); err != nil {
			return "", err
		}
		if err := workflow.RequestCancel(ctx, workflow.To("ear"), "enough"); !errors.Is(err, workflow.ErrNotRunning) {
			return "", fmt.Errorf("canceled the dead: %w", err)
		}
		return "all", nil
	})
	for _, h := range []how{fine, unavailable, conflict, lostAnswer} {
		t.Run(fmt.Sprint(h), func(t *testing.T) {
			env, f := withFaults(t, func(o *aion.Options) { o.ResidentBytes = 1 }, w, listen, sleeper)
			start(t, env, ports.StartRequest{WorkflowID: "ear", Type: "Listen", Input: payload(3)})
			start(t, env, ports.StartRequest{WorkflowID: "tired", Type: "Sleeper", Input: payload(time.Hour)})
			r := ref(start(t, env, request(w, nil)))
			n := 0
			f.set(func(*ports.Append) how {
				if n++; n%2 == 0 && n < 40 {
					return h
				}
				return fine
			}, nil)
			for range 30 {
				env.Advance(2 * time.Second)
				env.Restart()
			}
			f.set(nil, nil)
			env.Advance(time.Minute)
			if o := standing(t, env, r); string(o.Result.Data) != `"all"` {
				t.Errorf("%+v %+v %s", o, o.Failure, kinds(t, env, r))
			}
			if o := standing(t, env, ports.WorkflowRef{WorkflowID: "ear"}); string(o.Result.Data) != `["0","1","2"]` {
				t.Errorf("%s", o.Result.Data)
			}
			if o := standing(t, env, ports.WorkflowRef{WorkflowID: "tired"}); o.Status != model.StatusCanceled {
				t.Errorf("%v", o.Status)
			}
		})
	}
}
