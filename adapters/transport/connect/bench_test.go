package connect_test

import (
	"context"
	"fmt"
	"testing"

	connectrpc "connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

// echo is a session whose worker has a number of tasks at any time: each result is acknowledged together with a new task.
type echo struct {
	*transporttest.Session
	frames chan ports.WorkerFrame
	task   ports.ActivityTask
}

func (e *echo) Next(ctx context.Context) (ports.WorkerFrame, error) {
	select {
	case f := <-e.frames:
		return f, nil
	case <-ctx.Done():
		return ports.WorkerFrame{}, ctx.Err()
	}
}

func (e *echo) Results(r []ports.TaskResult) {
	f := ports.WorkerFrame{Tasks: make([]ports.ActivityTask, len(r)), Acks: make([][]byte, len(r))}
	for i := range r {
		f.Tasks[i], f.Acks[i] = e.task, r[i].Token
	}
	e.frames <- f
}

type echoService struct {
	transporttest.Service
	session *echo
}

func (s *echoService) Register(context.Context, ports.WorkerRegistration) (ports.WorkerSession, error) {
	return s.session, nil
}

// A task, its result and its acknowledgement, over one stream, client and server in this process; several in a frame. One op is
// one task. At 16 in a frame it costs about 1.4 KB and 20 allocations, most of them the messages of the reading ends.
func BenchmarkWorkerStream(b *testing.B) {
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(n, " in a frame"), func(b *testing.B) {
			e := &echo{
				Session: transporttest.NewSession(ports.WorkerInfo{}), frames: make(chan ports.WorkerFrame, 1),
				task: ports.ActivityTask{
					Token: make([]byte, 40), Key: model.ChainKey{Namespace: "default", WorkflowID: "0190c5a4-7c1e-7000-8000-000000000001"},
					Run: "0190c5a4-7c1e-7000-8000-000000000002", WorkflowType: "Hello", Ordinal: 1, Type: "Greet", Queue: "default", Attempt: 1,
					Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`{"name":"Ada"}`)},
				},
			}
			url := serve(b, connect.Options{Service: &echoService{session: e}, Auth: dev.Auth{}})
			w := aionv1connect.NewWorkerServiceClient(h2c(b), url, connectrpc.WithAcceptCompression("gzip", nil, nil)).StreamTasks(context.Background())
			results := &aionv1.StreamTasksRequest{}
			for range n {
				results.Results = append(results.Results, &aionv1.TaskResult{
					Token:   make([]byte, 40),
					Outcome: &aionv1.TaskResult_Completed{Completed: &aionv1.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"Hello, Ada"`)}},
				})
			}
			_ = w.Send(&aionv1.StreamTasksRequest{Register: &aionv1.Register{ProtocolVersion: wire.WorkerProtocol, Slots: uint32(n)}})
			if _, err := w.Receive(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += n {
				if err := w.Send(results); err != nil {
					b.Fatal(err)
				}
				f, err := w.Receive()
				if err != nil || len(f.GetTasks()) != n || len(f.GetAcks()) != n {
					b.Fatal(f, err)
				}
			}
			b.StopTimer()
			_ = w.CloseRequest()
			_ = w.CloseResponse()
		})
	}
}

// An unary start with a client in this process; one op is one call.
func BenchmarkStartWorkflow(b *testing.B) {
	s := &startService{}
	c := connect.NewRemote(h2c(b), serve(b, connect.Options{Service: s, Auth: dev.Auth{}}), connectrpc.WithAcceptCompression("gzip", nil, nil))
	r := ports.StartRequest{Namespace: "default", Type: "Hello", RequestID: "r", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`{"name":"Ada"}`)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Start(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// startService keeps no record of its calls.
type startService struct{ transporttest.Service }

func (*startService) Start(context.Context, ports.StartRequest) (ports.StartResult, error) {
	return ports.StartResult{WorkflowID: "w", Run: "r", Started: true}, nil
}
