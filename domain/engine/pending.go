package engine

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// This file is about attempts that are pending (rule A-6): their workers have handed them on, and somebody who has the token ends them. Such an
// attempt is known to its history alone: it is in no queue, in no worker's hands, and its run may leave memory.

// beat is what is known of the heartbeats of a pending attempt.
type beat struct {
	at      int64 // the last one
	stored  int64 // the last one that the store knows
	details model.Payload
}

// handOn records that a worker has handed an attempt on. A second time it changes nothing.
func (s *step) handOn(in *resultInput, a *history.Activity) {
	c := s.c
	if a.Handed != nil {
		s.settled = append(s.settled, settled{in.token.Task, ""})
		return
	}
	ev := &history.ActivityAttemptPending{Ordinal: in.token.Task.Ordinal, Attempt: a.Attempt, Worker: in.worker, Heartbeat: in.heartbeat}
	if limit := a.Scheduled.Options.StartToClose; limit > 0 {
		ev.TimeLeft = limit
		if !in.result.Expires.IsZero() {
			ev.TimeLeft = min(max(in.result.Expires.Sub(time.Unix(0, s.now)), 1), limit)
		}
	}
	typ := a.Scheduled.Type
	s.add(ev)
	s.after = append(s.after, func() { c.e.tel.AttemptEnded(c.key.Namespace, typ, "pending") })
}

// trackHanded sets the time limits of a pending attempt. They are recorded, so they go on while the server is away; only the heartbeats that
// could not come meanwhile are waited for anew (rule T-1).
func (c *chain) trackHanded(o model.Ordinal, a *history.Activity) {
	if at := a.Handed.CloseBy; at != 0 {
		heap.Push(&c.due, dueItem{at, dueHanded, o, a.Attempt})
	}
	if limit := a.Scheduled.Options.Heartbeat; limit > 0 {
		heap.Push(&c.due, dueItem{later(max(a.Handed.At, c.e.opened), limit), dueBeat, o, a.Attempt})
	}
}

func later(at int64, d time.Duration) int64 {
	if at > 1<<63-1-int64(d) {
		return 1<<63 - 1
	}
	return at + int64(d)
}

// beats finds out what is known of the heartbeats of a pending attempt.
func (c *chain) beats(o model.Ordinal, a *history.Activity) (*beat, error) {
	at := c.acts[o]
	if at.beat != nil {
		return at.beat, nil
	}
	b := &beat{at: max(a.Handed.At, c.e.opened)}
	h, ok, err := c.e.store.Heartbeat(c.e.base, c.run.ID, o)
	if err != nil {
		return nil, err
	}
	if ok && h.Attempt == a.Attempt {
		b.details, b.stored = h.Details, h.At.UnixNano()
		// Those that came after the one that was stored are not known any more: as many as may be are taken as heard.
		b.at = max(b.at, b.stored+int64(dispatch.BeatPause(a.Scheduled.Options.Heartbeat)))
	}
	at.beat = b
	return b, nil
}

// expireHanded ends a pending attempt whose time is over; again is when to look again, when it is not.
func (s *step) expireHanded(d dueItem) (again int64) {
	c := s.c
	a := c.state.Activities[d.ordinal]
	kind := model.TimeoutStartToClose
	b, err := c.beats(d.ordinal, a)
	if err != nil {
		s.err = err
		return 0
	}
	if d.kind == dueBeat {
		kind = model.TimeoutHeartbeat
		if by := later(b.at, a.Scheduled.Options.Heartbeat); by > s.now {
			return by
		}
	}
	s.add(history.Settle(a, s.now, timeoutFailure(kind, a.Scheduled.Options), kind, 0, a.Handed.Worker, b.details))
	s.ended(a, "timed_out")
	return 0
}

// handedToken is a token of a pending attempt.
func (c *chain) handedToken(a *history.Activity) []byte {
	return dispatch.Token{Chain: c.key, Task: taskKey(c.run.ID, a)}.Encode()
}

