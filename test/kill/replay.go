package kill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/runtime/wasm"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/kill/load"
)

// replay runs all histories through the code again, in both runtimes, and gives a line for each that does not replay.
func replay(ctx context.Context, dir string, histories map[string][]*aionv1.HistoryEvent) (findings []string, err error) {
	b, err := os.ReadFile(filepath.Join(dir, packageName))
	if err != nil {
		return nil, err
	}
	a, err := archive.Read(b, archive.Limits{})
	if err != nil {
		return nil, err
	}
	sandbox, err := wasm.New(wasm.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.Background())) }()
	packaged, err := sandbox.Load(ctx, a.Hash, a.Code)
	if err != nil {
		return nil, err
	}
	compiled, err := native.New(load.Workflows()...).Load(ctx, model.NativePackage, nil)
	if err != nil {
		return nil, err
	}
	for workflow, events := range histories {
		page, err := evidence.Page(events)
		if err != nil {
			return nil, err
		}
		for name, program := range map[string]ports.Program{"wasm": packaged, "native": compiled} {
			if err := replayOn(ctx, program, events[0].GetStarted().GetSeed(), page); err != nil {
				findings = append(findings, fmt.Sprintf("%s: does not replay in the runtime %s: %v", workflow, name, err))
			}
		}
	}
	return findings, nil
}

func replayOn(ctx context.Context, program ports.Program, seed []byte, page []byte) error {
	var s [32]byte
	copy(s[:], seed)
	code, err := program.New(ctx, s)
	if err != nil {
		return err
	}
	defer code.Close(ctx)
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		out, err := code.Activate(ctx, ports.ActivationAt(events, at))
		return out.Commands, err
	})
	if err := r.Feed(page); err != nil {
		return err
	}
	return r.Finish()
}
