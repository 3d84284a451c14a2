package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// patched is a workflow that naps twice, with a signal before each; later versions check something in between.
func patched(hash model.PackageHash, checks bool) *native.Program {
	return native.NewProgram(hash, workflow.Define("Patched", func(ctx workflow.Context, _ workflow.None) (string, error) {
		out := ""
		for i := range 3 {
			if _, err := note.Receive(ctx); err != nil {
				return "", err
			}
			if checks && workflow.Patched(ctx, "check") {
				if err := workflow.Sleep(ctx, time.Second); err != nil {
					return "", err
				}
				out += fmt.Sprint("checked", i, " ")
			}
			if err := workflow.Sleep(ctx, time.Minute); err != nil {
				return "", err
			}
			if checks && i == 2 && workflow.Patched(ctx, "later") {
				out += "later"
			}
		}
		return out, nil
	}))
}

// [D-5] New runs take the patch; runs that came past its place before go on without it, also after a move to the new code; the answer is the same for a
// whole run, over restarts. [DET-5]
func TestPatched(t *testing.T) {
	before, after := patched(hashA, false), patched(hashB, true)
	for _, restart := range []bool{false, true} {
		var opt *aion.Options
		env := versions(t, func(o *aion.Options) { opt = o; o.ResidentBytes = 1 }, before, after)
		again := func() {
			if restart {
				opt.Runtime = native.Of(before, after)
				env.Restart()
			}
		}
		old := ref(start(t, env, ports.StartRequest{Type: "Patched"}))
		step := func(rs ...ports.WorkflowRef) {
			t.Helper()
			for _, r := range rs {
				if err := signal(env, r, "go", ""); err != nil {
					t.Fatal(err)
				}
			}
			env.Advance(2 * time.Minute)
			again()
		}
		step(old)
		if _, err := env.Engine().SetRoute(ctx, "Patched", string(hashB)); err != nil {
			t.Fatal(err)
		}
		fresh := ref(start(t, env, ports.StartRequest{Type: "Patched"}))
		if _, _, err := env.Engine().Repin(ctx, ports.RepinRequest{Ref: old, Package: hashB}); err != nil {
			t.Fatal(err)
		}
		step(fresh)
		step(fresh, old)
		step(fresh, old)
		if o := standing(t, env, old); string(o.Result.Data) != `"later"` {
			t.Errorf("the old run: %+v %s", o, o.Result.Data)
		}
		if o := standing(t, env, fresh); string(o.Result.Data) != `"checked0 checked1 checked2 later"` {
			t.Errorf("the new run: %+v %s", o, o.Result.Data)
		}
		if got := kinds(t, env, fresh); !strings.Contains(got, "Activated PatchMarked TimerStarted") || strings.Count(got, "PatchMarked") != 2 {
			t.Error(got)
		}
		if got := find[*history.PatchMarked](t, env, old); len(got) != 1 || got[0].ID != "later" {
			t.Errorf("%+v", got)
		}
		if got := find[*history.Activated](t, env, fresh); got[1].Commands != 2 {
			t.Errorf("the mark is one of the activation's commands: %+v", got[1])
		}
	}
}

// [D-5] [DET-3] A patch without a name, and one in a query, are defects of the code.
func TestPatchedWrongly(t *testing.T) {
	w := workflow.Define("Wrong", func(ctx workflow.Context, name string) (workflow.None, error) {
		notes.Handle(ctx, func(workflow.None) ([]string, error) { workflow.Patched(ctx, "q"); return nil, nil })
		if name != "-" {
			workflow.Patched(ctx, name)
		}
		_, err := note.Receive(ctx)
		return workflow.None{}, err
	})
	env := aiontest.New(t, defs(w))
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if o := standing(t, env, ref(start(t, env, request(w, name)))); o.Blocked == nil || o.Blocked.What != "panic" || !strings.Contains(o.Blocked.Message, "workflow.Patched") {
			t.Errorf("%+v", o)
		}
	}
	r := ref(start(t, env, request(w, "-")))
	if _, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: r, Name: "Notes"}); err == nil || !strings.Contains(err.Error(), "query handler") {
		t.Errorf("%v", err)
	}
}
