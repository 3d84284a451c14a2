package engine

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// repinInput moves a run to code that replays it cleanly, and unblocks it (rule D-10).
type repinInput struct {
	answer[repinned]
	req ports.RepinRequest

	blocked bool // only when it is Blocked
	reason  string
}

type repinned struct {
	run      model.RunID
	through  model.Seq
	repinned bool
}

func (in *repinInput) fail(err error) { in.give(repinned{}, err) }

func (in *repinInput) apply(s *step) {
	c := s.c
	done := func(res repinned) { s.after = append(s.after, func() { in.give(res, nil) }) }
	if err := c.openRun(in.req.Ref); err != nil {
		s.refuse(in, err)
		return
	}
	if c.state.Blocked == nil && (in.blocked || c.state.Package == in.req.Package) {
		done(repinned{run: c.run.ID, through: c.state.Through})
		return
	}
	prog, err := c.e.packages.program(c.e.base, in.req.Package)
	if err != nil {
		s.refuse(in, err)
		return
	}
	has := false
	for _, w := range prog.Info().Workflows {
		has = has || w.Type == c.run.Type
	}
	if !has {
		s.refuse(in, fault.Invalidf("package %s has no workflow type %q", in.req.Package, c.run.Type))
		return
	}
	c.dropInstance()
	inst, err := c.rebuild(prog, true)
	if err != nil {
		if isBlocking(err) {
			err = fault.New(fault.Blocked, "package %s does not replay the run: %v", in.req.Package, err).Hinted("deploy code that makes the recorded decisions again")
		}
		s.refuse(in, err)
		return
	}
	c.inst, c.prog = inst, prog
	if c.state.Package != in.req.Package {
		s.append_.Pins = append(s.append_.Pins, ports.Pin{Package: c.state.Package, N: -1}, ports.Pin{Package: in.req.Package, N: 1})
		s.add(&history.Repinned{Package: in.req.Package, ReplayedThrough: c.state.Through, Identity: in.req.Identity})
		c.run.Package = in.req.Package
	}
	if c.state.Blocked != nil {
		s.add(&history.Unblocked{Reason: in.reason, Identity: in.req.Identity})
		c.run.Blocked = ""
	}
	s.writeRun()
	done(repinned{run: c.run.ID, through: c.state.Through, repinned: true})
}

// Repin moves an open run to a package that replays it cleanly.
func (e *Engine) Repin(ctx context.Context, r ports.RepinRequest) (model.RunID, model.Seq, error) {
	if err := e.accepting(); err != nil {
		return "", 0, err
	}
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return "", 0, err
	}
	if r.Package != model.NativePackage {
		info, err := e.Package(ctx, string(r.Package))
		if err != nil {
			return "", 0, err
		}
		r.Package = info.Hash
	}
	in := &repinInput{answer: newAnswer[repinned](), req: r, reason: "repinned"}
	e.submit(key, in)
	res, err := wait(ctx, in.answer)
	return res.run, res.through, err
}

// unblockPage is how many Blocked runs are tried at a time.
const unblockPage = 100

// unblockType tries the Blocked runs of a type with a package: those that it replays cleanly go on.
func (e *Engine) unblockType(ctx context.Context, t model.WorkflowType, h model.PackageHash) (tried, unblocked int, err error) {
	for _, ns := range e.ns.Names() {
		n, ok, err := e.unblock(ctx, ports.ListQuery{Namespace: ns, Type: t}, h, "the route of its type was set")
		tried, unblocked = tried+n, unblocked+ok
		if err != nil {
			return tried, unblocked, err
		}
	}
	return tried, unblocked, nil
}

// unblockMissing tries the runs that are Blocked because their package was not there.
func (e *Engine) unblockMissing(h model.PackageHash) {
	for _, ns := range e.ns.Names() {
		if _, _, err := e.unblock(e.base, ports.ListQuery{Namespace: ns}, h, "its package is there again"); err != nil && e.base.Err() == nil {
			e.log.Error("unblocking runs failed", "package", h, "error", err)
		}
	}
}

