package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Bounds of a verification: how many runs are replayed at the same time on this server, whoever asks, and how many rows of other packages are
// passed over for each type where not all runs are asked for.
const (
	verifyAtOnce = 4
	verifyPage   = 100
	verifyScan   = 10_000
)

// Verify replays runs of the packages that are routed now with another one (rule D-10). Nothing is changed.
func (e *Engine) Verify(ctx context.Context, r ports.VerifyRequest) (ports.Verification, error) {
	if err := e.accepting(); err != nil {
		return ports.Verification{}, err
	}
	var prog ports.Program
	if r.Archive == nil {
		info, err := e.Package(ctx, r.Hash)
		if err != nil {
			return ports.Verification{}, err
		}
		if prog, err = e.packages.program(ctx, info.Hash); err != nil {
			return ports.Verification{}, err
		}
	} else {
		p := e.packages
		if p.opt.DeployDisabled {
			return ports.Verification{}, fault.New(fault.PermissionDenied, "deploying is switched off on this server").Hinted("set deploy.enabled=true, or verify a package that is on the server")
		}
		a, err := archive.Read(r.Archive, archive.Limits{ArchiveBytes: p.opt.MaxArchive, InflatedBytes: p.opt.MaxInflated})
		if err != nil {
			return ports.Verification{}, err
		}
		if prog, err = e.opt.Runtime.Load(ctx, a.Hash, a.Code); err != nil {
			return ports.Verification{}, err
		}
	}
	return e.verify(ctx, prog, r.Options)
}

func (e *Engine) verify(ctx context.Context, prog ports.Program, o ports.VerifyOptions) (ports.Verification, error) {
	v := &verifier{e: e, prog: prog, out: ports.Verification{Package: prog.Hash()}}
	ctx, v.cancel = context.WithCancelCause(ctx)
	defer v.cancel(nil)
	types := prog.Info().Workflows
	slices.SortFunc(types, func(a, b ports.WorkflowInfo) int { return strings.Compare(string(a.Type), string(b.Type)) })
	v.out.Types = make([]ports.VerifiedType, len(types))
	for i, w := range types {
		t := &v.out.Types[i]
		t.Type = w.Type
		p := e.packages
		p.mu.RLock()
		t.Routed = p.routes[w.Type]
		if p.native[w.Type] {
			t.Routed = "" // code of the process wins, whatever is routed
		}
		p.mu.RUnlock()
		if t.Routed == "" || t.Routed == prog.Hash() {
			continue // nothing changes for this type
		}
		if err := v.look(ctx, t, o); err != nil {
			v.cancel(err)
			break
		}
	}
	v.wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return ports.Verification{}, err
	}
	slices.SortFunc(v.out.Differences, func(a, b ports.Difference) int { return strings.Compare(string(a.Run), string(b.Run)) })
	return v.out, nil
}

// verifier is one verification at work.
type verifier struct {
	e      *Engine
	prog   ports.Program
	cancel context.CancelCauseFunc
	wait   sync.WaitGroup

	mu  sync.Mutex
	out ports.Verification
}