// byToken checks that a token is that of a current attempt of the chain's open run, and gives its activity. Errors: NotFound, NotRunning.
func (s *step) byToken(t dispatch.Token) (*history.Activity, error) {
	c := s.c
	ref := ports.WorkflowRef{Namespace: t.Chain.Namespace, WorkflowID: t.Chain.WorkflowID, Run: t.Task.Run}
	if err := c.openRun(ref); err != nil {
		if fault.Has(err, fault.NotFound) {
			return nil, unknownToken(t.Chain.Namespace)
		}
		return nil, err
	}
	o := t.Task.Ordinal
	a := c.state.Activities[o]
	switch {
	case a == nil && o >= c.state.NextOrdinal:
		return nil, unknownToken(t.Chain.Namespace)
	case a == nil:
		return nil, fault.New(fault.NotRunning, "activity %d of workflow %q has ended: the token no longer counts", o, c.key.WorkflowID)
	case t.Task.Attempt > a.Attempt:
		return nil, unknownToken(t.Chain.Namespace)
	case t.Task.Attempt < a.Attempt || a.NextAt > s.now:
		return nil, fault.New(fault.NotRunning, "attempt %d of activity %s of workflow %q has ended: attempt %d is the current one", t.Task.Attempt, a.Scheduled.Type, c.key.WorkflowID, a.Attempt).
			Hinted("use the token of the current attempt; aion describe %s shows it", c.key.WorkflowID)
	}
	return a, nil
}

func unknownToken(ns model.Namespace) error {
	return fault.NotFoundf("namespace %q has no activity with this token", ns).Hinted("pass the token of the task as it came, and name the namespace of its workflow")
}

// tokenOf reads the token of a call. One of another namespace than the call's is not told from one of nobody.
func (e *Engine) tokenOf(ctx context.Context, ns model.Namespace, raw []byte) (dispatch.Token, error) {
	ns, err := e.ns.Resolve(ctx, ns, false)
	if err != nil {
		return dispatch.Token{}, err
	}
	t, err := dispatch.ParseToken(raw)
	if err == nil && t.Chain.Namespace != ns {
		err = unknownToken(ns)
	}
	return t, err
}

// tokenInput ends an attempt by its token.
type tokenInput struct {
	answer[ports.WorkflowRef]
	e      *Engine
	req    ports.ActivityResult
	token  dispatch.Token
	digest [32]byte
}

func (in *tokenInput) fail(err error) { in.give(ports.WorkflowRef{}, err) }

func (in *tokenInput) apply(s *step) {
	c := s.c
	run, again, err := s.seen(in.req.RequestID, in.digest)
	ref := ports.WorkflowRef{Namespace: c.key.Namespace, WorkflowID: c.key.WorkflowID, Run: run}
	if again {
		s.after = append(s.after, func() { in.give(ref, nil) })
		return
	}
	var a *history.Activity
	if err == nil {
		a, err = s.byToken(in.token)
	}
	if err != nil {
		s.refuse(in, err)
		return
	}
	ev, outcome, err := in.event(s, a)
	if err != nil {
		s.err = err
		return
	}
	before := len(s.settled)
	s.add(ev)
	for i := before; i < len(s.settled); i++ {
		s.settled[i].reason = "it was ended by its token"
	}
	s.ended(a, outcome)
	s.remember(in.req.RequestID, in.digest)
	ref.Run = c.run.ID
	s.after = append(s.after, func() { in.give(ref, nil) })
}

// event is what the answer means.
func (in *tokenInput) event(s *step, a *history.Activity) (history.Attributes, string, error) {
	o, f := in.token.Task.Ordinal, in.req.Failure
	switch {
	case f == nil:
		return &history.ActivityCompleted{Ordinal: o, Attempt: a.Attempt, Result: in.req.Result, Worker: in.req.Identity}, "completed", nil
	case f.Type == model.FailureCanceled && a.Canceling:
		return &history.ActivityCanceled{Ordinal: o, Attempt: a.Attempt, Details: f.Details}, "canceled", nil
	}
	var details model.Payload
	if a.Handed != nil {
		b, err := s.c.beats(o, a)
		if err != nil {
			return nil, "", err
		}
		details = b.details
	}
	return history.Settle(a, s.now, f, model.TimeoutUnspecified, in.req.NextDelay, in.req.Identity, details), "failed", nil
}

// CompleteActivity implements ports.Activities.
func (e *Engine) CompleteActivity(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	r.Failure, r.NextDelay = nil, 0
	if n := r.Result.Size(); n > e.opt.Limits.PayloadBytes {
		return ports.WorkflowRef{}, tooLarge("the result", n, e.opt.Limits.PayloadBytes)
	}
	return e.endByToken(ctx, r)
}

