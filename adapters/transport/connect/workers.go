package connect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// workers serves WorkerService.
type workers struct{ s *server }

var _ aionv1connect.WorkerServiceHandler = workers{}

// errLeft ends a stream that the worker closed.
var errLeft = errors.New("the worker has closed the stream")

// StreamTasks connects one worker: what it sends goes to its session, what the session has for it goes out, each in a goroutine
// of its own. The stream ends when the worker closes it (without an error), when the session or the worker's credentials end, or
// when a frame makes no sense.
func (h workers) StreamTasks(ctx context.Context, stream *connect.BidiStream[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]) error {
	w := &workerStream{s: h.s, conn: stream.Conn(), body: bodyOf(ctx), header: stream.RequestHeader(), peer: stream.Peer().Addr, warn: make(chan time.Time, 1)}
	if err := w.receive(); err != nil {
		if errors.Is(err, errLeft) {
			return fault.Invalidf("the stream ended before its first frame").Hinted("send register in the first frame")
		}
		return err
	}
	w.body.arrived()
	registration, err := wire.DecodeRegister(w.in.GetRegister())
	if err != nil {
		return err
	}
	if w.session, err = h.s.Service.Register(ctx, registration); err != nil {
		return err
	}
	defer w.session.Close()

	ctx, w.end = context.WithCancelCause(ctx)
	defer w.end(nil)
	w.waiting, w.interrupt = context.WithCancel(ctx)
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.interrupt()
	}()
	defer w.watch(ctx)()
	// Results that came with the first frame are in before the first task goes out.
	if err := w.handle(ctx); err != nil {
		return err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.end(w.sendAll(ctx))
		w.body.stopReading()
	}()
	w.end(w.receiveAll(ctx))
	<-sent
	if err := context.Cause(ctx); !errors.Is(err, errLeft) {
		return err
	}
	return nil
}

// workerStream is one connected worker.
type workerStream struct {
	s       *server
	conn    connect.StreamingHandlerConn
	body    *body
	header  http.Header
	peer    string
	session ports.WorkerSession
	end     context.CancelCauseFunc   // the first cause is how the stream ended
	in      aionv1.StreamTasksRequest // the frame that was received last

	mu         sync.Mutex
	credential credential
	warn       chan time.Time // a warning that is to be sent
	waiting    context.Context
	interrupt  context.CancelFunc // wakes whoever waits for the session's next frame
}

// sendAll sends what the session has until one of them ends.
func (w *workerStream) sendAll(ctx context.Context) error {
	// A worker that does not read keeps no goroutine here for longer than this.
	stall := time.AfterFunc(w.s.SendTimeout, w.body.stopWriting)
	defer stall.Stop()
	if err := w.conn.Send(&aionv1.StreamTasksResponse{Registered: wire.EncodeRegistered(w.session.Info())}); err != nil {
		return err
	}
	stall.Stop()
	var frames wire.FrameEncoder
	for {
		f, warning, err := w.next(ctx)
		if err != nil {
			return err
		}
		stall.Reset(w.s.SendTimeout)
		if !warning.IsZero() {
			err = w.sendWarning(warning)
		} else {
			err = w.conn.Send(frames.Encode(f))
		}
		stall.Stop()
		frames.Release()
		if err != nil {
			return err
		}
	}
}

// receiveAll hands on what the worker sends after its first frame.
func (w *workerStream) receiveAll(ctx context.Context) error {
	for {
		if err := w.receive(); err != nil {
			return err
		}
		if w.in.Register != nil {
			return fault.Invalidf("register came in a later frame than the first").Hinted("open a new stream to register anew")
		}
		w.session.Alive() // an empty frame says only this
		if err := w.handle(ctx); err != nil {
			return err
		}
	}
}

// handle hands on what the frame says beside register.
func (w *workerStream) handle(ctx context.Context) error {
	if a := w.in.GetAuthenticate(); a != nil {
		if err := w.authenticate(ctx, a.GetToken()); err != nil {
			return err
		}
	}
	// Before the results: it may be the last that an attempt says before its end.
	for _, b := range w.in.GetHeartbeats() {
		w.session.Heartbeat(b.GetToken(), wire.DecodePayload(b.GetDetails()))
	}
	if len(w.in.GetResults()) > 0 {
		results, err := wire.DecodeResults(w.in.GetResults())
		if err != nil {
			return err
		}
		w.session.Results(results)
	}
	if c := w.in.GetSlotsChanged(); c != nil {
		n, err := wire.DecodeSlots(c)
		if err != nil {
			return err
		}
		w.session.SetSlots(n)
	}
	if w.in.GetDraining() {
		w.session.Drain()
	}
	return nil
}

// receive reads the next frame.
func (w *workerStream) receive() error {
	w.in.Reset()
	err := w.conn.Receive(&w.in)
	var ce *connect.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ce) && len(ce.Details()) > 0:
		return err
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return errLeft
	case connect.CodeOf(err) == connect.CodeResourceExhausted:
		return fault.New(fault.PayloadTooLarge, "a frame holds more than %d bytes", w.s.MaxRequestBytes).
			Hinted("send large results in frames of their own, or raise server.max_request_bytes")
	case connect.CodeOf(err) == connect.CodeInvalidArgument:
		return fault.Wrap(fault.InvalidInput, err, "a frame is not a valid %s", w.in.ProtoReflect().Descriptor().FullName())
	}
	return fault.Wrap(fault.Unavailable, err, "the stream broke") // most often there is nobody left to see this
}
