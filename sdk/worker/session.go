package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/internal/link"
	"github.com/aionrun/aion/sdk/workflow"
)

// protocolVersion is the version of the worker stream that this code speaks.
const protocolVersion = 1

// handshake is how long a server may take to accept a worker.
const handshake = 15 * time.Second

// session is one connection to the server.
type session struct {
	w          *Worker
	link       *link.Link
	stream     *connect.BidiStreamForClient[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]
	registered bool
	window     time.Duration             // the server ends a session that is silent for so long
	frame      aionv1.StreamTasksRequest // what is sent next
	token      string                    // the credential that the server has
	expires    time.Time                 // when it ends; zero until the server warns; guarded by the worker's lock
	leave      bool                      // the server asks the worker to leave; guarded by the worker's lock
}

// run connects, works, and returns when the connection has ended; nil when both sides agreed to end it.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.stream = aionv1connect.NewWorkerServiceClient(s.link.HTTP, s.link.URL, link.Options()).StreamTasks(ctx)
	s.token = s.link.Token()
	s.link.Authorize(s.stream.RequestHeader())
	// While a request's body is open, net/http looks at its context only between two reads of it.
	defer context.AfterFunc(ctx, func() { _ = s.stream.CloseRequest() })()
	defer func() {
		_, _ = s.stream.CloseRequest(), s.stream.CloseResponse() // whatever is wrong with it, it is over
	}()

	if err := s.register(ctx, cancel); err != nil {
		return err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.sendAll(ctx, cancel) // what stops it also stops the other direction, which says why
	}()
	err := s.receiveAll()
	cancel()
	<-sent
	if client.ReasonOf(err) == client.PayloadTooLarge {
		s.w.mu.Lock()
		s.w.outbox.shrink()
		s.w.mu.Unlock()
	}
	return err
}

// register sends the first frame, with as many unacknowledged results as fit, and waits to be accepted.
func (s *session) register(ctx context.Context, cancel context.CancelFunc) error {
	w := s.w
	accepted := make(chan struct{})
	defer close(accepted)
	go func() { // gives up when the server says nothing, or nothing is left to say
		t := time.NewTimer(handshake)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-w.nothingLeft():
			cancel()
		case <-accepted:
		}
	}()
	w.mu.Lock()
	s.frame.Register = w.register(s.link.Namespace)
	s.frame.Draining = w.draining
	w.outbox.reset()
	w.outbox.take(&s.frame)
	w.mu.Unlock()
	err := s.stream.Send(&s.frame)
	s.frame.Register = nil
	if err != nil && !errors.Is(err, io.EOF) { // the reason for the latter comes from Receive
		return err
	}
	first, err := s.stream.Receive()
	if err != nil {
		return err
	}
	r := first.GetRegistered()
	if r == nil {
		return misfit{"the server's first frame does not accept the worker: is this an Aion server?"}
	}
	if v := r.GetProtocolVersion(); v != protocolVersion {
		return misfit{fmt.Sprintf("the server speaks version %d of the worker protocol, this SDK version %d: build the worker with the SDK of the server's version", v, protocolVersion)}
	}
	s.registered, s.window = true, r.GetHeartbeatWindow().AsDuration()
	if s.window <= 0 {
		s.window = 30 * time.Second
	}
	w.log.Info("connected", "address", s.link.URL, "worker_id", r.GetWorkerId(), "task_queues", w.options.TaskQueues, "slots", w.options.Slots)
	for _, token := range r.GetUnknown() {
		w.cancelTask(token, errLost, false)
	}
	s.handle(first)
	return nil
}

