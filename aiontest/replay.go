package aiontest

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// replayAll replays every run and fails the test where the code does not decide the same again. Blocked runs are known not to.
func (env *Env) replayAll() {
	ctx := context.Background()
	namespaces, err := env.aopt.Store.Namespaces(ctx)
	if err != nil {
		return // a store that the test has broken or closed
	}
	for _, ns := range namespaces {
		q := ports.ListQuery{Namespace: ns.Name, Limit: 1000}
		for {
			runs, err := env.aopt.Store.List(ctx, q)
			if err != nil {
				return
			}
			for _, run := range runs {
				if run.Blocked != "" {
					continue
				}
				if err := env.replay(ctx, run); err != nil {
					env.t.Errorf("aiontest: workflow %q does not replay, so it would be blocked after a restart of the server: %v", run.Key.WorkflowID, err)
				}
			}
			if len(runs) < q.Limit {
				break
			}
			last := runs[len(runs)-1]
			q.After = &ports.ListCursor{StartedAt: last.StartedAt, Run: last.ID}
		}
	}
}

func (env *Env) replay(ctx context.Context, run ports.Run) error {
	prog, err := env.aopt.Runtime.Load(ctx, run.Package, nil)
	if fault.Has(err, fault.NotFound) || fault.Has(err, fault.InvalidInput) {
		return nil // code that is not in this process
	}
	if err != nil {
		return err
	}
	return replay(ctx, prog, func(from model.Seq) (pages [][]byte, err error) {
		rows, err := env.aopt.Store.History(ctx, run.ID, from, 1<<20)
		for i := range rows {
			pages = append(pages, rows[i].Bytes)
		}
		return pages, err
	})
}

// replay runs a history, read in pieces until nothing is left, through code.
func replay(ctx context.Context, prog ports.Program, read func(from model.Seq) ([][]byte, error)) error {
	inst, err := prog.New(ctx, [32]byte{}) // code of the process takes the seed from its first event
	if err != nil {
		return err
	}
	defer inst.Close(ctx)
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		res, err := inst.Activate(ctx, ports.ActivationAt(events, at))
		return res.Commands, err
	})
	for {
		pages, err := read(r.State.Seq + 1)
		if err != nil {
			return err
		}
		if len(pages) == 0 {
			return r.Finish()
		}
		for _, p := range pages {
			if err := r.Feed(p); err != nil {
				return err
			}
		}
	}
}
