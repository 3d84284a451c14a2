package websocket

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// socket is one connection with its subscriptions. One goroutine reads commands, one writes frames, one pings, and each subscription has one, which waits
// while the frames before it have not left: what a slow client has not seen is read from the store when its turn comes.
type socket struct {
	h    *handler
	conn *websocket.Conn
	ctx  context.Context // ends with the socket
	out  chan []byte
	room *semaphore.Weighted // bytes of what waits in out
	end  context.CancelCauseFunc
	all  sync.WaitGroup

	mu    sync.Mutex
	subs  map[string]context.CancelFunc
	began bool // something was subscribed to
}

func newSocket(h *handler, conn *websocket.Conn) *socket {
	return &socket{h: h, conn: conn, out: make(chan []byte, h.Buffer), room: semaphore.NewWeighted(bufferedBytes), subs: map[string]context.CancelFunc{}}
}

var (
	errLeft       = errors.New("the client has closed the socket")
	errStalled    = errors.New("the client does not read")
	errSilent     = fault.New(fault.InvalidInput, "nothing was subscribed to").Hinted(`send {"subscribe":{"id":"a","run":{"workflowId":"…"}}} first`)
	errCredential = fault.New(fault.Unauthenticated, "the credentials of the socket have expired").Hinted("connect again with new ones, and go on from the last cursors")
)

// serve works until one side ends the socket.
func (s *socket) serve(ctx context.Context, p ports.Principal) {
	ctx, s.end = context.WithCancelCause(ctx)
	s.ctx = ctx
	defer context.AfterFunc(s.h.Base, func() { s.end(s.h.Base.Err()) })()
	if !p.Expires.IsZero() {
		t := s.h.Clock.AfterFunc(p.Expires.Sub(s.h.Clock.Now()), func() { s.end(errCredential) })
		defer t.Stop()
	}
	first := time.AfterFunc(s.h.FirstCommand, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.began {
			s.end(errSilent)
		}
	})
	defer first.Stop()
	s.all.Go(func() { s.end(s.writeAll(ctx)) })
	s.all.Go(func() { s.end(s.ping(ctx)) })
	s.all.Go(func() {
		<-ctx.Done()
		s.close(context.Cause(ctx)) // which also ends the reading
	})
	s.end(s.readAll(ctx))
	s.all.Wait()
}

// close says why, as far as there is still somebody who listens.
func (s *socket) close(why error) {
	// A client that does not answer the closing is not waited for.
	defer time.AfterFunc(closeWait, func() { _ = s.conn.CloseNow() }).Stop()
	var f *fault.Error
	switch {
	case errors.Is(why, errLeft), errors.Is(why, errStalled):
		_ = s.conn.CloseNow()
	case errors.As(why, &f) && f.Reason == fault.Internal:
		s.h.Log.Error("an event socket ended in an internal error", "error", why)
		_ = s.conn.Close(websocket.StatusInternalError, "internal error")
	case errors.As(why, &f) && (f.Reason == fault.InvalidInput || f.Reason == fault.Unauthenticated):
		_ = s.conn.Close(websocket.StatusPolicyViolation, closeText(f.Message))
	default:
		_ = s.conn.Close(websocket.StatusGoingAway, "the server is shutting down")
	}
}

// closeWait is how long a client has to answer the closing of its socket.
const closeWait = 500 * time.Millisecond

// A close frame holds 123 bytes of text.
func closeText(s string) string { return s[:min(len(s), 123)] }

// readAll reads until the socket is closed: a context that ends would cut it off before the client is told why.
func (s *socket) readAll(ctx context.Context) error {
	for {
		kind, b, err := s.conn.Read(context.WithoutCancel(ctx))
		if err != nil {
			return errLeft
		}
		var c aionv1.EventCommand
		if kind != websocket.MessageText {
			return fault.Invalidf("commands are text, not binary")
		}
		if err := protojson.Unmarshal(b, &c); err != nil {
			return fault.Invalidf("this is not a command: %v", err)
		}
		switch {
		case c.GetSubscribe() != nil:
			err = s.subscribe(ctx, c.GetSubscribe())
		case c.GetUnsubscribe() != nil:
			s.unsubscribe(c.GetUnsubscribe().GetId())
		default:
			err = fault.Invalidf("a command is subscribe or unsubscribe")
		}
		if err != nil {
			return err
		}
	}
}

