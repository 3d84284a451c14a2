package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// forkBytes bounds what a fork copies in its one append (rule C-5).
const forkBytes = 16 << 20

// forkedReason is why children and messages of the copied part fail in a fork.
const forkedReason = "aion.forked"

// Fork makes a new run of the beginning of another one (rule D-7).
func (e *Engine) Fork(ctx context.Context, r ports.ForkRequest) (ports.ForkResult, error) {
	if err := e.accepting(); err != nil {
		return ports.ForkResult{}, err
	}
	if _, err := e.ref(ctx, &r.Ref); err != nil {
		return ports.ForkResult{}, err
	}
	if err := e.checkFork(&r); err != nil {
		return ports.ForkResult{}, err
	}
	source, err := e.runOf(ctx, r.Ref)
	if err != nil {
		return ports.ForkResult{}, err
	}
	hash := source.Package
	if r.Package != "" && r.Package != model.NativePackage {
		info, err := e.Package(ctx, string(r.Package))
		if err != nil {
			return ports.ForkResult{}, err
		}
		hash = info.Hash
	} else if r.Package != "" {
		hash = r.Package
	}
	prog, err := e.packages.program(ctx, hash)
	if err != nil {
		return ports.ForkResult{}, err
	}
	prefix, err := e.prefixOf(ctx, source, r.At)
	if err != nil {
		return ports.ForkResult{}, err
	}
	if err := e.replaysPrefix(ctx, prog, prefix); err != nil {
		return ports.ForkResult{}, err
	}
	in := &forkInput{answer: newAnswer[ports.ForkResult](), req: r, source: source, pkg: hash, prefix: prefix}
	e.submit(model.ChainKey{Namespace: r.Ref.Namespace, WorkflowID: r.NewID}, in)
	return wait(ctx, in.answer)
}

func (e *Engine) checkFork(r *ports.ForkRequest) error {
	if err := model.ValidateRequestID(r.RequestID); err != nil {
		return err
	}
	if n := len(r.Reason); n > e.opt.Limits.PayloadBytes {
		return tooLarge("the reason", n, e.opt.Limits.PayloadBytes)
	}
	switch {
	case r.NewID != "":
		return model.ValidateID("workflow ID", string(r.NewID))
	case r.RequestID != "":
		r.NewID = derivedID(r.Ref.Namespace, r.RequestID)
	default:
		r.NewID = model.WorkflowID(e.opt.IDs.UUIDv7())
	}
	return nil
}

// prefixOf reads what a fork copies.
func (e *Engine) prefixOf(ctx context.Context, run ports.Run, at model.Seq) (history.Prefix, error) {
	f := history.NewForker(at, forkBytes)
	for from := model.Seq(1); ; {
		rows, err := e.store.History(ctx, run.ID, from, pageBytes)
		if err != nil {
			return history.Prefix{}, err
		}
		if len(rows) == 0 {
			break
		}
		for i := range rows {
			if err := f.Feed(rows[i].Bytes); err != nil {
				return history.Prefix{}, err
			}
		}
		from = rows[len(rows)-1].Last + 1
	}
	p, ok := f.Prefix()
	switch {
	case ok && (at != 0 || !f.TooLong):
		return p, nil
	case f.TooLong:
		return p, fault.Invalidf("the history of run %s up to there has more than %d bytes, which is what a fork can copy", run.ID, forkBytes).Hinted("fork at an earlier activation")
	case at == 0:
		return p, fault.Invalidf("run %s has no activation after which it was open", run.ID).Hinted("start it anew")
	}
	return p, fault.Invalidf("event %d of run %s is no activation after which the run was open; the nearest one before it is event %d", at, run.ID, f.Near).
		Hinted("aion history shows the events: a fork is made at an Activated")
}

// replaysPrefix says whether a package replays what is to be copied. Errors: Blocked, InvalidInput (it has no such workflow type).
func (e *Engine) replaysPrefix(ctx context.Context, prog ports.Program, p history.Prefix) error {
	has := false
	for _, w := range prog.Info().Workflows {
		has = has || w.Type == p.Start.Type
	}
	if !has {
		return fault.Invalidf("package %s has no workflow type %q", prog.Hash(), p.Start.Type)
	}
	select {
	case e.verifying <- struct{}{}:
		defer func() { <-e.verifying }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var seed [32]byte
	copy(seed[:], p.Start.Seed)
	inst, err := prog.New(ctx, seed)
	if err != nil {
		return err
	}
	defer inst.Close(context.WithoutCancel(ctx))
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		a := ports.ActivationAt(events, at)
		a.Limits = ports.Limits{Fuel: replayFuelFactor * e.opt.Limits.StepFuel, MemoryBytes: replayFuelFactor * e.opt.Limits.MemoryBytes}
		res, err := inst.Activate(ctx, a)
		return res.Commands, err
	})
	if err = r.Feed(p.Page); err == nil {
		err = r.Finish()
	}
	if err != nil && isBlocking(err) {
		return fault.New(fault.Blocked, "package %s does not replay the run up to event %d: %v", prog.Hash(), p.Boundary, err).Hinted("fork at an earlier activation, or with another package")
	}
	return err
}

