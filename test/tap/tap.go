package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"connectrpc.com/connect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/test/evidence"
)

var pid = os.Getpid()

// Sabotage is a way in which the server seems to be broken.
type Sabotage string

// The ways. DropResult: some results are acknowledged and never recorded. RunTwice: some tasks are handed out again after their
// result was acknowledged.
const (
	None       Sabotage = ""
	DropResult Sabotage = "drop_result"
	RunTwice   Sabotage = "run_twice"
)

// often is how many results lie between two acts of sabotage.
const often = 25

// Tap is a worker service that passes everything on to the server. Safe for concurrent use.
type Tap struct {
	server   aionv1connect.WorkerServiceClient
	ledger   *Ledger
	sabotage Sabotage

	mu      sync.Mutex
	tasks   map[string]*aionv1.Task // by token: handed out, and their results not acknowledged
	results int
}

// Listen opens a tap of the server at an address (host:port) and gives the address that a worker in this process is to be given in its
// place. It serves until close is called, or the process ends.
func Listen(server string, ledger *Ledger, sabotage Sabotage) (address string, close func() error, err error) {
	if sabotage != None && sabotage != DropResult && sabotage != RunTwice {
		return "", nil, fmt.Errorf("no sabotage is called %q", sabotage)
	}
	plain := new(http.Protocols)
	plain.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: plain}
	c := &http.Client{Transport: transport}
	t := &Tap{server: aionv1connect.NewWorkerServiceClient(c, "http://"+server), ledger: ledger, sabotage: sabotage, tasks: map[string]*aionv1.Task{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(aionv1connect.NewWorkerServiceHandler(t))
	h := &http.Server{Handler: mux, Protocols: plain}
	go func() { _ = h.Serve(l) }()
	return l.Addr().String(), func() error {
		transport.CloseIdleConnections()
		return h.Close()
	}, nil
}

// stream is a worker's stream; what the server and what the tap itself says go into it.
type stream struct {
	*connect.BidiStream[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]
	mu sync.Mutex
}

func (s *stream) send(f *aionv1.StreamTasksResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Send(f)
}

// StreamTasks passes frames on in both directions until one of them ends.
func (t *Tap) StreamTasks(ctx context.Context, down *connect.BidiStream[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]) error {
	ctx, cancel := context.WithCancel(ctx)
	up := t.server.StreamTasks(ctx)
	for k, v := range down.RequestHeader() {
		if k == "Authorization" || k == "Aion-Identity" {
			up.RequestHeader()[k] = v
		}
	}
	s := &stream{BidiStream: down}
	go func() {
		for {
			f, err := down.Receive()
			if err != nil {
				if errors.Is(err, io.EOF) {
					_ = up.CloseRequest()
				} else {
					cancel()
				}
				return
			}
			t.answered(s, f)
			if err := up.Send(f); err != nil {
				return // Receive says why
			}
		}
	}()
	// The worker's stream ends with this function, and with it the goroutine.
	defer cancel()
	for {
		f, err := up.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		again := t.handed(f)
		if err := s.send(f); err != nil {
			return err
		}
		if again != nil {
			if err := s.send(again); err != nil {
				return err
			}
		}
	}
}

// handed looks at a frame from the server: it remembers tasks and writes down acknowledgements. again is a frame of sabotage to send
// behind it.
func (t *Tap) handed(f *aionv1.StreamTasksResponse) (again *aionv1.StreamTasksResponse) {
	var lines []evidence.Step
	t.mu.Lock()
	for _, task := range f.GetTasks() {
		t.tasks[string(task.GetToken())] = task
	}
	for _, token := range f.GetAcks() {
		task := t.tasks[string(token)]
		if task == nil {
			continue // of the sabotage
		}
		delete(t.tasks, string(token))
		lines = append(lines, step(task.GetWorkflowId(), task.GetActivityId(), task.GetAttempt(), evidence.Acked))
		if t.sabotage == RunTwice && t.turn() {
			again = &aionv1.StreamTasksResponse{Tasks: []*aionv1.Task{task}}
		}
	}
	t.mu.Unlock()
	write(t.ledger, lines...)
	return again
}

// turn counts a result and says whether it is one for an act of sabotage. With the lock held.
func (t *Tap) turn() bool {
	t.results++
	return t.results%often == 0
}

// answered looks at a frame from the worker: with DropResult it takes results out and acknowledges them itself.
func (t *Tap) answered(s *stream, f *aionv1.StreamTasksRequest) {
	if t.sabotage != DropResult {
		return
	}
	var kept []*aionv1.TaskResult
	var lines []evidence.Step
	var acks [][]byte
	t.mu.Lock()
	for _, r := range f.GetResults() {
		task := t.tasks[string(r.GetToken())]
		if task == nil || !t.turn() {
			kept = append(kept, r)
			continue
		}
		delete(t.tasks, string(r.GetToken()))
		acks = append(acks, r.GetToken())
		lines = append(lines, step(task.GetWorkflowId(), task.GetActivityId(), task.GetAttempt(), evidence.Acked))
	}
	t.mu.Unlock()
	f.Results = kept
	write(t.ledger, lines...)
	if len(acks) > 0 {
		_ = s.send(&aionv1.StreamTasksResponse{Acks: acks}) // a stream that is gone says so elsewhere
	}
}
