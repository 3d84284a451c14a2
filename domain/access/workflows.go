package access

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// onRun is a call about a run.
func onRun(method string, ref ports.WorkflowRef, id model.RequestID) call {
	return call{method, ref.Namespace, object(ref), id}
}

// start lets a start through: one that would terminate an open run needs the role for that too, and what the caller may not list is not
// suggested to it.
func start[T any](ctx context.Context, g *Guard, method string, r ports.StartRequest, f func() (T, error)) (T, error) {
	what := string(r.WorkflowID)
	if what == "" {
		what = "new " + string(r.Type)
	}
	return guarded(ctx, g, call{method, r.Namespace, what, r.RequestID}, func(p ports.Principal) (T, error) {
		if r.Conflict == ports.ConflictTerminateExisting {
			ns := r.Namespace
			if ns == "" {
				ns = g.opt.Default
			}
			if err := g.check(p, "Terminate", ns); err != nil {
				var none T
				return none, err
			}
		}
		out, err := f()
		if fault.Has(err, fault.NoRoute) && g.check(p, "Routes", "") != nil {
			err = fault.New(fault.NoRoute, "no package has workflow type %q", r.Type).Hinted("check the name, or have the package deployed that has it")
		}
		return out, err
	})
}

// Start implements ports.Workflows.
func (g *Guard) Start(ctx context.Context, r ports.StartRequest) (ports.StartResult, error) {
	return start(ctx, g, "Start", r, func() (ports.StartResult, error) { return g.next.Start(ctx, r) })
}

// SignalWithStart implements ports.Workflows.
func (g *Guard) SignalWithStart(ctx context.Context, r ports.SignalStartRequest) (ports.StartResult, error) {
	return start(ctx, g, "SignalWithStart", r.Start, func() (ports.StartResult, error) { return g.next.SignalWithStart(ctx, r) })
}

// Signal implements ports.Workflows.
func (g *Guard) Signal(ctx context.Context, r ports.SignalRequest) (model.RunID, error) {
	return guarded(ctx, g, onRun("Signal", r.Ref, r.RequestID), func(ports.Principal) (model.RunID, error) { return g.next.Signal(ctx, r) })
}

// Query implements ports.Workflows.
func (g *Guard) Query(ctx context.Context, r ports.QueryRequest) (ports.QueryResult, error) {
	return guarded(ctx, g, onRun("Query", r.Ref, ""), func(ports.Principal) (ports.QueryResult, error) { return g.next.Query(ctx, r) })
}

// Cancel implements ports.Workflows.
func (g *Guard) Cancel(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return guarded(ctx, g, onRun("Cancel", r.Ref, r.RequestID), func(ports.Principal) (model.RunID, error) { return g.next.Cancel(ctx, r) })
}

// Terminate implements ports.Workflows.
func (g *Guard) Terminate(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return guarded(ctx, g, onRun("Terminate", r.Ref, r.RequestID), func(ports.Principal) (model.RunID, error) { return g.next.Terminate(ctx, r) })
}

// Pause implements ports.Workflows.
func (g *Guard) Pause(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return guarded(ctx, g, onRun("Pause", r.Ref, r.RequestID), func(ports.Principal) (model.RunID, error) { return g.next.Pause(ctx, r) })
}

// Resume implements ports.Workflows.
func (g *Guard) Resume(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return guarded(ctx, g, onRun("Resume", r.Ref, r.RequestID), func(ports.Principal) (model.RunID, error) { return g.next.Resume(ctx, r) })
}

// Repin implements ports.Workflows.
func (g *Guard) Repin(ctx context.Context, r ports.RepinRequest) (run model.RunID, through model.Seq, err error) {
	run, err = guarded(ctx, g, onRun("Repin", r.Ref, ""), func(ports.Principal) (run model.RunID, err error) {
		run, through, err = g.next.Repin(ctx, r)
		return run, err
	})
	return run, through, err
}

// Describe implements ports.Workflows.
func (g *Guard) Describe(ctx context.Context, ref ports.WorkflowRef) (ports.Description, error) {
	return guarded(ctx, g, onRun("Describe", ref, ""), func(ports.Principal) (ports.Description, error) { return g.next.Describe(ctx, ref) })
}

// History implements ports.Workflows.
func (g *Guard) History(ctx context.Context, r ports.HistoryRequest) (ports.HistoryResult, error) {
	return guarded(ctx, g, onRun("History", r.Ref, ""), func(ports.Principal) (ports.HistoryResult, error) { return g.next.History(ctx, r) })
}

// Result implements ports.Workflows.
func (g *Guard) Result(ctx context.Context, r ports.ResultRequest) (ports.Outcome, error) {
	return guarded(ctx, g, onRun("Result", r.Ref, ""), func(ports.Principal) (ports.Outcome, error) { return g.next.Result(ctx, r) })
}

// List implements ports.Workflows.
func (g *Guard) List(ctx context.Context, q ports.ListQuery) (runs []ports.Run, next *ports.ListCursor, err error) {
	runs, err = guarded(ctx, g, call{method: "List", ns: q.Namespace}, func(ports.Principal) (runs []ports.Run, err error) {
		runs, next, err = g.next.List(ctx, q)
		return runs, err
	})
	return runs, next, err
}

// Count implements ports.Workflows.
func (g *Guard) Count(ctx context.Context, ns model.Namespace) ([]ports.RunCount, error) {
	return guarded(ctx, g, call{method: "Count", ns: ns}, func(ports.Principal) ([]ports.RunCount, error) { return g.next.Count(ctx, ns) })
}

// CountMatching implements ports.Workflows.
func (g *Guard) CountMatching(ctx context.Context, q ports.CountQuery) (ports.CountResult, error) {
	return guarded(ctx, g, call{method: "CountMatching", ns: q.Namespace}, func(ports.Principal) (ports.CountResult, error) { return g.next.CountMatching(ctx, q) })
}
