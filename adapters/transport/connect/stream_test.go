package connect_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	connectrpc "connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

// clock stands still until it is set, and then calls what is due.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	due   []*timer
	armed chan struct{} // gets a value for each timer that is set; may be nil
}

type timer struct {
	c  *clock
	at time.Time
	f  func()
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) AfterFunc(d time.Duration, f func()) ports.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c, c.now.Add(d), f}
	c.due = append(c.due, t)
	if c.armed != nil {
		c.armed <- struct{}{}
	}
	return t
}

func (t *timer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	for i, o := range t.c.due {
		if o == t {
			t.c.due = append(t.c.due[:i:i], t.c.due[i+1:]...)
			return true
		}
	}
	return false
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	c.now = now
	var fire []func()
	var rest []*timer
	for _, t := range c.due {
		if t.at.After(now) {
			rest = append(rest, t)
		} else {
			fire = append(fire, t.f)
		}
	}
	c.due = rest
	c.mu.Unlock()
	for _, f := range fire {
		f()
	}
}

type workerStream = connectrpc.BidiStreamForClient[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]

// stream opens a worker's stream and sends its first frame.
func stream(t *testing.T, o connect.Options, first *aionv1.StreamTasksRequest) *workerStream {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	s := aionv1connect.NewWorkerServiceClient(h2c(t), serve(t, o)).StreamTasks(ctx)
	s.RequestHeader().Set("Authorization", "Bearer ada 100")
	t.Cleanup(func() {
		_ = s.CloseRequest()
		cancel()
		_ = s.CloseResponse()
	})
	if err := s.Send(first); err != nil {
		t.Fatal(err)
	}
	return s
}

func sessions(info ports.WorkerInfo) (*transporttest.Session, *transporttest.Service) {
	session := transporttest.NewSession(info)
	return session, &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) { return session, nil }}
}

var register = &aionv1.Register{ProtocolVersion: wire.WorkerProtocol, Slots: 1}

// Frames that make no sense end the stream, with an error that says why.
func TestStreamProtocol(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []*aionv1.StreamTasksRequest
		reason fault.Reason
		text   string
	}{
		{"no register", []*aionv1.StreamTasksRequest{{Draining: true}}, fault.InvalidInput, "no register"},
		{"empty first frame", []*aionv1.StreamTasksRequest{{}}, fault.InvalidInput, "no register"},
		{"too old", []*aionv1.StreamTasksRequest{{Register: &aionv1.Register{Slots: 1}}}, fault.InvalidInput, "protocol version 0"},
		{"too new", []*aionv1.StreamTasksRequest{{Register: &aionv1.Register{Slots: 1, ProtocolVersion: 2}}}, fault.Unimplemented, "protocol version 2"},
		{"registered twice", []*aionv1.StreamTasksRequest{{Register: register}, {Register: register}}, fault.InvalidInput, "later frame"},
		{"no slots", []*aionv1.StreamTasksRequest{{Register: register}, {SlotsChanged: &aionv1.SlotsChanged{}}}, fault.InvalidInput, "slots is 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			session, s := sessions(ports.WorkerInfo{})
			w := stream(t, connect.Options{Service: s, Auth: dev.Auth{}}, c.frames[0])
			for _, f := range c.frames[1:] {
				if err := w.Send(f); err != nil {
					t.Fatal(err)
				}
			}
			err := until(w)
			wantReason(t, err, c.reason)
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q in it", err, c.text)
			}
			if len(s.Calls()) > 0 {
				<-session.Closed()
			}
		})
	}
}

// until reads a stream to its end.
func until(w *workerStream) error {
	for {
		if _, err := w.Receive(); err != nil {
			return wire.DecodeError(err)
		}
	}
}

// A worker that registers anew brings its results along in the same frame; they are in before it is given tasks.
func TestResultsInTheFirstFrame(t *testing.T) {
	session, s := sessions(ports.WorkerInfo{})
	stream(t, connect.Options{Service: s, Auth: dev.Auth{}}, &aionv1.StreamTasksRequest{
		Register: register, Results: []*aionv1.TaskResult{{Token: []byte("a")}, {Token: []byte("b")}},
	})
	if got := (<-session.Heard()).([]ports.TaskResult); len(got) != 2 || string(got[1].Token) != "b" {
		t.Fatalf("got %+v", got)
	}
}

// A worker that closes its side has ended the stream; that is no error.
func TestStreamEndsCleanly(t *testing.T) {
	session, s := sessions(ports.WorkerInfo{})
	w := stream(t, connect.Options{Service: s, Auth: dev.Auth{}}, &aionv1.StreamTasksRequest{Register: register})
	if _, err := w.Receive(); err != nil {
		t.Fatal(err)
	}
	if err := w.CloseRequest(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Receive(); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Fatalf("got %v, want the end of the stream", err)
	}
	<-session.Closed()
}

