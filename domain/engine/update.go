package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// maxOpenUpdates bounds the updates of a run that are accepted and not completed (rule B-1).
const maxOpenUpdates = 256

// updateInput lets the code accept an update (rule D-4): it is validated on a throw-away copy of the code at a clean boundary, where
// everything that was recorded before has been activated, and one at a time.
type updateInput struct {
	answer[updateAt]
	req    ports.UpdateRequest
	digest [32]byte
	start  *startInput // of an update with a start: what runs where nothing does
	began  bool        // the start is durable
}

// updateAt says where a run has an update.
type updateAt struct {
	run       model.RunID
	open      bool
	completed model.Seq // 0: open, or somewhere in the history of a run that is not at hand
	blocked   *ports.BlockedInfo
	started   bool // its run was started with it
	pkg       model.PackageHash
}

func (in *updateInput) fail(err error) { in.give(updateAt{}, err) }

func (in *updateInput) apply(s *step) {
	at, done, err := in.known(s)
	if err == nil && !done && in.start != nil && !in.began {
		var begins bool
		if begins, err = in.begin(s); err == nil && begins {
			return
		}
	}
	if err == nil && !done {
		at, done, err = in.admit(s)
	}
	var f *fault.Error
	if in.began && errors.As(err, &f) {
		err = f.With("started_run_id", string(s.c.run.ID))
	}
	switch {
	case err != nil:
		s.refuse(in, err)
	case done:
		s.after = append(s.after, func() { in.tell(s.c, at) })
	default:
		s.later = append(s.later, in)
	}
}

// tell answers with how the update stands once the step is durable: the code may have completed it at once.
func (in *updateInput) tell(c *chain, at updateAt) {
	if c.run.ID == at.run && c.state != nil {
		at = c.updateAt(in.req.ID)
	}
	at.started, at.pkg = in.began, c.run.Package
	in.give(at, nil)
}

// known finds the update in the current run, or, within the window of request IDs, in an earlier run of the chain.
func (in *updateInput) known(s *step) (at updateAt, ok bool, err error) {
	c := s.c
	if !c.exists {
		return at, false, nil
	}
	run, ok, err := s.seen(dedupID(in.req.ID), in.digest)
	if fault.Has(err, fault.RequestIDReused) {
		return at, false, fault.New(fault.RequestIDReused, "update ID %q was used before for another update of workflow %q", in.req.ID, c.key.WorkflowID).
			Hinted("use a new update ID for each update")
	}
	if err != nil {
		return at, false, err
	}
	if ok && (run != c.run.ID || c.state == nil || !c.state.Open()) {
		return updateAt{run: run}, true, nil
	}
	if c.state != nil && c.state.Updates[in.req.ID] != nil && (in.req.Ref.Run == "" || in.req.Ref.Run == c.run.ID) {
		return c.updateAt(in.req.ID), true, nil
	}
	return at, false, nil
}

// admit lets the code decide; done is false when the update has to wait for the next step.
func (in *updateInput) admit(s *step) (at updateAt, done bool, err error) {
	c := s.c
	if err := c.openRun(in.req.Ref); err != nil {
		return at, false, err
	}
	st := c.state
	if err := c.standsStill(); err != nil {
		return at, false, err
	}
	if st.OpenUpdates >= maxOpenUpdates {
		return at, false, fault.New(fault.QuotaExceeded, "the run has %d updates that are not completed; at most %d may be open", st.OpenUpdates, maxOpenUpdates).
			Hinted("wait until some of them are completed")
	}
	if st.Delayed() {
		return at, false, fault.New(fault.Blocked, "workflow %q cannot accept updates: its start is delayed until %v", c.key.WorkflowID, time.Unix(0, st.BeginAt()).UTC().Format(time.RFC3339)).
			Hinted("send the update again when it has begun")
	}
	if len(st.Pending) > 0 || st.Activations == 0 {
		if c.retryAt != 0 {
			return at, false, fault.New(fault.Unavailable, "the code of workflow %q cannot run at the moment", c.key.WorkflowID).Hinted("try again in a moment")
		}
		return at, false, nil
	}
	if !s.ensureInstance() {
		if err := c.standsStill(); err != nil {
			return at, false, err
		}
		return at, false, fault.New(fault.Unavailable, "the code of workflow %q could not be brought to life", c.key.WorkflowID).Hinted("try again in a moment")
	}
	if err := c.validate(in.req); err != nil {
		return at, false, err
	}
	s.add(&history.UpdateAccepted{ID: in.req.ID, Name: in.req.Name, Input: in.req.Input, Identity: in.req.Identity, Header: in.req.Header})
	s.remember(dedupID(in.req.ID), in.digest)
	return updateAt{run: c.run.ID, open: true}, true, nil
}

