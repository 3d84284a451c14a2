package engine

import (
	"context"
	"crypto/sha256"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/signal"
	"github.com/aionrun/aion/ports"
)

// SignalWithStart records a message to the chain's open run, or starts a run with it: one append either way (rule C-1).
func (e *Engine) SignalWithStart(ctx context.Context, r ports.SignalStartRequest) (ports.StartResult, error) {
	if err := needsID(r.Start.WorkflowID); err != nil {
		return ports.StartResult{}, err
	}
	if r.Start.Conflict == 0 {
		r.Start.Conflict = ports.ConflictUseExisting
	}
	return e.start(ctx, r.Start, &ports.SignalRequest{Name: r.Name, Input: r.Input, Header: r.Header})
}

// needsID refuses a message with a start that names no workflow: nobody could send a second one.
func needsID(id model.WorkflowID) error {
	if id == "" {
		return fault.Invalidf("workflow ID is empty").Hinted("name the workflow that is to get the message and is started where it does not run")
	}
	return nil
}

// signalStartDigest tells a retry of a start with a message from another request with the same ID (rule M-2).
func signalStartDigest(start [32]byte, r *ports.SignalRequest) [32]byte {
	d := signal.Digest(*r)
	return sha256.Sum256(append(start[:], d[:]...))
}

// UpdateWithStart lets the chain's open run accept an update, or starts a run and lets that accept it. The start is durable before the code of
// the new run is asked, because only that can say what it accepts: a rejected update leaves the started run behind, and says so.
func (e *Engine) UpdateWithStart(ctx context.Context, r ports.UpdateStartRequest) (ports.UpdateStartResult, error) {
	var none ports.UpdateStartResult
	if err := needsID(r.Start.WorkflowID); err != nil {
		return none, err
	}
	if r.Start.Conflict == 0 {
		r.Start.Conflict = ports.ConflictUseExisting
	}
	start, err := e.newStart(ctx, &r.Start)
	if err != nil {
		return none, err
	}
	u := ports.UpdateRequest{Ref: ports.WorkflowRef{Namespace: r.Start.Namespace, WorkflowID: r.Start.WorkflowID}, ID: r.ID, Name: r.Name, Input: r.Input,
		Header: r.Header, Identity: r.Start.Identity, Wait: r.Wait}
	if err := e.checkUpdate(&u); err != nil {
		return none, err
	}
	in := &updateInput{answer: newAnswer[updateAt](), req: u, digest: updateDigest(&u), start: start}
	start.digest = sha256.Sum256(append(start.digest[:], in.digest[:]...))
	status, at, err := e.update(ctx, model.ChainKey{Namespace: r.Start.Namespace, WorkflowID: r.Start.WorkflowID}, in)
	if err != nil {
		return none, err
	}
	return ports.UpdateStartResult{Start: ports.StartResult{WorkflowID: r.Start.WorkflowID, Run: at.run, Started: at.started, Package: at.pkg}, Update: status}, nil
}

// begin starts a run for an update where the workflow ID policies ask for one; begins is false when the open run is to have it.
func (in *updateInput) begin(s *step) (begins bool, err error) {
	if s.c.exists {
		if there, err := in.start.existing(s); err != nil || there {
			return false, err
		}
	}
	in.start.create(s)
	s.after = append(s.after, func() { in.began = true })
	s.later = append(s.later, in)
	return true, nil
}
