package app

import (
	"context"
	"errors"
	"time"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// replayFactor is how much more replayed code may use than it could when it ran [D-2].
const replayFactor = 4

// Replayed tells what was replayed.
type Replayed struct {
	Package     model.PackageHash
	Run         model.RunID
	Type        model.WorkflowType
	Events      int
	Activations int
}

// Boundary is one activation of a replay: what the code was given, and what it did.
type Boundary struct {
	Number int       // from 1
	At     time.Time // what the code takes for now
	Given  []history.Event
	Did    []history.Attributes
}

// Replayer checks histories against one package, which it loads once. Safe for concurrent use until its Close.
type Replayer struct {
	runtime *wasm.Runtime
	program ports.Program
}

// NewReplayer loads a package. InvalidInput for an archive that cannot be loaded.
func NewReplayer(ctx context.Context, a archive.Archive) (*Replayer, error) {
	r, err := wasm.New(wasm.Options{MemoryBytes: config.Default().Runtime.MemoryBytes})
	if err != nil {
		return nil, err
	}
	program, err := r.Load(ctx, a.Hash, a.Code)
	if err != nil {
		return nil, errors.Join(err, r.Close(ctx))
	}
	return &Replayer{r, program}, nil
}

// Close gives the package back.
func (r *Replayer) Close() error { return r.runtime.Close(context.Background()) }

// Replay runs the package's code through a whole history, given as a page of events in the stored encoding, and compares every decision
// with the recorded one. Its error is a *history.Mismatch, a *history.Refusal or a *ports.Trap where the code does not replay; InvalidInput
// for a history that does not begin with its first event. step, when it is not nil, is told of each activation before what the code did is compared; its error
// ends the replay.
func (r *Replayer) Replay(ctx context.Context, page []byte, step func(Boundary) error) (Replayed, error) {
	out := Replayed{Package: r.program.Hash()}
	raw, _, _, err := history.Split(page)
	if err != nil {
		return out, err
	}
	first, err := history.DecodeEvent(raw)
	if err != nil {
		return out, err
	}
	started, ok := first.Attr.(*history.Started)
	if !ok || first.Seq != 1 {
		return out, fault.Invalidf("the history does not begin with its first event, but with event %d (%s)", first.Seq, first.Kind()).
			Hinted("export all of it: aion history WORKFLOW --export FILE")
	}
	out.Run, out.Type = started.RunID, started.Type
	var seed [32]byte
	copy(seed[:], started.Seed)
	code, err := r.program.New(ctx, seed)
	if err != nil {
		return out, err
	}
	defer code.Close(context.Background())
	limits := config.Default().Runtime
	replayer := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		out.Activations++
		a := ports.ActivationAt(events, at)
		a.Limits = ports.Limits{Fuel: replayFactor * limits.StepFuel, MemoryBytes: replayFactor * limits.MemoryBytes}
		res, err := code.Activate(ctx, a)
		if err != nil || step == nil {
			return res.Commands, err
		}
		b := Boundary{Number: out.Activations, At: at.Now}
		if b.Given, err = history.DecodePage(events); err == nil {
			b.Did, err = history.DecodeCommands(res.Commands)
		}
		if err == nil {
			err = step(b)
		}
		return res.Commands, err
	})
	err = replayer.Feed(page)
	out.Events = int(replayer.State.Seq)
	if err == nil {
		err = replayer.Finish()
	}
	return out, err
}
