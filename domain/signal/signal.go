// Package signal decides whether a message from outside may enter a run: its checks, its deduplication, and the event it becomes.
package signal

import (
	"crypto/sha256"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Limits bound what a run keeps undelivered (rule B-1) and how large one message is.
type Limits struct {
	PayloadBytes  int
	BacklogEvents int
	BacklogBytes  int64
}

// Check refuses a request that can never be accepted. Errors: InvalidInput, PayloadTooLarge.
func Check(r ports.SignalRequest, l Limits) error {
	if err := model.ValidateID("workflow ID", string(r.Ref.WorkflowID)); err != nil {
		return err
	}
	if err := model.ValidateID("signal name", string(r.Name)); err != nil {
		return err
	}
	if err := model.ValidateRequestID(r.RequestID); err != nil {
		return err
	}
	if n := r.Input.Size(); n > l.PayloadBytes {
		return fault.New(fault.PayloadTooLarge, "the signal's input has %d bytes; at most %d are allowed", n, l.PayloadBytes).
			Hinted("store large values elsewhere and pass a reference, or raise limits.payload_bytes")
	}
	return nil
}

// Admit refuses a message to an open run whose backlog is full. Errors: QuotaExceeded.
func Admit(s *history.State, l Limits) error {
	if len(s.Pending) >= l.BacklogEvents || s.Waiting >= l.BacklogBytes {
		return fault.New(fault.QuotaExceeded, "the run has %d events (%d bytes) that its code has not taken yet; at most %d events or %d bytes may wait", len(s.Pending), s.Waiting, l.BacklogEvents, l.BacklogBytes).
			Hinted("unblock or resume the run, then try again")
	}
	return nil
}

// Digest tells a retry of a request from another request with the same ID (rule M-2).
func Digest(r ports.SignalRequest) [32]byte {
	in := r.Input.Digest()
	return sha256.Sum256(append([]byte("signal\x00"+string(r.Name)+"\x00"), in[:]...))
}

// Event is what the message becomes in the history.
func Event(r ports.SignalRequest) *history.SignalReceived {
	return &history.SignalReceived{Name: r.Name, Input: r.Input, RequestID: r.RequestID, Identity: r.Identity, Header: r.Header}
}

// Record remembers the request for its window.
func Record(id model.RequestID, digest [32]byte, run model.RunID, now time.Time, window time.Duration) ports.Dedup {
	return ports.Dedup{ID: id, Digest: digest, Run: run, Expires: now.Add(window)}
}