// look replays the runs of one type.
func (v *verifier) look(ctx context.Context, t *ports.VerifiedType, o ports.VerifyOptions) error {
	for _, ns := range v.e.ns.Names() {
		if err := v.open(ctx, ns, t, o); err != nil {
			return err
		}
		if err := v.closed(ctx, ns, t, o.Closed); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) open(ctx context.Context, ns model.Namespace, t *ports.VerifiedType, o ports.VerifyOptions) error {
	q := ports.ListQuery{Namespace: ns, Type: t.Type, Status: model.StatusRunning, Limit: verifyPage}
	for scanned := 0; ; {
		if o.Open <= 0 && !o.AllOpen {
			return nil
		}
		page, err := v.e.store.List(ctx, q)
		if err != nil {
			return err
		}
		for _, run := range page {
			switch {
			case run.Package != t.Routed || run.Blocked != "":
			case t.Open >= o.Open && !o.AllOpen:
				t.More = true
				return nil
			default:
				t.Open++
				if err := v.start(ctx, run, t); err != nil {
					return err
				}
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		if scanned += len(page); scanned >= verifyScan && !o.AllOpen {
			t.More = true
			return nil
		}
		last := page[len(page)-1]
		q.After = &ports.ListCursor{StartedAt: last.StartedAt, Run: last.ID}
	}
}

func (v *verifier) closed(ctx context.Context, ns model.Namespace, t *ports.VerifiedType, most int) error {
	var found []ports.Run
	for st := model.StatusRunning + 1; st <= model.StatusContinuedAsNew && most > 0; st++ {
		page, err := v.e.store.List(ctx, ports.ListQuery{Namespace: ns, Type: t.Type, Status: st, Limit: most})
		if err != nil {
			return err
		}
		for _, run := range page {
			if run.Package == t.Routed {
				found = append(found, run)
			}
		}
	}
	slices.SortFunc(found, func(a, b ports.Run) int { return b.StartedAt.Compare(a.StartedAt) })
	for _, run := range found[:max(0, min(len(found), most-t.Closed))] {
		t.Closed++
		if err := v.start(ctx, run, t); err != nil {
			return err
		}
	}
	return nil
}

// start replays a run in the background, as soon as there is a place for it.
func (v *verifier) start(ctx context.Context, run ports.Run, t *ports.VerifiedType) error {
	select {
	case v.e.verifying <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	v.wait.Go(func() {
		defer func() { <-v.e.verifying }()
		err := v.e.tryReplay(ctx, v.prog, run.ID)
		switch {
		case err == nil:
		case !isBlocking(err):
			v.cancel(err)
		default:
			v.mu.Lock()
			defer v.mu.Unlock()
			t.Different++
			if len(v.out.Differences) < ports.MaxDifferences {
				v.out.Differences = append(v.out.Differences, differenceOf(run, err))
			}
		}
	})
	return nil
}

func differenceOf(run ports.Run, err error) ports.Difference {
	d := ports.Difference{Key: run.Key, Run: run.ID, Type: run.Type, Open: run.Status.Open()}
	var m *history.Mismatch
	if errors.As(err, &m) {
		d.AtSeq, d.Expected, d.Found = m.Seq, m.Expected, m.Found
	} else {
		d.Problem = clipText(err.Error(), 4096)
	}
	return d
}

// refusal says that a package does not replay runs; nil where it replays all. It names none of them: not everybody who may deploy may see them.
func refusal(v ports.Verification) error {
	n, of := v.Different()
	if n == 0 {
		return nil
	}
	var types []string
	for _, t := range v.Types {
		if t.Different > 0 {
			types = append(types, fmt.Sprintf("%s: %d of %d", t.Type, t.Different, t.Open+t.Closed))
		}
	}
	return fault.New(fault.Blocked, "package %s does not replay %d of the %d runs that were looked at (%s), so nothing was changed", v.Package, n, of, strings.Join(types, ", ")).
		Hinted("aion package verify shows them; workflow.Patched lets code change under open runs; aion deploy --force routes it all the same")
}

// tryReplay replays all of a run with a package.
func (e *Engine) tryReplay(ctx context.Context, prog ports.Program, run model.RunID) error {
	start, err := e.startOf(ctx, run)
	if err != nil {
		return err
	}
	var seed [32]byte
	copy(seed[:], start.Seed)
	inst, _, err := e.replay(ctx, prog, run, seed)
	if err != nil {
		return err
	}
	inst.Close(ctx)
	return nil
}

// startOf reads how a run began.
func (e *Engine) startOf(ctx context.Context, run model.RunID) (*history.Started, error) {
	rows, err := e.store.History(ctx, run, 1, 1)
	if err == nil && len(rows) == 0 {
		err = fault.Internalf("run %s has no history", run)
	}
	if err != nil {
		return nil, err
	}
	raw, _, _, err := history.Split(rows[0].Bytes)
	if err != nil {
		return nil, err
	}
	first, err := history.DecodeEvent(raw)
	if err != nil {
		return nil, err
	}
	start, ok := first.Attr.(*history.Started)
	if !ok {
		return nil, fault.Internalf("the history of run %s begins with %v", run, first.Kind())
	}
	return start, nil
}

// Rollback routes a type to the package that it was routed to before.
func (e *Engine) Rollback(ctx context.Context, t model.WorkflowType) (ports.SetRouteResult, error) {
	routes, err := e.store.Routes(ctx)
	if err != nil {
		return ports.SetRouteResult{}, err
	}
	for _, r := range routes {
		if r.Type == t && r.Previous != "" {
			return e.SetRoute(ctx, t, string(r.Previous))
		}
	}
	return ports.SetRouteResult{}, fault.NotFoundf("workflow type %q was never routed to another package", t).Hinted("aion package route TYPE HASH sets a route; aion package list shows the packages")
}
