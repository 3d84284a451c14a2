package engine

import (
	"context"
	"sort"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/signal"
	"github.com/aionrun/aion/ports"
)

// ref checks a reference and gives its chain.
func (e *Engine) ref(ctx context.Context, r *ports.WorkflowRef) (model.ChainKey, error) {
	ns, err := e.ns.Resolve(ctx, r.Namespace, false)
	if err != nil {
		return model.ChainKey{}, err
	}
	r.Namespace = ns
	if err := model.ValidateID("workflow ID", string(r.WorkflowID)); err != nil {
		return model.ChainKey{}, err
	}
	if r.Run != "" {
		if err := model.ValidateID("run ID", string(r.Run)); err != nil {
			return model.ChainKey{}, err
		}
	}
	return model.ChainKey{Namespace: ns, WorkflowID: r.WorkflowID}, nil
}

// wait waits for a chain's answer.
func wait[T any](ctx context.Context, a answer[T]) (T, error) {
	select {
	case r := <-a.ch:
		return r.v, r.err
	case <-ctx.Done():
		var zero T
		return zero, fault.Wrap(fault.Unavailable, ctx.Err(), "the call was given up; it may have taken effect").Hinted("repeat it with the same request ID")
	}
}

// signalInput records a message.
type signalInput struct {
	answer[model.RunID]
	req    ports.SignalRequest
	digest [32]byte
}

func (in *signalInput) fail(err error) { in.give("", err) }

func (in *signalInput) apply(s *step) {
	c := s.c
	l := c.e.signalLimits()
	run, ok, err := s.seen(in.req.RequestID, in.digest)
	if err == nil && !ok {
		if err = c.openRun(in.req.Ref); err == nil {
			err = signal.Admit(c.state, l)
		}
	}
	if err != nil {
		s.refuse(in, err)
		return
	}
	if !ok {
		s.add(signal.Event(in.req))
		s.remember(in.req.RequestID, in.digest)
		run = c.run.ID
	}
	s.after = append(s.after, func() { in.give(run, nil) })
}

func (e *Engine) signalLimits() signal.Limits {
	l := e.opt.Limits
	return signal.Limits{PayloadBytes: l.PayloadBytes, BacklogEvents: l.BacklogEvents, BacklogBytes: l.BacklogBytes}
}

// Signal records a message to the open run.
func (e *Engine) Signal(ctx context.Context, r ports.SignalRequest) (model.RunID, error) {
	if err := e.accepting(); err != nil {
		return "", err
	}
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return "", err
	}
	if err := signal.Check(r, e.signalLimits()); err != nil {
		return "", err
	}
	in := &signalInput{answer: newAnswer[model.RunID](), req: r, digest: signal.Digest(r)}
	e.submit(key, in)
	return wait(ctx, in.answer)
}

// Cancel records a cancel request.
func (e *Engine) Cancel(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return e.end(ctx, r, false)
}

// Terminate closes the run at once.
func (e *Engine) Terminate(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return e.end(ctx, r, true)
}

func (e *Engine) end(ctx context.Context, r ports.EndRequest, terminate bool) (model.RunID, error) {
	if err := e.accepting(); err != nil {
		return "", err
	}
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return "", err
	}
	if err := model.ValidateRequestID(r.RequestID); err != nil {
		return "", err
	}
	if n := len(r.Reason); n > e.opt.Limits.PayloadBytes {
		return "", tooLarge("the reason", n, e.opt.Limits.PayloadBytes)
	}
	in := &endInput{answer: newAnswer[model.RunID](), req: r, terminate: terminate}
	e.submit(key, in)
	return wait(ctx, in.answer)
}