// FailActivity implements ports.Activities.
func (e *Engine) FailActivity(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	r.Result = model.Payload{}
	switch {
	case r.Failure == nil:
		return ports.WorkflowRef{}, fault.Invalidf("the failure is missing").Hinted("say what went wrong: set failure.message, and failure.retryable where another attempt may help")
	case r.NextDelay < 0:
		return ports.WorkflowRef{}, fault.Invalidf("the pause before the next attempt is negative: %v", r.NextDelay)
	case r.Failure.Depth() > model.MaxFailureDepth:
		return ports.WorkflowRef{}, fault.Invalidf("the failure has %d causes; at most %d are allowed", r.Failure.Depth(), model.MaxFailureDepth)
	}
	n := 0
	for f := r.Failure; f != nil; f = f.Cause {
		n += f.Details.Size() + len(f.Message) + len(f.Stack) + len(f.Type)
	}
	if n > e.opt.Limits.PayloadBytes {
		return ports.WorkflowRef{}, tooLarge("the failure", n, e.opt.Limits.PayloadBytes)
	}
	return e.endByToken(ctx, r)
}

func (e *Engine) endByToken(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	if err := e.accepting(); err != nil {
		return ports.WorkflowRef{}, err
	}
	if err := model.ValidateRequestID(r.RequestID); err != nil {
		return ports.WorkflowRef{}, err
	}
	t, err := e.tokenOf(ctx, r.Namespace, r.Token)
	if err != nil {
		return ports.WorkflowRef{}, err
	}
	in := &tokenInput{answer: newAnswer[ports.WorkflowRef](), e: e, req: r, token: t, digest: resultDigest(t, &r)}
	e.submit(t.Chain, in)
	return wait(ctx, in.answer)
}

func resultDigest(t dispatch.Token, r *ports.ActivityResult) [32]byte {
	p := r.Result.Digest()
	said := ""
	if f := r.Failure; f != nil {
		d := f.Details.Digest()
		said = fmt.Sprintf("%s\x00%s\x00%v\x00%x", f.Type, f.Message, f.Retryable, d)
	}
	return sha256.Sum256(fmt.Appendf(nil, "activity\x00%s\x00%d\x00%d\x00%x\x00%s", t.Task.Run, t.Task.Ordinal, t.Task.Attempt, p, said))
}

// beatInput notes a heartbeat that comes by a token.
type beatInput struct {
	answer[beaten]
	req   ports.ActivityBeat
	token dispatch.Token
}

// beaten answers a heartbeat: store is what the store must know before the caller hears of it.
type beaten struct {
	canceled bool
	store    *ports.Heartbeat
}

func (in *beatInput) fail(err error) { in.give(beaten{}, err) }

func (in *beatInput) apply(s *step) {
	c := s.c
	a, err := s.byToken(in.token)
	if err != nil {
		s.refuse(in, err)
		return
	}
	o := in.token.Task.Ordinal
	if a.Handed == nil {
		s.after = append(s.after, func() {
			ok, canceling := c.e.dispatch.Beat(in.token.Task, in.req.Details)
			if !ok {
				in.fail(fault.New(fault.NotRunning, "attempt %d of activity %s waits for a worker: nobody executes it", a.Attempt, a.Scheduled.Type))
				return
			}
			in.give(beaten{canceled: canceling}, nil)
		})
		return
	}
	b, err := c.beats(o, a)
	if err != nil {
		s.err = err
		return
	}
	now := s.now
	s.after = append(s.after, func() {
		b.at = max(b.at, now)
		if !in.req.Details.IsZero() {
			b.details = in.req.Details
		}
		out := beaten{canceled: a.Canceling}
		if !in.req.Details.IsZero() || now-b.stored >= int64(dispatch.BeatPause(a.Scheduled.Options.Heartbeat)) {
			b.stored = now
			out.store = &ports.Heartbeat{Run: c.run.ID, Ordinal: o, Attempt: a.Attempt, Details: b.details, At: time.Unix(0, now).UTC()}
		}
		in.give(out, nil)
	})
}

// HeartbeatActivity implements ports.Activities.
func (e *Engine) HeartbeatActivity(ctx context.Context, r ports.ActivityBeat) (canceled bool, err error) {
	if err := e.accepting(); err != nil {
		return false, err
	}
	if n := r.Details.Size(); n > e.opt.Limits.PayloadBytes {
		return false, tooLarge("the details", n, e.opt.Limits.PayloadBytes)
	}
	t, err := e.tokenOf(ctx, r.Namespace, r.Token)
	if err != nil {
		return false, err
	}
	in := &beatInput{answer: newAnswer[beaten](), req: r, token: t}
	e.submit(t.Chain, in)
	out, err := wait(ctx, in.answer)
	if err == nil && out.store != nil {
		err = e.store.PutHeartbeat(ctx, *out.store)
	}
	return out.canceled, err
}
