//go:build !wasip1

package panicking

import (
	"errors"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: an index that is out of range in one run, and in range in another. What comes afterwards is recorded.
var Feature = feature.Feature{Script: func(f *feature.F) {
	bad := aiontest.StartWith(f.Env, code, []int{1}, aiontest.StartOptions{ID: "bad"})
	good := aiontest.StartWith(f.Env, code, []int{1, 2}, aiontest.StartOptions{ID: "good"})
	f.OK(aiontest.Signal(bad, pick, 1))
	_, err := bad.Result()
	var blocked *aiontest.BlockedError
	if !errors.As(err, &blocked) || blocked.What != "panic" {
		f.Fatalf("got %v, want a run that is blocked by a panic", err)
	}
	f.OK(aiontest.Signal(bad, pick, 0))
	f.OK(aiontest.Signal(good, pick, 1))
	feature.Result(f, good, 2)
	f.OK(bad.Terminate("given up"))
	feature.Ends(f, bad, "Terminated")
}}
