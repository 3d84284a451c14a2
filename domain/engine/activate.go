package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// activate makes a step that only lets the code have what waits for it.
type activate struct{}

func (activate) apply(*step) {}
func (activate) fail(error)  {}

// activateAll activates the code until nothing waits for it, each round its own Activated (rules C-2, C-3, C-4).
func (s *step) activateAll() {
	c := s.c
	for round := 0; s.err == nil && s.rollback == nil && c.state.NeedsActivation(); round++ {
		if round > 0 && s.full() {
			s.again = true
			return
		}
		if round > maxRounds {
			s.rollback = &history.Blocked{What: "step_too_large", Message: fmt.Sprintf("the code went on for %d rounds in one step", round), Limit: maxRounds, Size: int64(round)}
			return
		}
		if s.forked {
			s.again = true
			return
		}
		if !s.ensureInstance() {
			return
		}
		if !s.activateOnce() {
			return
		}
		if s.continued {
			s.again = true
			return
		}
	}
}

// checkHistory blocks a run whose history has become too long (rule B-1).
func (s *step) checkHistory() {
	c := s.c
	if !c.state.Runnable() {
		return
	}
	b := &history.Blocked{What: "history_limit"}
	switch l := c.e.opt.Limits; {
	case int(c.state.Seq) >= l.HistoryEvents:
		b.Limit, b.Size = int64(l.HistoryEvents), int64(c.state.Seq)
		b.Message = fmt.Sprintf("the history has %d events; at most %d are allowed", c.state.Seq, l.HistoryEvents)
	case c.state.Bytes >= l.HistoryBytes:
		b.Limit, b.Size = l.HistoryBytes, c.state.Bytes
		b.Message = fmt.Sprintf("the history has %d bytes; at most %d are allowed", c.state.Bytes, l.HistoryBytes)
	default:
		return
	}
	s.block(b)
}

// batch chooses the events of one activation (rule C-3).
func (c *chain) batch() (page []byte, through model.Seq, n int) {
	limit := activationEvents
	if c.maxEvents > 0 {
		limit = c.maxEvents
	}
	for _, p := range c.state.Pending {
		if n == limit || n > 0 && len(page)+len(p.Framed) > activationBytes {
			break
		}
		page = append(page, p.Framed...)
		through = p.Seq
		n++
	}
	return page, through, n
}

// activateOnce makes one round; false ends the step's rounds.
func (s *step) activateOnce() bool {
	c := s.c
	page, through, n := c.batch()
	patches := history.LivePatches(c.state)
	suggest := c.large()
	res, err := c.inst.Activate(c.e.base, ports.Activation{Now: time.Unix(0, s.now).UTC(), Live: true, Events: page, Patched: patches.Ask,
		HistoryLength: c.state.Seq, HistoryBytes: c.state.Bytes, SuggestContinue: suggest,
		Limits: ports.Limits{Fuel: c.e.opt.Limits.StepFuel, MemoryBytes: c.e.opt.Limits.MemoryBytes}})
	if err != nil {
		c.dropInstance()
		var trap *ports.Trap
		switch {
		case !errors.As(err, &trap):
			s.hostTrouble("an activation failed", err)
		case n > 1 && (trap.Which == ports.TrapFuel || trap.Which == ports.TrapMemory):
			c.maxEvents = n / 2
			s.again = true
		default:
			s.block(blockedBy(trap))
		}
		return false
	}
	c.retryAt, c.maxEvents = 0, 0
	c.effort += 50_000 + 2*res.FuelUsed + int64(100*len(page)/16)
	if len(res.Logs) > 0 {
		run := c.run
		s.after = append(s.after, func() { c.logLines(run, res.Logs) })
	}
	cmds, err := history.DecodeCommands(res.Commands)
	if err != nil {
		c.dropInstance()
		s.block(&history.Blocked{What: string(ports.TrapProtocol), Message: err.Error()})
		return false
	}
	marks := patches.Marks()
	if limit := c.e.opt.Limits.StepEvents; len(cmds)+len(marks) > limit {
		s.rollback = &history.Blocked{What: "step_too_large", Message: fmt.Sprintf("one activation of the code made %d commands; at most %d are allowed", len(cmds)+len(marks), limit), Limit: int64(limit), Size: int64(len(cmds) + len(marks))}
		return false
	}
	s.command(through, suggest, marks, cmds)
	return s.err == nil && s.rollback == nil
}