func (s *socket) subscribe(ctx context.Context, m *aionv1.Subscription) error {
	id := m.GetId()
	r, err := wire.DecodeSubscription(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = true
	switch {
	case len(id) > wire.MaxSubscriptionID:
		return err
	case err != nil:
	case s.subs[id] != nil:
		err = fault.New(fault.AlreadyExists, "this socket has a subscription %q already", id).Hinted("give each subscription an id of its own")
		// It would be taken for the end of the other one.
		id = ""
	case len(s.subs) >= maxSubscriptions:
		err = fault.New(fault.Overloaded, "this socket has %d subscriptions, which is the most it takes", maxSubscriptions).Hinted("open another socket, or follow the namespace")
	}
	if err != nil {
		s.all.Go(func() { _ = s.send(ctx, wire.EncodeEventError(id, err)) })
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	s.subs[id] = cancel
	s.all.Go(func() { s.follow(ctx, cancel, id, r) })
	return nil
}

func (s *socket) unsubscribe(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.subs[id]; cancel != nil {
		cancel()
	}
}

// follow sends the frames of one subscription. Its last one is end or error.
func (s *socket) follow(ctx context.Context, cancel context.CancelFunc, id string, r ports.SubscribeRequest) {
	defer cancel()
	ended := false
	err := s.guarded(func() error {
		return s.h.Service.Subscribe(ctx, r, func(f ports.EventFrame) error {
			m, err := wire.EncodeEventFrame(id, f)
			if err != nil {
				return err
			}
			ended = f.Kind == ports.FrameEnd
			return s.send(ctx, m)
		})
	})
	s.mu.Lock()
	delete(s.subs, id)
	s.mu.Unlock()
	switch {
	case ended:
	case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)): // unsubscribed, or the socket ends
		_ = s.send(s.ctx, &aionv1.EventFrame{Id: id, Frame: &aionv1.EventFrame_End{End: &aionv1.End{}}})
	case err != nil:
		if fault.ReasonOf(err) == fault.Internal {
			s.h.Log.Error("a subscription ended in an internal error", "error", err)
		}
		_ = s.send(s.ctx, wire.EncodeEventError(id, err))
	}
}

// guarded turns a panic into an error.
func (s *socket) guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.h.Log.Error("a subscription panicked", "panic", p, "stack", string(debug.Stack()))
			err = fault.Internalf("the server met a defect while it served this").Hinted("the server's log has the stack")
		}
	}()
	return f()
}

// send puts a frame behind the others, when there is room for it.
func (s *socket) send(ctx context.Context, m *aionv1.EventFrame) error {
	b, err := s.h.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a frame cannot be written")
	}
	if err := s.room.Acquire(ctx, weight(b)); err != nil {
		return err
	}
	select {
	case s.out <- b:
		return nil
	case <-ctx.Done():
		s.room.Release(weight(b))
		return ctx.Err()
	}
}

func weight(b []byte) int64 { return int64(min(len(b), bufferedBytes)) }

func (s *socket) writeAll(ctx context.Context) error {
	for {
		select {
		case b := <-s.out:
			c, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.h.SendTimeout)
			err := s.conn.Write(c, websocket.MessageText, b)
			cancel()
			s.room.Release(weight(b))
			if err != nil {
				return errStalled
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *socket) ping(ctx context.Context) error {
	tick := time.NewTicker(s.h.PingInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.h.SendTimeout)
			err := s.conn.Ping(c)
			cancel()
			if err != nil {
				return errStalled
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