// sendAll sends what there is, everything that is there together in one frame, and an empty frame where there is nothing for a third
// of the window. When the worker drains or the server asks it to leave, and nothing is left, it closes the worker's side.
func (s *session) sendAll(ctx context.Context, cancel context.CancelFunc) {
	w := s.w
	tick := time.NewTicker(s.window / 3)
	defer tick.Stop()
	toldDraining := s.frame.Draining
	silent := false // nothing was sent since the last tick
	for {
		w.mu.Lock()
		w.outbox.take(&s.frame)
		s.frame.Draining = w.draining && !toldDraining
		if !s.expires.IsZero() {
			if fresh := s.link.Token(); fresh != s.token {
				s.frame.Authenticate, s.token, s.expires = &aionv1.Authenticate{Token: fresh}, fresh, time.Time{}
			}
		}
		part := len(w.attempts) == 0 && w.outbox.empty() && (w.draining || s.leave)
		w.mu.Unlock()
		switch {
		case len(s.frame.Results)+len(s.frame.Heartbeats) > 0 || s.frame.Draining || s.frame.Authenticate != nil || silent:
			if err := s.stream.Send(&s.frame); err != nil {
				return // and so does Receive, with the reason
			}
			s.frame.Authenticate = nil
			toldDraining = toldDraining || s.frame.Draining
			silent = false
			tick.Reset(s.window / 3)
			continue
		case part:
			_ = s.stream.CloseRequest()
			// The server ends the stream when it has read that. If it does not, that is no reason to wait for ever.
			t := time.NewTimer(lastGrace)
			defer t.Stop()
			select {
			case <-t.C:
				cancel()
			case <-ctx.Done():
			}
			return
		}
		select {
		case <-w.wake:
		case <-tick.C:
			silent = true
		case <-ctx.Done():
			return
		}
	}
}

// receiveAll handles frames until the stream ends; nil when the server has ended it without an error.
func (s *session) receiveAll() error {
	for {
		f, err := s.stream.Receive()
		switch {
		case err == nil:
			s.handle(f)
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

// handle does what a frame says.
func (s *session) handle(f *aionv1.StreamTasksResponse) {
	w := s.w
	for _, t := range f.GetTasks() {
		w.accept(t)
	}
	if e := f.GetCredentialExpiring(); e != nil {
		w.mu.Lock()
		s.expires = e.GetExpiresAt().AsTime()
		w.notice()
		w.mu.Unlock()
		if !s.link.Renewable() {
			w.log.Warn("the worker's credential ends, and the connection with it; a token in AION_TOKEN_FILE can be renewed while the worker runs", "at", e.GetExpiresAt().AsTime())
		}
	}
	if len(f.GetAcks()) > 0 || f.GetDrain() {
		w.mu.Lock()
		for _, token := range f.GetAcks() {
			w.outbox.ack(token)
		}
		s.leave = s.leave || f.GetDrain()
		w.notice()
		w.mu.Unlock()
	}
	for _, c := range f.GetCancels() {
		cause := workflow.ErrCanceled
		if c.GetReason() != "" {
			cause = fmt.Errorf("%w: %s", workflow.ErrCanceled, c.GetReason())
		}
		w.cancelTask(c.GetToken(), cause, true)
	}
}

// cancelTask ends the context of the attempt with this token.
func (w *Worker) cancelTask(token []byte, cause error, byServer bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.attempts {
		if bytes.Equal(a.token, token) {
			a.canceled = a.canceled || byServer
			a.cancel(cause)
			return
		}
	}
}

// misfit is a server that this worker cannot work for.
type misfit struct{ why string }

func (e misfit) Error() string { return e.why }

// refused says whether connecting again is of no use: the server answered, and will answer the same again. A credential that ended is no
// reason to give up where another may come.
func refused(err error, wasAccepted, renewable bool) bool {
	switch client.ReasonOf(err) {
	case client.Unauthenticated:
		return !wasAccepted || !renewable
	case client.InvalidInput, client.PermissionDenied, client.NotFound, client.Unimplemented:
		return true
	case "":
		// Not an Aion server, perhaps; but where one was before, something else only answers in its place for a while.
		return errors.As(err, new(misfit)) || !wasAccepted && connect.CodeOf(err) == connect.CodeUnimplemented
	}
	return false
}

// jitter gives between half and all of d, so that many workers do not come back at the same moment.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