// command turns one activation's commands into events behind their Activated. Each is folded before the next is decided; the Activated,
// which counts them, is folded first and encoded last. marks are what the code was told of its patches (rule D-5).
func (s *step) command(through model.Seq, suggest bool, marks, cmds []history.Attributes) {
	c := s.c
	mark := &history.Activated{Through: through, Suggest: suggest}
	head := history.Event{Seq: c.state.Seq + 1, Time: s.now, Attr: mark}
	s.fold(&head, nil)
	var frames []byte
	ends := make([]int, 0, len(marks)+len(cmds))
	record := func(a history.Attributes) {
		e := history.Event{Seq: c.state.Seq + 1, Time: s.now, Attr: a}
		before := len(frames)
		frames = history.AppendEvent(frames, &e)
		ends = append(ends, len(frames))
		s.fold(&e, frames[before:len(frames):len(frames)])
	}
	for _, m := range marks {
		record(m)
	}
	for _, cmd := range cmds {
		if size := payloadSize(cmd); size > c.e.opt.Limits.PayloadBytes {
			s.rollback = &history.Blocked{What: "step_too_large", Message: fmt.Sprintf("%s carries a payload of %d bytes; at most %d are allowed (limits.payload_bytes)", history.Describe(cmd), size, c.e.opt.Limits.PayloadBytes),
				Limit: int64(c.e.opt.Limits.PayloadBytes), Size: int64(size)}
			return
		}
		events, n, err := history.Decide(c.state, cmd)
		if err != nil {
			s.reject(err)
			return
		}
		all := events[:n]
		if closing := history.CloseUpdates(c.state, cmd); closing != nil {
			all = append(closing, all...)
		}
		for _, a := range all {
			if u, ok := a.(*history.SearchAttributesUpserted); ok && !s.upsert(u) {
				return
			}
			record(s.named(a))
		}
		if s.err != nil {
			return
		}
	}
	mark.Commands = uint32(len(ends))
	framed := history.AppendEvent(nil, &head)
	c.state.Bytes += int64(len(framed))
	s.bytes += len(framed)
	s.place(head.Seq, framed)
	from := 0
	for i, end := range ends {
		s.place(head.Seq+1+model.Seq(i), frames[from:end])
		from = end
	}
	l := c.e.opt.Limits
	switch {
	case len(frames) > l.StepBytes:
		s.rollback = &history.Blocked{What: "step_too_large", Message: fmt.Sprintf("one activation of the code asked for %d bytes of events; at most %d are allowed", len(frames), l.StepBytes), Limit: int64(l.StepBytes), Size: int64(len(frames))}
	case c.state.Open() && len(c.state.Children)+len(c.state.Sendings) > l.PendingActivities:
		n := len(c.state.Children) + len(c.state.Sendings)
		s.rollback = &history.Blocked{What: "step_too_large", Message: fmt.Sprintf("the run has %d open children and messages on their way; at most %d are allowed (limits.pending_activities)", n, l.PendingActivities),
			Limit: int64(l.PendingActivities), Size: int64(n)}
	case len(c.state.Activities) > l.PendingActivities:
		s.rollback = &history.Blocked{What: "step_too_large", Message: fmt.Sprintf("the run has %d pending activities; at most %d are allowed (limits.pending_activities)", len(c.state.Activities), l.PendingActivities),
			Limit: int64(l.PendingActivities), Size: int64(len(c.state.Activities))}
	}
	s.chainEnded()
}

func payloadSize(a history.Attributes) int {
	switch a := a.(type) {
	case *history.ActivityScheduled:
		return a.Input.Size()
	case *history.SearchAttributesUpserted:
		n := 0
		for name, p := range a.Attributes {
			n = max(n, len(name)+p.Size())
		}
		return n
	case *history.Completed:
		return a.Result.Size()
	case *history.Canceled:
		return a.Details.Size()
	case *history.ContinuedAsNew:
		return a.Input.Size()
	case *history.ChildStartRequested:
		return a.Input.Size()
	case *history.SignalSendRequested:
		return a.Input.Size()
	case *history.Failed:
		return failureSize(a.Failure)
	case *history.UpdateCompleted:
		return a.Result.Size() + failureSize(a.Failure)
	}
	return 0
}

func failureSize(f *model.Failure) (n int) {
	for ; f != nil; f = f.Cause {
		n += f.Details.Size() + len(f.Message) + len(f.Stack)
	}
	return n
}

// reject blocks the run because of a command that cannot be accepted.
func (s *step) reject(err error) {
	var r *history.Refusal
	if !errors.As(err, &r) {
		s.err = err
		return
	}
	s.rollback = &history.Blocked{What: string(ports.TrapProtocol), Message: r.Message}
}

func blockedBy(t *ports.Trap) *history.Blocked {
	return &history.Blocked{What: string(t.Which), Message: clipText(t.Message, 4096), Limit: t.Limit, Stack: clipText(t.Stack, 16384)}
}