// forkInput makes the copy the current run of its chain, in one append.
type forkInput struct {
	answer[ports.ForkResult]
	req    ports.ForkRequest
	source ports.Run
	pkg    model.PackageHash
	prefix history.Prefix
}

func (in *forkInput) fail(err error) { in.give(ports.ForkResult{}, err) }

func (in *forkInput) apply(s *step) {
	c, r := s.c, &in.req
	digest := sha256.Sum256([]byte(fmt.Sprintf("fork\x00%s\x00%d\x00%s\x00%v", in.source.ID, r.At, r.Package, r.ReapplySignals)))
	run, ok, err := s.seen(r.RequestID, digest)
	switch {
	case err != nil:
		s.refuse(in, err)
		return
	case ok:
		s.after = append(s.after, func() {
			in.give(ports.ForkResult{WorkflowID: r.NewID, Run: run, Package: in.pkg, At: in.prefix.Boundary}, nil)
		})
		return
	case c.exists && c.run.Status.Open():
		s.refuse(in, fault.New(fault.AlreadyExists, "workflow %q is running, as run %s", r.NewID, c.run.ID).With("run_id", string(c.run.ID)).Hinted("fork to another workflow ID, or end this run first"))
		return
	case c.exists:
		s.remember(c.run.StartRequest, [32]byte(pad32(c.run.RequestDigest)))
	}
	in.create(s, digest)
}

func (in *forkInput) create(s *step, digest [32]byte) {
	c, r, start := s.c, &in.req, in.prefix.Start
	run := model.RunID(c.e.opt.IDs.UUIDv7())
	fold := history.NewReplayer(nil)
	if s.err = fold.Feed(in.prefix.Page); s.err != nil {
		return
	}
	c.dropInstance()
	s.now = max(s.now, fold.State.Time)
	c.run = ports.Run{ID: run, Key: c.key, Type: start.Type, Status: model.StatusRunning, Package: in.pkg, TaskQueue: start.TaskQueue,
		StartedAt: time.Unix(0, s.now).UTC(), StartRequest: r.RequestID, RequestDigest: digest[:]}
	c.exists, c.digest, c.saved, c.maxEvents = true, sha256.New(), 0, 0
	c.attach(fold.State)
	for page, seq := in.prefix.Page, model.Seq(1); len(page) > 0; seq++ {
		_, framed, rest, err := history.Split(page)
		if err != nil {
			s.err = err
			return
		}
		s.place(seq, framed)
		s.count++
		page = rest
	}
	s.bytes += len(in.prefix.Page)
	seed := make([]byte, 32)
	c.e.opt.IDs.Random(seed)
	s.add(&history.Forked{SourceWorkflowID: in.source.Key.WorkflowID, SourceRun: in.source.ID, SourceSeq: in.prefix.Boundary, WorkflowID: r.NewID, RunID: run, Package: in.pkg,
		Seed: seed, Reason: r.Reason, Identity: r.Identity, RequestID: r.RequestID})
	if s.err != nil {
		return
	}
	in.settleOthers(s)
	if s.err != nil {
		return
	}
	c.attach(c.state) // its activities begin anew
	for o, a := range c.acts {
		if a.maybe = false; c.state.Activities[o].Canceling {
			s.after = append(s.after, func() { c.noteUnheld(o, 1) }) // nobody has it
		}
	}
	s.beginAttributes(start.Attributes)
	for _, u := range in.prefix.Upserts {
		if s.err == nil {
			s.beginAttributes(u.Attributes)
		}
	}
	if r.ReapplySignals {
		for _, sig := range in.prefix.Later {
			s.add(sig)
		}
	}
	if s.err != nil {
		return
	}
	s.forked = true
	s.writeRun()
	s.counter(start.Type, model.StatusRunning, 1)
	s.append_.Pins = append(s.append_.Pins, ports.Pin{Package: in.pkg, N: 1})
	s.after = append(s.after, func() {
		c.e.tel.RunStarted(c.key.Namespace, start.Type)
		in.give(ports.ForkResult{WorkflowID: r.NewID, Run: run, Package: in.pkg, At: in.prefix.Boundary}, nil)
	})
}

// settleOthers ends what the copied part waits for from other workflows: their answers go to the source run.
func (in *forkInput) settleOthers(s *step) {
	st := s.c.state
	why := fmt.Sprintf("this run is a fork of run %s, which the other workflow answers", in.source.ID)
	for _, o := range slices.Sorted(maps.Keys(st.Children)) {
		if child := st.Children[o]; child.Run == "" {
			s.add(&history.ChildStartFailed{Ordinal: o, WorkflowID: child.Requested.WorkflowID, Reason: forkedReason, Message: why})
		} else {
			s.add(&history.ChildFailed{Ordinal: o, Run: child.Run, Failure: &model.Failure{Type: forkedReason, Message: why}})
		}
	}
	for _, o := range slices.Sorted(maps.Keys(st.Sendings)) {
		if st.Sendings[o].Cancel {
			s.add(&history.CancelSendFailed{Ordinal: o, Reason: forkedReason, Message: why})
		} else {
			s.add(&history.SignalSendFailed{Ordinal: o, Reason: forkedReason, Message: why})
		}
	}
}