func (e *Engine) unblock(ctx context.Context, q ports.ListQuery, h model.PackageHash, reason string) (tried, unblocked int, err error) {
	missing := q.Type == ""
	q.Blocked, q.Status, q.Limit = true, model.StatusRunning, unblockPage
	for {
		page, err := e.store.List(ctx, q)
		if err != nil {
			return tried, unblocked, err
		}
		for _, run := range page {
			if missing && (run.Package != h || run.Blocked != "missing_package") {
				continue
			}
			in := &repinInput{answer: newAnswer[repinned](), blocked: true, reason: reason,
				req: ports.RepinRequest{Ref: ports.WorkflowRef{Namespace: run.Key.Namespace, WorkflowID: run.Key.WorkflowID, Run: run.ID}, Package: h}}
			e.submit(run.Key, in)
			res, err := wait(ctx, in.answer)
			tried++
			if err == nil && res.repinned {
				unblocked++
			}
			if ctx.Err() != nil {
				return tried, unblocked, ctx.Err()
			}
		}
		if len(page) < unblockPage {
			return tried, unblocked, nil
		}
		last := page[len(page)-1]
		q.After = &ports.ListCursor{StartedAt: last.StartedAt, Run: last.ID}
	}
}

// Query asks a copy of the run (rule D-8).
func (e *Engine) Query(ctx context.Context, r ports.QueryRequest) (ports.QueryResult, error) {
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return ports.QueryResult{}, err
	}
	if err := model.ValidateID("query name", string(r.Name)); err != nil {
		return ports.QueryResult{}, err
	}
	if n := r.Input.Size(); n > e.opt.Limits.PayloadBytes {
		return ports.QueryResult{}, tooLarge("the query's input", n, e.opt.Limits.PayloadBytes)
	}
	ctx, cancel := e.queryDeadline(ctx)
	defer cancel()
	res, err := e.query(ctx, key, r)
	if ctx.Err() != nil && (err == nil || !fault.Has(err, fault.UnknownQuery) && !fault.Has(err, fault.QueryFailed) && !fault.Has(err, fault.NotFound)) {
		return ports.QueryResult{}, fault.New(fault.QueryTimeout, "query %q of workflow %q was not answered within %v", r.Name, r.Ref.WorkflowID, e.opt.QueryTimeout).Hinted("raise engine.query_timeout, or make the query cheaper")
	}
	return res, err
}

// queryDeadline ends a query by the engine's clock.
func (e *Engine) queryDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	t := e.opt.Clock.AfterFunc(e.opt.QueryTimeout, cancel)
	return ctx, func() { t.Stop(); cancel() }
}

// asked is what a query is answered from: a copy of the run's code, nil when one has to be made from the history.
type asked struct {
	copy ports.Instance
	res  ports.QueryResult
}

// ask gives a copy of the code at the chain's last step.
func (c *chain) ask(ref ports.WorkflowRef) (asked, error) {
	switch {
	case !c.exists:
		return asked{}, notFound(ref)
	case c.state == nil, ref.Run != "" && ref.Run != c.run.ID, c.state.Blocked != nil, c.state.Activations == 0, c.state.Seq != c.row.HeadSeq:
		return asked{}, nil
	}
	if c.inst == nil {
		// Let the chain have its code back: the next input will need it as well.
		prog, err := c.e.packages.program(c.e.base, c.state.Package)
		if err != nil {
			return asked{}, nil
		}
		inst, err := c.rebuild(prog, false)
		if err != nil {
			return asked{}, nil
		}
		c.inst, c.prog = inst, prog
	}
	inst, ok, err := c.inst.Clone(c.e.base)
	if err != nil || !ok {
		return asked{}, err
	}
	asOf := c.state.Seq
	if len(c.state.Pending) > 0 {
		asOf = c.state.LastBoundary() // the code was not given the rest
	}
	return asked{copy: inst, res: ports.QueryResult{Run: c.run.ID, AsOf: asOf}}, nil
}

