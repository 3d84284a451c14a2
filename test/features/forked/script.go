//go:build !wasip1

package forked

import (
	"context"
	"fmt"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a run completes; it forks at its first activation, where an activity was pending, and at its second, with the later signal given
// again; and once more into its own workflow ID, over a restart. The package of a fork is recorded, and its seed, which comes from where the appends of
// all runs take theirs: the two runtimes do not record the same.
var Feature = feature.Feature{AnyOrder: true, Script: func(f *feature.F) {
	asked := map[string]int{}
	aiontest.Handle(f.Env, ask, func(_ context.Context, s string) (string, error) {
		asked[s]++
		return fmt.Sprint("a", asked[s]), nil
	})
	fork := func(at model.Seq, id model.WorkflowID, signals bool) {
		_, err := f.Env.Engine().Fork(context.Background(), ports.ForkRequest{Ref: ports.WorkflowRef{WorkflowID: "first"}, At: at, NewID: id, ReapplySignals: signals,
			RequestID: model.RequestID(id + "!"), Reason: "because"})
		f.OK(err)
	}
	r := aiontest.StartWith(f.Env, code, struct{}{}, aiontest.StartOptions{ID: "first"})
	f.Env.Wait()
	f.OK(aiontest.Signal(r, note, "x"))
	f.Env.Advance(time.Minute)
	feature.Result(f, r, "a1x")
	fork(2, "again", false)
	again := aiontest.Get(f.Env, code, "again")
	f.OK(aiontest.Signal(again, note, "y"))
	feature.Result(f, again, "a2y")
	fork(6, "signaled", true)
	feature.Result(f, aiontest.Get(f.Env, code, "signaled"), "a1x")
	fork(6, "first", false)
	f.Env.Restart()
	f.OK(aiontest.Signal(aiontest.Get(f.Env, code, "first"), note, "z"))
	feature.Result(f, aiontest.Get(f.Env, code, "first"), "a1z")
	if len(asked) != 5 { // one before the fork, and one behind each
		f.Errorf("the activity was asked %v", asked)
	}
}}
