package engine

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/signal"
	"github.com/aionrun/aion/ports"
)

// answer carries a call's result from the chain's goroutine to the caller; it is answered once.
type answer[T any] struct{ ch chan reply[T] }

type reply[T any] struct {
	v   T
	err error
}

func newAnswer[T any]() answer[T] { return answer[T]{make(chan reply[T], 1)} }

func (a answer[T]) give(v T, err error) {
	select {
	case a.ch <- reply[T]{v, err}:
	default:
	}
}

// openRun checks that a reference means the chain's open run.
func (c *chain) openRun(ref ports.WorkflowRef) error {
	if !c.exists {
		return notFound(ref)
	}
	run := c.run
	if ref.Run != "" && ref.Run != run.ID {
		old, err := c.e.store.Run(c.e.base, c.key.Namespace, ref.Run)
		if fault.Has(err, fault.NotFound) || err == nil && old.Key != c.key {
			return notFound(ref)
		} else if err != nil {
			return err
		}
		run = old
	} else if c.state != nil && c.state.Open() {
		return nil
	}
	return fault.New(fault.NotRunning, "workflow %q is not running: its run %s is %v", ref.WorkflowID, run.ID, run.Status)
}

// seen finds an earlier use of a request ID by a call with the same digest (rule M-2): in this step or in the store. Errors: RequestIDReused.
func (s *step) seen(id model.RequestID, digest [32]byte) (run model.RunID, ok bool, err error) {
	c := s.c
	if id == "" || !c.exists {
		return "", false, nil
	}
	d := ports.Dedup{ID: id, Run: c.run.ID}
	if ok = c.run.StartRequest == id; ok {
		d.Digest = [32]byte(pad32(c.run.RequestDigest))
	}
	for _, x := range s.append_.Dedup {
		if x.ID == id {
			d, ok = x, true
		}
	}
	if !ok {
		if d, ok, err = c.e.store.Dedup(c.e.base, c.key, id, time.Unix(0, s.now)); err != nil || !ok {
			return "", false, err
		}
	}
	if d.Digest != digest {
		return "", false, fault.New(fault.RequestIDReused, "request ID %q was used before for another call to workflow %q", id, c.key.WorkflowID).
			Hinted("use a new request ID for each logical call")
	}
	return d.Run, true, nil
}

// remember keeps a request ID for its window.
func (s *step) remember(id model.RequestID, digest [32]byte) {
	if id != "" {
		s.append_.Dedup = append(s.append_.Dedup, signal.Record(id, digest, s.c.run.ID, time.Unix(0, s.now), s.c.e.opt.DedupWindow))
	}
}

func notFound(ref ports.WorkflowRef) error {
	if ref.Run != "" {
		return fault.NotFoundf("workflow %q has no run %s in namespace %q", ref.WorkflowID, ref.Run, ref.Namespace)
	}
	return fault.NotFoundf("workflow %q does not exist in namespace %q", ref.WorkflowID, ref.Namespace).Hinted("aion list shows the workflows")
}

// endInput cancels or terminates the open run.
type endInput struct {
	answer[model.RunID]
	req       ports.EndRequest
	terminate bool
}

func (in *endInput) fail(err error) { in.give("", err) }

func (in *endInput) apply(s *step) {
	c := s.c
	digest := in.digest()
	run, ok, err := s.seen(in.req.RequestID, digest)
	switch {
	case err != nil:
		s.refuse(in, err)
		return
	case ok:
		s.after = append(s.after, func() { in.give(run, nil) })
		return
	}
	if err := c.openRun(in.req.Ref); err != nil {
		s.refuse(in, err)
		return
	}
	s.remember(in.req.RequestID, digest)
	if in.terminate {
		s.add(&history.Terminated{Reason: in.req.Reason, Identity: in.req.Identity, RequestID: in.req.RequestID})
	} else if !c.state.CancelRequested {
		s.add(&history.CancelRequested{Reason: in.req.Reason, Identity: in.req.Identity, RequestID: in.req.RequestID})
	}
	run = c.run.ID
	s.after = append(s.after, func() { in.give(run, nil) })
}

func (in *endInput) digest() [32]byte {
	return sha256.Sum256([]byte(fmt.Sprintf("end\x00%v\x00%s\x00%s", in.terminate, in.req.Ref.Run, in.req.Reason)))
}

func tooLarge(what string, size, limit int) *fault.Error {
	return fault.New(fault.PayloadTooLarge, "%s has %d bytes; at most %d are allowed", what, size, limit).
		Hinted("store large values elsewhere and pass a reference, or raise limits.payload_bytes")
}