func clipText(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

func (c *chain) logLines(run ports.Run, lines []ports.LogLine) {
	for _, l := range lines {
		args := []any{"namespace", string(c.key.Namespace), "workflow_id", string(c.key.WorkflowID), "run_id", string(run.ID), "workflow_type", string(run.Type)}
		for _, e := range model.SortedEntries(l.Attrs) {
			args = append(args, e[0], e[1])
		}
		c.e.log.Log(context.Background(), logLevel(l.Level), l.Message, args...)
	}
}

// ensureInstance makes sure that the chain has its code at the last boundary; false when it has not, and then the run is Blocked or the
// step ends with an error.
func (s *step) ensureInstance() bool {
	c := s.c
	if c.inst != nil {
		c.e.tel.InstanceFound("live")
		return true
	}
	prog, err := c.e.packages.program(c.e.base, c.state.Package)
	if err != nil {
		if r := fault.ReasonOf(err); r == fault.NotFound || r == fault.InvalidInput {
			s.block(&history.Blocked{What: "missing_package", Message: fmt.Sprintf("package %s is not there: %v", c.state.Package, err)})
			return false
		}
		// What came in is recorded all the same (rule C-2).
		s.hostTrouble("a package could not be loaded", err)
		return false
	}
	c.prog = prog
	inst, err := c.rebuild(prog, false)
	switch {
	case err == nil:
		c.inst = inst
		return true
	case isBlocking(err):
		s.block(blockedByReplay(err))
	default:
		s.hostTrouble("an instance could not be made", err)
	}
	return false
}

// hostTrouble lets the code be tried again after a pause: it has done nothing wrong.
func (s *step) hostTrouble(what string, err error) {
	c := s.c
	c.retryAt = s.now + int64(retryPause)
	if c.e.base.Err() == nil {
		c.e.log.Error(what+"; it will be tried again", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "error", err)
	}
}

func isBlocking(err error) bool {
	var m *history.Mismatch
	var r *history.Refusal
	var t *ports.Trap
	return errors.As(err, &m) || errors.As(err, &r) || errors.As(err, &t)
}

func blockedByReplay(err error) *history.Blocked {
	var m *history.Mismatch
	var t *ports.Trap
	switch {
	case errors.As(err, &m):
		return &history.Blocked{What: "nondeterminism", Message: m.Error(), AtSeq: m.Seq, Expected: m.Expected, Found: m.Found}
	case errors.As(err, &t):
		b := blockedBy(t)
		b.Message = "on replay: " + b.Message
		return b
	}
	return &history.Blocked{What: string(ports.TrapProtocol), Message: err.Error()}
}

// rebuild gives an instance at the last activation boundary that is in the store: a fresh one, a hibernated one, or one made by replay. The last two
// read the store; fresh says to leave a hibernated one aside.
func (c *chain) rebuild(prog ports.Program, fresh bool) (ports.Instance, error) {
	var seed [32]byte
	copy(seed[:], c.state.Start.Seed)
	if c.state.Activations == 0 {
		c.e.tel.InstanceFound("new")
		return prog.New(c.e.base, seed)
	}
	if !fresh && prog.ImageHash() != "" {
		inst, ok, err := prog.Restore(c.e.base, c.snapshotKey(), seed)
		if err != nil {
			return nil, err
		}
		if ok {
			c.e.tel.InstanceFound("restored")
			c.effort = 4_000_000 // it was worth hibernating once
			return inst, nil
		}
	}
	c.e.tel.InstanceFound("replayed")
	inst, _, err := c.e.replay(c.e.base, prog, c.run.ID, seed)
	if err == nil {
		c.effort = int64(c.state.Activations) * 100_000
	}
	return inst, err
}

// snapshotKey names the moment of the chain's last commit for hibernation.
func (c *chain) snapshotKey() ports.SnapshotKey {
	k := ports.SnapshotKey{Run: c.run.ID, Seq: c.row.HeadSeq}
	c.digest.Sum(k.Digest[:0])
	return k
}

// replay makes an instance by replaying what the store has of a run (rule D-8): it stands at the last activation. The state is the fold of
// the whole history.
func (e *Engine) replay(ctx context.Context, prog ports.Program, run model.RunID, seed [32]byte) (ports.Instance, *history.State, error) {
	began := e.opt.Clock.Now()
	inst, err := prog.New(ctx, seed)
	if err != nil {
		return nil, nil, err
	}
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		return e.activateAgain(ctx, inst, events, at)
	})
	err = e.feed(ctx, r, run)
	if err != nil {
		inst.Close(ctx)
		return nil, r.State, err
	}
	e.tel.Replayed(e.opt.Clock.Now().Sub(began), int(r.State.Seq))
	return inst, r.State, nil
}

// activateAgain is an activation on replay.
func (e *Engine) activateAgain(ctx context.Context, inst ports.Instance, events []byte, at history.Boundary) ([]byte, error) {
	a := ports.ActivationAt(events, at)
	a.Limits = ports.Limits{Fuel: replayFuelFactor * e.opt.Limits.StepFuel, MemoryBytes: replayFuelFactor * e.opt.Limits.MemoryBytes}
	res, err := inst.Activate(ctx, a)
	return res.Commands, err
}

// feed gives a replayer all of a run's history.
func (e *Engine) feed(ctx context.Context, r *history.Replayer, run model.RunID) error {
	for {
		rows, err := e.store.History(ctx, run, r.State.Seq+1, pageBytes)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return r.Finish()
		}
		for i := range rows {
			if err := r.Feed(rows[i].Bytes); err != nil {
				return err
			}
		}
	}
}