// Describe shows a run.
func (e *Engine) Describe(ctx context.Context, ref ports.WorkflowRef) (ports.Description, error) {
	key, err := e.ref(ctx, &ref)
	if err != nil {
		return ports.Description{}, err
	}
	d, err := inspect(ctx, e, key, func(c *chain, s *step) (ports.Description, error) {
		switch {
		case !c.exists:
			return ports.Description{}, notFound(ref)
		case ref.Run != "" && ref.Run != c.run.ID, c.state == nil || !c.state.Open():
			return ports.Description{}, nil
		}
		return c.describe(time.Unix(0, s.now)), nil
	}, nil)
	if err != nil || d.Run.ID != "" {
		return d, err
	}
	run, err := e.runOf(ctx, ref)
	if err != nil {
		return d, err
	}
	o, err := e.outcomeOfClosed(ctx, run)
	if err != nil {
		return d, err
	}
	d.Run, d.Summary = run, "closed: "+run.Status.String()
	switch {
	case o.Failure != nil:
		d.Summary += ": " + o.Failure.Message
	case o.Reason != "":
		d.Summary += ": " + o.Reason
	}
	return d, nil
}

func (c *chain) describe(now time.Time) ports.Description {
	st := c.state
	run := c.run
	run.HeadSeq, run.HistoryBytes = st.Seq, st.Bytes
	d := ports.Description{Run: run, Summary: sentence(c.waitingFor(now)), Undelivered: len(st.Pending), CancelRequested: st.CancelRequested}
	d.HistoryWarning = c.lengthWarning()
	if st.Blocked != nil {
		d.Blocked = blockedInfo(st.Blocked, st.BlockedAt)
	}
	for o, a := range st.Activities {
		p := ports.PendingActivity{Ordinal: o, Type: a.Scheduled.Type, Queue: a.Scheduled.Options.TaskQueue, Attempt: a.Attempt, MaxAttempts: a.Scheduled.Options.Retry.MaximumAttempts,
			ScheduledAt: time.Unix(0, a.ScheduledAt).UTC(), LastFailure: a.LastFailure, Phase: ports.PhaseQueued, Heartbeat: a.Heartbeat}
		w, known := c.e.dispatch.Wait(taskKey(run.ID, a))
		worker, waiting, details := w.Worker, w.Waiting, w.Details
		switch {
		case a.Handed != nil:
			p.Phase, p.Token = ports.PhasePending, c.handedToken(a)
			worker = a.Handed.Worker
		case a.Canceling:
			p.Phase = ports.PhaseCanceling
		case a.NextAt > now.UnixNano():
			p.Phase, p.NextAt = ports.PhaseBackingOff, time.Unix(0, a.NextAt).UTC()
		case known && !waiting:
			p.Phase = ports.PhaseRunning
		}
		p.Worker = worker
		if !details.IsZero() {
			p.Heartbeat = details
		}
		d.Activities = append(d.Activities, p)
	}
	sort.Slice(d.Activities, func(i, j int) bool { return d.Activities[i].Ordinal < d.Activities[j].Ordinal })
	for o, t := range st.Timers {
		d.Timers = append(d.Timers, ports.PendingTimer{Ordinal: o, DueAt: time.Unix(0, t.Due).UTC()})
	}
	d.Updates = c.pendingUpdates()
	sort.Slice(d.Timers, func(i, j int) bool { return d.Timers[i].Ordinal < d.Timers[j].Ordinal })
	c.describeFamily(&d)
	return d
}

// runOf finds the run that a reference means, from the store.
func (e *Engine) runOf(ctx context.Context, ref ports.WorkflowRef) (ports.Run, error) {
	if ref.Run != "" {
		run, err := e.store.Run(ctx, ref.Namespace, ref.Run)
		if err == nil && run.Key.WorkflowID != ref.WorkflowID || fault.Has(err, fault.NotFound) {
			return ports.Run{}, notFound(ref)
		}
		return run, err
	}
	_, run, err := e.store.Chain(ctx, model.ChainKey{Namespace: ref.Namespace, WorkflowID: ref.WorkflowID})
	if fault.Has(err, fault.NotFound) {
		return ports.Run{}, notFound(ref)
	}
	return run, err
}