func (e *Engine) query(ctx context.Context, key model.ChainKey, r ports.QueryRequest) (ports.QueryResult, error) {
	got, err := inspect(ctx, e, key, func(c *chain, _ *step) (asked, error) { return c.ask(r.Ref) }, func(a asked) {
		if a.copy != nil {
			a.copy.Close(e.base)
		}
	})
	if err != nil {
		return ports.QueryResult{}, err
	}
	copy_, res := got.copy, got.res
	if copy_ == nil {
		if copy_, res, err = e.rebuildForQuery(ctx, r.Ref); err != nil {
			return ports.QueryResult{}, err
		}
	}
	defer copy_.Close(context.WithoutCancel(ctx))
	out, err := copy_.Query(ctx, ports.Query{Name: r.Name, Input: r.Input, Limits: ports.Limits{Fuel: e.opt.Limits.StepFuel, MemoryBytes: e.opt.Limits.MemoryBytes}})
	if err != nil {
		if isBlocking(err) {
			return ports.QueryResult{}, fault.New(fault.QueryFailed, "query %q failed: %v", r.Name, err)
		}
		return ports.QueryResult{}, err
	}
	if n := out.Size(); n > e.opt.Limits.PayloadBytes {
		return ports.QueryResult{}, tooLarge("the query's answer", n, e.opt.Limits.PayloadBytes)
	}
	res.Output = out
	return res, nil
}

// rebuildForQuery replays a run for a query, as far as it goes: a Blocked run is shown at the last boundary that replays.
func (e *Engine) rebuildForQuery(ctx context.Context, ref ports.WorkflowRef) (ports.Instance, ports.QueryResult, error) {
	select {
	case e.loads <- struct{}{}:
		defer func() { <-e.loads }()
	case <-ctx.Done():
		return nil, ports.QueryResult{}, ctx.Err()
	}
	run, err := e.runOf(ctx, ref)
	if err != nil {
		return nil, ports.QueryResult{}, err
	}
	prog, err := e.packages.program(ctx, run.Package)
	if err != nil {
		return nil, ports.QueryResult{}, fault.Wrap(fault.Blocked, err, "the run's package %s is not there", run.Package).Hinted("deploy it again")
	}
	inst, asOf, err := e.replayAsFarAsPossible(ctx, prog, run.ID)
	if err != nil {
		return nil, ports.QueryResult{}, err
	}
	return inst, ports.QueryResult{Run: run.ID, AsOf: asOf}, nil
}

// replayAsFarAsPossible replays a run up to its last activation, or up to the last one that replays. It gives the last event that the code has
// seen: the run's last one, or that activation where there is more that the code was not given.
func (e *Engine) replayAsFarAsPossible(ctx context.Context, prog ports.Program, run model.RunID) (ports.Instance, model.Seq, error) {
	rows, err := e.store.History(ctx, run, 1, 1)
	if err == nil && len(rows) == 0 {
		err = fault.Internalf("run %s has no history", run)
	}
	if err != nil {
		return nil, 0, err
	}
	first, err := history.DecodePage(rows[0].Bytes)
	if err != nil {
		return nil, 0, err
	}
	start, ok := first[0].Attr.(*history.Started)
	if !ok {
		return nil, 0, fault.Internalf("the history of run %s begins with %v", run, first[0].Kind())
	}
	var seed [32]byte
	copy(seed[:], start.Seed)
	inst, st, err := e.replay(ctx, prog, run, seed)
	switch {
	case err == nil && st.Activations == 0:
		inst.Close(ctx)
		if st.Blocked != nil {
			return nil, 0, fault.New(fault.Blocked, "the code of run %s has not come anywhere: %s", run, st.Blocked.Message).Hinted("repin the run to a package that replays it")
		}
		return nil, 0, fault.New(fault.Unavailable, "the code of run %s has not begun", run).Hinted("try again in a moment")
	case err == nil && len(st.Pending) > 0:
		return inst, st.LastBoundary(), nil
	case err == nil:
		return inst, st.Seq, nil
	case !isBlocking(err) || st == nil || ctx.Err() != nil:
		return nil, 0, err
	}
	// Once more, up to the activation before the one that differs.
	upTo := st.BoundaryBefore()
	if upTo == 0 {
		return nil, 0, fault.New(fault.Blocked, "nothing of run %s replays: %v", run, err).Hinted("repin the run to a package that replays it")
	}
	inst, err = prog.New(ctx, seed)
	if err != nil {
		return nil, 0, err
	}
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		return e.activateAgain(ctx, inst, events, at)
	})
	r.Stop = upTo
	if err := e.feed(ctx, r, run); err != nil {
		inst.Close(ctx)
		return nil, 0, err
	}
	return inst, upTo, nil
}
