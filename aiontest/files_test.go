package aiontest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/sdk/workflow"
)

// A history that a test or the server has exported replays with the code that made it, and fails the test with the difference where
// the code has changed [DET-2].
func TestReplayFiles(t *testing.T) {
	napping := func(d time.Duration) workflow.Definition {
		return workflow.Define("Nap", func(ctx workflow.Context, n int) (int, error) {
			if err := workflow.Sleep(ctx, d); err != nil {
				return 0, err
			}
			return step.Execute(ctx, n)
		})
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "nap.jsonl")
	hour := napping(time.Hour)
	env := aiontest.New(t, defs(hour))
	aiontest.Handle(env, step, func(_ context.Context, i int) (int, error) { return 2 * i, nil })
	r := aiontest.Start(env, hour.(workflow.Workflow[int, int]), 4)
	if _, err := r.Result(); err != nil {
		t.Fatal(err)
	}
	r.Export(file)
	aiontest.Replay(t, []workflow.Definition{napping(time.Hour)}, file, file)

	tail := filepath.Join(dir, "tail.jsonl")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tail, b[strings.IndexByte(string(b), '\n')+1:], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, want string
		code       workflow.Definition
	}{
		{file, "the history has timer 1 of 1h0m0s, the code did timer 1 of 1m0s", napping(time.Minute)},
		{tail, "begins with event 2", napping(time.Hour)},
		{filepath.Join(dir, "none.jsonl"), "no such file", napping(time.Hour)},
		{"files_test.go", "files_test.go, line 1 is no event", napping(time.Hour)},
	} {
		f := &fake{}
		aiontest.Replay(f, []workflow.Definition{c.code}, c.file)
		if len(f.errors) != 1 || !strings.Contains(f.errors[0], c.want) {
			t.Errorf("%s: got %q, want %q in it", c.file, f.errors, c.want)
		}
	}
}