// revoked has bearer refuse every token.
var revoked atomic.Bool

// bearer takes tokens "<subject> <second of expiry>".
type bearer struct{}

func (bearer) Mode() string { return "test" }
func (bearer) Authenticate(_ context.Context, c ports.Credentials) (p ports.Principal, err error) {
	var second int64
	if _, err := fmt.Sscanf(c.Authorization, "Bearer %s %d", &p.Subject, &second); err != nil || revoked.Load() {
		return p, fault.New(fault.Unauthenticated, "the token is no token")
	}
	p.Expires = time.Unix(second, 0)
	return p, nil
}

// [SEC-4] A stream lives as long as its credentials, which may be renewed for the same worker; it is told a minute before they end.
func TestStreamCredentials(t *testing.T) {
	open := func(t *testing.T) (*clock, *workerStream, *transporttest.Session) {
		c := &clock{now: time.Unix(50, 0), armed: make(chan struct{}, 10)}
		session, s := sessions(ports.WorkerInfo{})
		w := stream(t, connect.Options{Service: s, Auth: bearer{}, Clock: c}, &aionv1.StreamTasksRequest{Register: register})
		<-c.armed
		if _, err := w.Receive(); err != nil {
			t.Fatal(err)
		}
		return c, w, session
	}
	renew := func(t *testing.T, w *workerStream, token string) {
		if err := w.Send(&aionv1.StreamTasksRequest{Authenticate: &aionv1.Authenticate{Token: token}}); err != nil {
			t.Fatal(err)
		}
	}
	// warned waits for the warning that comes a minute before the end.
	warned := func(t *testing.T, w *workerStream, end int64) {
		t.Helper()
		if f, err := w.Receive(); err != nil || f.GetCredentialExpiring().GetExpiresAt().GetSeconds() != end {
			t.Fatalf("before the end at %d: got %v, %v", end, f, err)
		}
	}
	t.Run("ErrUnauthenticated/expired", func(t *testing.T) {
		c, w, session := open(t)
		c.set(time.Unix(50, 0))
		warned(t, w, 100)
		<-c.armed
		c.set(time.Unix(99, 0))
		session.Feed(ports.WorkerFrame{Drain: true})
		if f, err := w.Receive(); err != nil || !f.GetDrain() {
			t.Fatalf("before the expiry: got %v, %v", f, err)
		}
		c.set(time.Unix(100, 0))
		wantReason(t, until(w), fault.Unauthenticated)
		<-session.Closed()
	})
	t.Run("OK/renewed", func(t *testing.T) {
		c, w, session := open(t)
		renew(t, w, "ada 200")
		<-c.armed
		c.set(time.Unix(130, 0)) // no warning any more: the end is further off
		session.Feed(ports.WorkerFrame{Drain: true})
		if f, err := w.Receive(); err != nil || !f.GetDrain() {
			t.Fatalf("after the first expiry: got %v, %v", f, err)
		}
		c.set(time.Unix(140, 0))
		warned(t, w, 200)
		c.set(time.Unix(200, 0))
		wantReason(t, until(w), fault.Unauthenticated)
	})
	t.Run("ErrUnauthenticated/revoked", func(t *testing.T) {
		c, w, session := open(t)
		renew(t, w, "ada 10000")
		<-c.armed
		revoked.Store(true)
		defer revoked.Store(false)
		c.set(time.Unix(110, 0)) // a minute later it is looked at again
		wantReason(t, until(w), fault.Unauthenticated)
		<-session.Closed()
	})
	t.Run("ErrPermissionDenied/another subject", func(t *testing.T) {
		_, w, session := open(t)
		renew(t, w, "eve 200")
		wantReason(t, until(w), fault.PermissionDenied)
		<-session.Closed()
	})
	t.Run("ErrUnauthenticated/bad", func(t *testing.T) {
		_, w, session := open(t)
		renew(t, w, "nothing")
		wantReason(t, until(w), fault.Unauthenticated)
		<-session.Closed()
	})
}

// A worker that takes tasks and never reads them does not hold its session for ever.
func TestWorkerThatDoesNotRead(t *testing.T) {
	session, s := sessions(ports.WorkerInfo{})
	stream(t, connect.Options{Service: s, Auth: dev.Auth{}, SendTimeout: 100 * time.Millisecond}, &aionv1.StreamTasksRequest{Register: register})
	noise := make([]byte, 3<<20) // which cannot be compressed
	rand.NewChaCha8([32]byte{}).Read(noise)
	for range 20 { // more than the windows of HTTP/2 hold
		session.Feed(ports.WorkerFrame{Tasks: []ports.ActivityTask{{Token: []byte("t"), Input: model.Payload{Data: noise}}}})
	}
	<-session.Closed()
}
