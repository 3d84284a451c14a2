package aiontest

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/app/historyfile"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/sdk/workflow"
)

// Replay replays exported histories, as "aion history WORKFLOW --export FILE" and Run.Export write them, and fails the test where the code
// makes another decision than the recorded one, with both. Keep histories of what is in production beside the tests: then a change that would
// block open runs is found before it is deployed. Each file is read whole.
//
//	aiontest.Replay(t, orders.Workflows(), "testdata/order-7.jsonl", "testdata/order-8.jsonl")
func Replay(t testing.TB, workflows []workflow.Definition, files ...string) {
	t.Helper()
	if len(files) == 0 {
		t.Fatalf("aiontest: Replay was given no file") // a pattern that matches nothing would otherwise always succeed
	}
	ctx := context.Background()
	prog, err := native.New(workflows...).Load(ctx, model.NativePackage, nil)
	if err != nil {
		t.Fatalf("aiontest: %v", err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Errorf("aiontest: %v", err)
			continue
		}
		page, err := historyfile.Read(f, name)
		_ = f.Close() // which was only read
		if err == nil {
			err = whole(page)
		}
		if err != nil {
			t.Errorf("aiontest: %v", err)
			continue
		}
		err = replay(ctx, prog, func(from model.Seq) ([][]byte, error) {
			if from > 1 {
				return nil, nil
			}
			return [][]byte{page}, nil
		})
		if err != nil {
			t.Errorf("aiontest: %s does not replay, so such a run would be blocked: %v", name, err)
		}
	}
}

// whole refuses a history that begins in the middle: it would replay nothing.
func whole(page []byte) error {
	raw, _, _, err := history.Split(page)
	if err != nil {
		return err
	}
	e, err := history.DecodeEvent(raw)
	if err != nil {
		return err
	}
	if e.Seq != 1 {
		return fault.Invalidf("the history begins with event %d and not with 1", e.Seq)
	}
	return nil
}

// Export writes the run's history so far to a file that Replay and "aion replay" read. It fails the test where it cannot.
func (r *Run[O]) Export(file string) {
	r.env.t.Helper()
	var out bytes.Buffer
	for _, e := range r.History() {
		line, err := historyfile.Line(e.Raw)
		if err != nil {
			r.env.t.Fatalf("aiontest: export: %v", err)
		}
		out.Write(append(line, '\n'))
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		r.env.t.Fatalf("aiontest: export: %v", err)
	}
}
