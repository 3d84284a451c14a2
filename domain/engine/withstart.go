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
