package connect

import (
	"context"
	"sync"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Register implements ports.Workers: it opens a stream, which ends with the session.
func (r *Remote) Register(ctx context.Context, g ports.WorkerRegistration) (ports.WorkerSession, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &remoteSession{stream: r.workers.StreamTasks(ctx), cancel: cancel}
	// While a request's body is open, net/http looks at the context only between two reads of it.
	context.AfterFunc(ctx, func() { _ = s.stream.CloseRequest() })
	s.send(&aionv1.StreamTasksRequest{Register: wire.EncodeRegister(g)}) // an error shows in Receive
	first, err := s.stream.Receive()
	if err == nil && first.GetRegistered() == nil {
		err = fault.Internalf("the server's first frame holds no registered")
	}
	if err != nil {
		s.Close()
		return nil, wire.DecodeError(err)
	}
	s.info = wire.DecodeRegistered(first.GetRegistered())
	return s, nil
}

// remoteSession is the worker's end of a stream. What cannot be sent is dropped: the broken stream shows in Next.
type remoteSession struct {
	stream *connect.BidiStreamForClient[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]
	cancel context.CancelFunc
	info   ports.WorkerInfo
	mu     sync.Mutex // one sender at a time
}

func (s *remoteSession) send(f *aionv1.StreamTasksRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stream.Send(f)
}

func (s *remoteSession) Info() ports.WorkerInfo { return s.info }

// Next ends the session when ctx ends while it waits: a stream cannot be read with a deadline and then go on.
func (s *remoteSession) Next(ctx context.Context) (ports.WorkerFrame, error) {
	defer context.AfterFunc(ctx, s.cancel)()
	f, err := s.stream.Receive()
	if err != nil {
		if ctx.Err() != nil {
			return ports.WorkerFrame{}, ctx.Err()
		}
		return ports.WorkerFrame{}, wire.DecodeError(err)
	}
	return wire.DecodeFrame(f), nil
}

func (s *remoteSession) Results(results []ports.TaskResult) {
	s.send(&aionv1.StreamTasksRequest{Results: wire.EncodeResults(results)})
}

func (s *remoteSession) Heartbeat(token []byte, details model.Payload) {
	s.send(&aionv1.StreamTasksRequest{Heartbeats: []*aionv1.TaskHeartbeat{{Token: token, Details: wire.EncodePayload(details)}}})
}

// Alive sends an empty frame.
func (s *remoteSession) Alive() { s.send(&aionv1.StreamTasksRequest{}) }

func (s *remoteSession) SetSlots(n int) {
	s.send(&aionv1.StreamTasksRequest{SlotsChanged: &aionv1.SlotsChanged{Slots: uint32(max(n, 0))}})
}

func (s *remoteSession) Drain() { s.send(&aionv1.StreamTasksRequest{Draining: true}) }

// Close lets the server see the end of what was sent, and waits for nothing.
func (s *remoteSession) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stream.CloseRequest()
	s.cancel()
	_ = s.stream.CloseResponse()
}
