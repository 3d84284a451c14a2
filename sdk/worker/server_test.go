package worker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/sdk/worker"
)

func TestMain(m *testing.M) {
	worker.HurryUp()
	goleak.VerifyTestMain(m)
}

// server is a server that a test plays by hand: it gets every stream that a worker opens.
type server struct {
	t       *testing.T
	address string
	streams chan *peer
}

// peer is one stream of a worker, at the server.
type peer struct {
	t        *testing.T
	first    *aionv1.StreamTasksRequest
	frames   chan *aionv1.StreamTasksRequest // after the first; closed when the worker has closed its side
	out      chan *aionv1.StreamTasksResponse
	end      chan error // ends the stream; errDrop breaks the connection
	finished chan struct{}
}

var errDrop = errors.New("drop")

func (s *server) StreamTasks(ctx context.Context, stream *connect.BidiStream[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	p := &peer{
		t: s.t, first: first, frames: make(chan *aionv1.StreamTasksRequest, 1000), out: make(chan *aionv1.StreamTasksResponse, 1000), end: make(chan error, 1),
		finished: make(chan struct{}),
	}
	defer close(p.finished)
	received := make(chan struct{})
	go func() {
		defer close(received)
		defer close(p.frames)
		for {
			f, err := stream.Receive()
			if err != nil {
				return
			}
			p.frames <- f
		}
	}()
	s.streams <- p
	for {
		select {
		case f := <-p.out:
			if err := stream.Send(f); err != nil {
				return err
			}
		case err := <-p.end:
			for len(p.out) > 0 { // what was to be said before
				if err := stream.Send(<-p.out); err != nil {
					return err
				}
			}
			if errors.Is(err, errDrop) {
				panic(http.ErrAbortHandler)
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-received:
			if len(p.out) == 0 {
				return nil
			}
		}
	}
}

// serve listens until the end of the test.
func serve(t *testing.T) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveAt(t, l)
}

func serveAt(t *testing.T, l net.Listener) *server {
	s := &server{t: t, address: l.Addr().String(), streams: make(chan *peer, 100)}
	mux := http.NewServeMux()
	mux.Handle(aionv1connect.NewWorkerServiceHandler(s))
	h := &http.Server{Handler: mux, Protocols: new(http.Protocols), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	h.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Serve(l) }()
	t.Cleanup(func() { _ = h.Close(); <-done })
	return s
}

// within fails a test that hangs.
func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("hangs: %s", what)
		panic("unreachable")
	}
}

// accept gives the next stream and accepts its worker.
func (s *server) accept() *peer {
	s.t.Helper()
	p := within(s.t, s.streams, "no worker connects")
	p.send(&aionv1.StreamTasksResponse{Registered: &aionv1.Registered{WorkerId: "w1", ProtocolVersion: 1}})
	return p
}

func (p *peer) send(f *aionv1.StreamTasksResponse) { p.out <- f }

func (p *peer) task(t *aionv1.Task) { p.send(&aionv1.StreamTasksResponse{Tasks: []*aionv1.Task{t}}) }

func (p *peer) ack(tokens ...string) {
	f := &aionv1.StreamTasksResponse{}
	for _, token := range tokens {
		f.Acks = append(f.Acks, []byte(token))
	}
	p.send(f)
}

// drop breaks the connection.
func (p *peer) drop() {
	p.end <- errDrop
	within(p.t, p.finished, "the stream does not end")
}

// frame gives the next frame for which want holds, passing over others.
func (p *peer) frame(what string, want func(*aionv1.StreamTasksRequest) bool) *aionv1.StreamTasksRequest {
	p.t.Helper()
	for {
		f := within(p.t, p.frames, what)
		if f == nil {
			p.t.Fatalf("the worker closed its side before it sent %s", what)
		}
		if want(f) {
			return f
		}
	}
}

// result gives the next result.
func (p *peer) result() *aionv1.TaskResult {
	p.t.Helper()
	f := p.frame("a result", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 })
	if len(f.GetResults()) > 1 {
		p.t.Fatalf("%d results at once", len(f.GetResults()))
	}
	return f.GetResults()[0]
}

// closed waits until the worker has closed its side.
func (p *peer) closed() {
	p.t.Helper()
	for f := p.first; f != nil; {
		f = within(p.t, p.frames, "the worker does not close its side")
	}
}

// run runs a worker. stop ends its context; the channel gives what Run returns. The end of the test waits for it.
func run(t *testing.T, w *worker.Worker) (stop context.CancelFunc, ended <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	c, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		c <- w.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); within(t, done, "Run does not return") })
	return cancel, c
}

// options are those of most tests. What a test leaves running is given up soon.
func options() worker.Options {
	return worker.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), DrainTimeout: 50 * time.Millisecond}
}

func task(token string, n uint32, kind, input string) *aionv1.Task {
	t := &aionv1.Task{
		Token: []byte(token), Namespace: "default", WorkflowId: "w", RunId: "r", WorkflowType: "Hello", ActivityId: n, ActivityType: kind, Attempt: 1,
		TaskQueue: "default", HeartbeatTimeout: durationpb.New(40 * time.Millisecond),
	}
	if input != "" {
		t.Input = &aionv1.Payload{ContentType: "application/json", Data: []byte(input)}
	}
	return t
}

func want(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
}

func completed(token, value string) *aionv1.TaskResult {
	return &aionv1.TaskResult{Token: []byte(token), Outcome: &aionv1.TaskResult_Completed{Completed: &aionv1.Payload{ContentType: "application/json", Data: []byte(value)}}}
}