// outcomeOfClosed reads how a closed run ended.
func (e *Engine) outcomeOfClosed(ctx context.Context, run ports.Run) (ports.Outcome, error) {
	row, err := e.store.LastHistory(ctx, run.ID)
	if err != nil {
		return ports.Outcome{}, err
	}
	events, err := history.DecodePage(row.Bytes)
	if err != nil {
		return ports.Outcome{}, err
	}
	last := events[len(events)-1]
	if !last.Kind().Closing() {
		return ports.Outcome{}, fault.Internalf("run %s is %v, but its history ends with %v", run.ID, run.Status, last.Kind())
	}
	return outcomeOf(run.ID, last.Attr), nil
}

// standing tells how a run stands now.
func (e *Engine) standing(ctx context.Context, ref ports.WorkflowRef) (ports.Outcome, error) {
	run, err := e.runOf(ctx, ref)
	if err != nil {
		return ports.Outcome{}, err
	}
	if !run.Status.Open() {
		return e.outcomeOfClosed(ctx, run)
	}
	o, err := inspect(ctx, e, model.ChainKey{Namespace: ref.Namespace, WorkflowID: ref.WorkflowID}, func(c *chain, s *step) (ports.Outcome, error) {
		if !c.exists || c.run.ID != run.ID || c.state == nil || !c.state.Open() {
			return ports.Outcome{}, nil // it closed meanwhile
		}
		o := ports.Outcome{Run: run.ID, Status: model.StatusRunning, WaitingFor: c.waitingFor(time.Unix(0, s.now))}
		if b := c.state.Blocked; b != nil {
			o.Blocked = blockedInfo(b, c.state.BlockedAt)
		}
		return o, nil
	}, nil)
	if err != nil || o.Run != "" {
		return o, err
	}
	if run, err = e.runOf(ctx, ports.WorkflowRef{Namespace: ref.Namespace, WorkflowID: ref.WorkflowID, Run: run.ID}); err != nil {
		return o, err
	}
	return e.outcomeOfClosed(ctx, run)
}

// Result waits for the end of a run. A Blocked run answers at once.
func (e *Engine) Result(ctx context.Context, r ports.ResultRequest) (ports.Outcome, error) {
	key, err := e.ref(ctx, &r.Ref)
	if err != nil {
		return ports.Outcome{}, err
	}
	if r.Wait <= 0 {
		return e.standing(ctx, r.Ref)
	}
	run, err := e.runOf(ctx, r.Ref)
	if err != nil {
		return ports.Outcome{}, err
	}
	return e.resultOf(ctx, key, run.ID, r.Ref.Run == "", r.Wait)
}

// resultOf waits for the end of a run; follow says to wait for the runs that it continues as, too.
func (e *Engine) resultOf(ctx context.Context, key model.ChainKey, run model.RunID, follow bool, wait time.Duration) (ports.Outcome, error) {
	w := e.waiters.add(key, run, follow)
	if w == nil {
		return ports.Outcome{}, fault.New(fault.Overloaded, "too many calls wait for results on this server").Hinted("ask again without waiting")
	}
	defer e.waiters.remove(w)
	o, err := e.standingOf(ctx, w)
	if err != nil || !o.Status.Open() || o.Blocked != nil {
		return o, err
	}
	return e.await(ctx, w, wait)
}

// standingOf tells how the run stands that a waiter waits for, and lets a waiter that follows the chain go on to the run that has taken its place.
func (e *Engine) standingOf(ctx context.Context, w *waiter) (ports.Outcome, error) {
	for {
		run := e.waiters.runOf(w)
		o, err := e.standing(ctx, ports.WorkflowRef{Namespace: w.key.Namespace, WorkflowID: w.key.WorkflowID, Run: run})
		if err != nil || !w.follow || o.Status.Open() {
			return o, err
		}
		// Closed: it may have a successor, however it ended.
		next, err := e.nextOf(ctx, run, o)
		if err != nil || next == "" {
			return o, err
		}
		e.waiters.bind(w, next)
	}
}