// standsStill says why no code of an open run is run: nobody could accept an update.
func (c *chain) standsStill() error {
	switch st := c.state; {
	case st.Blocked != nil:
		return fault.New(fault.Blocked, "workflow %q cannot accept updates: %s", c.key.WorkflowID, blockedSentence(blockedInfo(st.Blocked, st.BlockedAt))).
			Hinted("unblock the run, then send the update again")
	case st.Paused:
		return fault.New(fault.Blocked, "workflow %q cannot accept updates: it is paused", c.key.WorkflowID).Hinted("resume the run, then send the update again")
	}
	return nil
}

// validate asks a throw-away copy of the code whether it accepts an update. The code stands at a clean boundary.
func (c *chain) validate(r ports.UpdateRequest) error {
	check := ports.UpdateCheck{Name: r.Name, Input: r.Input, Limits: ports.Limits{Fuel: c.e.opt.Limits.StepFuel, MemoryBytes: c.e.opt.Limits.MemoryBytes}}
	decided, err := c.inst.PrecheckUpdate(c.e.base, check)
	if !decided && err == nil {
		var cp ports.Instance
		if cp, err = c.copyInstance(); err == nil {
			err = cp.ValidateUpdate(c.e.base, check)
			cp.Close(context.WithoutCancel(c.e.base))
		}
	}
	var trap *ports.Trap
	switch {
	case err == nil:
		return nil
	case errors.As(err, &trap):
		return fault.New(fault.UpdateRejected, "update %q was rejected: its validator ended with %v", r.Name, trap)
	case fault.Has(err, fault.UpdateRejected):
		var f *fault.Error
		errors.As(err, &f)
		out := fault.New(fault.UpdateRejected, "update %q was rejected: %s", r.Name, f.Message)
		for k, v := range f.Metadata {
			out = out.With(k, v)
		}
		return out
	case isBlocking(err):
		return fault.New(fault.Blocked, "workflow %q does not replay: %v", c.key.WorkflowID, err)
	}
	return fault.Wrap(fault.Unavailable, err, "update %q could not be validated", r.Name)
}

// copyInstance copies the code at the last boundary, by replay where the runtime has no other way.
func (c *chain) copyInstance() (ports.Instance, error) {
	cp, ok, err := c.inst.Clone(c.e.base)
	if err != nil || ok {
		return cp, err
	}
	var seed [32]byte
	copy(seed[:], c.state.Start.Seed)
	cp, _, err = c.e.replay(c.e.base, c.prog, c.run.ID, seed)
	return cp, err
}

// updateAt says how an update of the current run stands.
func (c *chain) updateAt(id model.UpdateID) updateAt {
	at := updateAt{run: c.run.ID}
	if u := c.state.Updates[id]; u != nil {
		at.completed, at.open = u.Completed, u.Completed == 0
	}
	if b := c.state.Blocked; at.open && b != nil {
		at.blocked = blockedInfo(b, c.state.BlockedAt)
	}
	return at
}

func (c *chain) pendingUpdates() (out []ports.PendingUpdate) {
	for _, id := range c.state.OpenUpdateIDs() {
		u := c.state.Updates[id]
		out = append(out, ports.PendingUpdate{ID: id, Name: u.Name, AcceptedAt: time.Unix(0, u.At).UTC()})
	}
	return out
}

// updateCompleted tells those who wait for an update, once its completion is durable.
func (s *step) updateCompleted(a *history.UpdateCompleted) {
	c, run := s.c, s.c.run.ID
	s.after = append(s.after, func() { c.e.updates.notify(c.key, completedStatus(run, a)) })
}

func completedStatus(run model.RunID, a *history.UpdateCompleted) ports.UpdateStatus {
	return ports.UpdateStatus{ID: a.ID, Run: run, Stage: ports.UpdateCompleted, Result: a.Result, Failure: a.Failure}
}

// dedupID is the update's place among the request IDs of its chain, which hold no control characters.
func dedupID(id model.UpdateID) model.RequestID {
	return model.RequestID("\x01update\x00" + string(id))
}

func updateDigest(r *ports.UpdateRequest) [32]byte {
	in := r.Input.Digest()
	return sha256.Sum256(append([]byte("update\x00"+string(r.Name)+"\x00"), in[:]...))
}
