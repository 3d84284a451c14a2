package engine

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Pause holds the open run: what arrives is recorded, nothing of it runs (rule D-10).
func (e *Engine) Pause(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return e.pause(ctx, r, true)
}

// Resume lets the run go on.
func (e *Engine) Resume(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return e.pause(ctx, r, false)
}

func (e *Engine) pause(ctx context.Context, r ports.EndRequest, paused bool) (model.RunID, error) {
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
	in := &pauseInput{answer: newAnswer[model.RunID](), req: r, paused: paused}
	e.submit(key, in)
	return wait(ctx, in.answer)
}

// pauseInput pauses or resumes the open run. Where it is so already, nothing changes.
type pauseInput struct {
	answer[model.RunID]
	req    ports.EndRequest
	paused bool
}

func (in *pauseInput) fail(err error) { in.give("", err) }

func (in *pauseInput) apply(s *step) {
	c := s.c
	digest := sha256.Sum256([]byte(fmt.Sprintf("pause\x00%v\x00%s\x00%s", in.paused, in.req.Ref.Run, in.req.Reason)))
	run, ok, err := s.seen(in.req.RequestID, digest)
	if err == nil && !ok {
		err = c.openRun(in.req.Ref)
	}
	if err != nil {
		s.refuse(in, err)
		return
	}
	if !ok {
		s.remember(in.req.RequestID, digest)
		s.setPaused(in.paused, in.req)
		run = c.run.ID
	}
	s.after = append(s.after, func() { in.give(run, nil) })
}

func (s *step) setPaused(paused bool, r ports.EndRequest) {
	c := s.c
	if c.state.Paused == paused {
		return
	}
	if paused {
		s.add(&history.Paused{Reason: r.Reason, Identity: r.Identity, RequestID: r.RequestID})
	} else {
		s.add(&history.Resumed{Reason: r.Reason, Identity: r.Identity, RequestID: r.RequestID})
	}
	c.run.Paused = paused
	s.writeRun()
	typ := c.run.Type
	s.after = append(s.after, func() { c.e.tel.RunPaused(c.key.Namespace, typ, paused) })
}

// holdOrRelease brings the dispatcher in line with a run that was paused or Blocked in this step, or goes on: attempts that wait for a worker
// are taken back, those that a worker has may finish.
func (s *step) holdOrRelease() {
	c := s.c
	switch {
	case !s.hold && !s.free || !c.state.Open():
	case !c.state.Runnable():
		for o, a := range c.acts {
			if !a.offered || c.state.Activities[o].Canceling {
				continue // it is nowhere, or only waited for
			}
			// What the backlog has a row for and the queue has not come to is left to the queue, which then meets a held run.
			if waited, known := c.e.dispatch.Hold(dispatch.TaskKey{Run: c.run.ID, Ordinal: o, Attempt: a.n}); waited || !known && !a.row {
				c.takeBack(o)
			}
		}
	default:
		for o, a := range c.acts {
			c.e.dispatch.Release(dispatch.TaskKey{Run: c.run.ID, Ordinal: o, Attempt: a.n})
		}
	}
}

// returnedInput takes an attempt back that the dispatcher may not hand out.
type returnedInput struct {
	e     *Engine
	token dispatch.Token
}

func (in *returnedInput) fail(error) { in.e.later(in.token.Chain, in) }

func (in *returnedInput) apply(s *step) {
	if s.current(in.token.Task) != nil {
		s.c.takeBack(in.token.Task.Ordinal) // where the run goes on meanwhile, this step offers it again
	}
}