// History reads a page of a run's events.
func (e *Engine) History(ctx context.Context, r ports.HistoryRequest) (ports.HistoryResult, error) {
	if _, err := e.ref(ctx, &r.Ref); err != nil {
		return ports.HistoryResult{}, err
	}
	run, err := e.runOf(ctx, r.Ref)
	if err != nil {
		return ports.HistoryResult{}, err
	}
	from, limit := max(r.From, 1), r.MaxBytes
	if limit <= 0 {
		limit = pageBytes
	}
	limit = min(limit, maxPageBytes)
	rows, err := e.store.History(ctx, run.ID, from, limit)
	if err != nil {
		return ports.HistoryResult{}, err
	}
	out := ports.HistoryResult{Run: run.ID}
	var last model.Seq
	for i := range rows {
		page, seq := rows[i].Bytes, rows[i].First
		for len(page) > 0 {
			_, framed, rest, err := history.Split(page)
			if err != nil {
				return ports.HistoryResult{}, err
			}
			if seq >= from {
				if len(out.Bytes) > 0 && len(out.Bytes)+len(framed) > limit {
					out.Next = seq
					return out, nil
				}
				out.Bytes = append(out.Bytes, framed...)
				last = seq
			}
			seq++
			page = rest
		}
	}
	if last > 0 {
		next, err := e.store.History(ctx, run.ID, last+1, 1)
		if err != nil {
			return ports.HistoryResult{}, err
		}
		if len(next) > 0 {
			out.Next = last + 1
		}
	}
	return out, nil
}

// List lists runs, newest start first.
func (e *Engine) List(ctx context.Context, q ports.ListQuery) ([]ports.Run, *ports.ListCursor, error) {
	ns, err := e.ns.Resolve(ctx, q.Namespace, false)
	if err != nil {
		return nil, nil, err
	}
	q.Namespace = ns
	if q.Limit <= 0 {
		q.Limit = 100
	}
	if q.Filter != "" {
		return e.search(ctx, q)
	}
	n := q.Limit
	q.Limit++
	runs, err := e.store.List(ctx, q)
	if err != nil || len(runs) <= n {
		return runs, nil, err
	}
	last := runs[n-1]
	return runs[:n], &ports.ListCursor{StartedAt: last.StartedAt, Run: last.ID}, nil
}

// Count counts runs by type and status.
func (e *Engine) Count(ctx context.Context, ns model.Namespace) ([]ports.RunCount, error) {
	ns, err := e.ns.Resolve(ctx, ns, false)
	if err != nil {
		return nil, err
	}
	return e.store.Count(ctx, ns)
}

// Register begins a worker's session.
func (e *Engine) Register(ctx context.Context, r ports.WorkerRegistration) (ports.WorkerSession, error) {
	if err := e.accepting(); err != nil {
		return nil, err
	}
	if len(r.Namespaces) == 0 {
		r.Namespaces = []model.Namespace{""}
	}
	for i, ns := range r.Namespaces {
		ns, err := e.ns.Resolve(ctx, ns, true)
		if err != nil {
			return nil, err
		}
		r.Namespaces[i] = ns
	}
	if e.registry != nil {
		if err := e.registry.WorkerJoined(ctx, r.Identity); err != nil {
			return nil, err
		}
	}
	return e.dispatch.Register(r)
}

// Workers lists connected workers.
func (e *Engine) Workers(ctx context.Context, ns model.Namespace) ([]ports.WorkerStatus, error) {
	if ns != "" {
		if _, err := e.ns.Resolve(ctx, ns, false); err != nil {
			return nil, err
		}
	}
	return e.dispatch.Workers(ns), nil
}
