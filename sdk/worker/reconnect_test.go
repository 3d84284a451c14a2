package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

// gate is an activity that tells when it begins and ends when it is let.
type gate struct {
	began chan worker.Task
	open  chan struct{}
}

func newGate() *gate { return &gate{make(chan worker.Task, 100), make(chan struct{})} }

func (g *gate) run(ctx context.Context, _ workflow.None) (workflow.None, error) {
	g.began <- worker.Info(ctx)
	select {
	case <-g.open:
		return workflow.None{}, nil
	case <-ctx.Done():
		return workflow.None{}, context.Cause(ctx)
	}
}

// start runs a worker whose activity is the gate.
func start(t *testing.T, o worker.Options) (*server, *gate, context.CancelFunc, <-chan error) {
	s, g := serve(t), newGate()
	w := worker.New(s.address, o)
	worker.Handle(w, do, g.run)
	stop, ended := run(t, w)
	return s, g, stop, ended
}

func tokens(b [][]byte) (out []string) {
	for _, t := range b {
		out = append(out, string(t))
	}
	slices.Sort(out)
	return out
}

func wantTokens(t *testing.T, got [][]byte, want ...string) {
	t.Helper()
	if !slices.Equal(tokens(got), want) {
		t.Fatalf("got %q, want %q", tokens(got), want)
	}
}

// A worker that comes back says what it executes, and first sends what was not acknowledged, everything together and in order.
func TestReconnect(t *testing.T) {
	s, g, _, _ := start(t, options())
	p := s.accept()
	for i := range 3 {
		p.task(task(fmt.Sprint("t", i), uint32(i+1), "Do", ""))
		within(t, g.began, "the activity does not begin")
	}
	p.drop()
	p = s.accept()
	wantTokens(t, p.first.GetRegister().GetExecuting(), "t0", "t1", "t2")
	if len(p.first.GetResults()) > 0 {
		t.Fatalf("results %v of activities that run", p.first.GetResults())
	}
	for range 3 {
		g.open <- struct{}{}
	}
	got := map[string]bool{}
	for len(got) < 3 {
		for _, r := range p.frame("results", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 }).GetResults() {
			got[string(r.GetToken())] = true
		}
	}
	p.ack("t1", "t1", "nobody's")
	p.drop()
	for range 2 { // until it is acknowledged
		p = s.accept()
		wantTokens(t, p.first.GetRegister().GetExecuting(), "t0", "t2")
		if r := p.first.GetResults(); len(r) != 2 {
			t.Fatalf("got %v", r)
		}
		p.drop()
	}
	p = s.accept()
	p.ack("t0", "t2")
	p.task(task("t9", 9, "Do", ""))
	within(t, g.began, "the activity does not begin")
	p.drop()
	p = s.accept()
	wantTokens(t, p.first.GetRegister().GetExecuting(), "t9")
	if len(p.first.GetResults()) > 0 {
		t.Fatalf("acknowledged results came again: %v", p.first.GetResults())
	}
}

// Results that do not fit into one frame come in several, and none is lost.
func TestManyLargeResults(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	open := make(chan struct{})
	worker.Handle(w, greet, func(context.Context, in) (string, error) {
		<-open
		return strings.Repeat("x", 1<<20), nil
	})
	run(t, w)
	p := s.accept()
	for i := range 10 {
		p.task(task(fmt.Sprint("t", i), uint32(i+1), "Greet", ""))
	}
	close(open)
	for n := 0; n < 10; { // now they are made, and then sent again
		n += len(p.frame("results", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 }).GetResults())
	}
	p.drop()
	p = s.accept()
	n := len(p.first.GetResults())
	if n == 0 || n > 4 {
		t.Fatalf("%d results in the first frame", n)
	}
	for n < 10 {
		f := p.frame("results", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 })
		if n += len(f.GetResults()); len(f.GetResults()) > 4 {
			t.Fatalf("%d results in a frame", len(f.GetResults()))
		}
	}
}

// An attempt that is handed out again, because the server did not know better, is not run again.
func TestHandedOutAgain(t *testing.T) {
	s, g, _, _ := start(t, options())
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	within(t, g.began, "the activity does not begin")
	p.task(task("t1-again", 1, "Do", "")) // while it runs
	second := task("t2", 1, "Do", "")
	second.Attempt = 2
	p.task(second) // another attempt is another thing
	if got := within(t, g.began, "the second attempt does not begin"); got.Attempt != 2 {
		t.Fatalf("attempt %d began again", got.Attempt)
	}
	close(g.open)
	got := map[string]bool{}
	for len(got) < 2 {
		for _, r := range p.frame("results", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 }).GetResults() {
			got[string(r.GetToken())] = true
		}
	}
	if !got["t1-again"] || !got["t2"] {
		t.Fatalf("got %v", got)
	}
	p.task(task("t1-third", 1, "Do", "")) // while its result waits to be acknowledged
	if r := p.result(); string(r.GetToken()) != "t1-third" {
		t.Fatalf("got %v", r)
	}
	p.ack("t1-again", "t2", "t1-third")
	p.task(task("t3", 3, "Do", ""))
	if got := within(t, g.began, "the next activity does not begin"); got.ActivityID != 3 {
		t.Fatalf("%v began again", got)
	}
}

// What the server no longer waits for is told to stop.
func TestUnknownTokens(t *testing.T) {
	s, g, _, _ := start(t, options())
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	within(t, g.began, "the activity does not begin")
	p.drop()
	p = within(t, s.streams, "no worker connects")
	p.send(&aionv1.StreamTasksResponse{Registered: &aionv1.Registered{ProtocolVersion: 1, Unknown: [][]byte{[]byte("t1"), []byte("x")}}})
	if f := p.result().GetFailed().GetFailure(); !strings.Contains(f.GetMessage(), "no longer waits") {
		t.Fatalf("got %v", f)
	}
}

// The end of the context drains: what runs is finished and delivered, then the worker closes its side.
func TestDrain(t *testing.T) {
	o := options()
	o.DrainTimeout = 0
	s, g, stop, ended := start(t, o)
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	within(t, g.began, "the activity does not begin")
	stop()
	p.frame("draining", func(f *aionv1.StreamTasksRequest) bool { return f.GetDraining() })
	p.task(task("t2", 2, "Do", "")) // was on its way
	within(t, g.began, "the task that was on its way does not begin")
	g.open <- struct{}{}
	g.open <- struct{}{}
	for n := 0; n < 2; {
		f := p.frame("results", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 || f.GetDraining() })
		if n += len(f.GetResults()); f.GetDraining() {
			t.Fatal("it says twice that it drains")
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("Run returned %v before the results were acknowledged", err)
	default:
	}
	p.ack("t1", "t2")
	p.closed()
	if err := within(t, ended, "Run does not return"); err != nil {
		t.Fatal(err)
	}
}

// A connection that is lost while draining does not cost results.
func TestDrainOverReconnect(t *testing.T) {
	o := options()
	o.DrainTimeout = 0
	s, g, stop, ended := start(t, o)
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	within(t, g.began, "the activity does not begin")
	stop()
	p.frame("draining", func(f *aionv1.StreamTasksRequest) bool { return f.GetDraining() })
	p.drop()
	p = s.accept()
	if !p.first.GetDraining() {
		t.Fatal("it registers without saying that it drains")
	}
	wantTokens(t, p.first.GetRegister().GetExecuting(), "t1")
	close(g.open)
	want(t, p.result(), none("t1"))
	p.ack("t1")
	if err := within(t, ended, "Run does not return"); err != nil {
		t.Fatal(err)
	}
}

// A task that comes with the very acknowledgement after which nothing would be left is run and delivered all the same.
func TestTaskWithTheLastAck(t *testing.T) {
	o := options()
	o.DrainTimeout = 0
	s, g, stop, ended := start(t, o)
	p := within(t, s.streams, "no worker connects")
	p.send(&aionv1.StreamTasksResponse{Registered: &aionv1.Registered{ProtocolVersion: 1}})
	p.task(task("t1", 1, "Do", ""))
	within(t, g.began, "the activity does not begin")
	g.open <- struct{}{}
	want(t, p.result(), none("t1"))
	stop()
	p.frame("draining", func(f *aionv1.StreamTasksRequest) bool { return f.GetDraining() })
	p.send(&aionv1.StreamTasksResponse{Acks: [][]byte{[]byte("t1")}, Tasks: []*aionv1.Task{task("t2", 2, "Do", "")}})
	within(t, g.began, "the late task does not begin")
	g.open <- struct{}{}
	want(t, p.result(), none("t2"))
	p.ack("t2")
	if err := within(t, ended, "Run does not return"); err != nil {
		t.Fatal(err)
	}
}

// DrainTimeout bounds how long attempts may go on, and then what they may do about it.
func TestDrainTimeout(t *testing.T) {
	t.Run("told to stop", func(t *testing.T) {
		s, g, stop, ended := start(t, options())
		p := s.accept()
		p.task(task("t1", 1, "Do", ""))
		within(t, g.began, "the activity does not begin")
		stop()
		if f := p.result().GetFailed().GetFailure(); !strings.Contains(f.GetMessage(), "drains") || !f.GetRetryable() {
			t.Fatalf("got %v", f)
		}
		p.ack("t1")
		if err := within(t, ended, "Run does not return"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("abandoned", func(t *testing.T) {
		s := serve(t)
		w := worker.New(s.address, options())
		began, open := make(chan struct{}), make(chan struct{})
		worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) {
			close(began)
			<-open // whatever the context says
			return workflow.None{}, nil
		})
		stop, ended := run(t, w)
		p := s.accept()
		p.task(task("t1", 1, "Do", ""))
		within(t, began, "the activity does not begin")
		stop()
		err := within(t, ended, "Run does not return")
		close(open)
		if err == nil || !strings.Contains(err.Error(), "1 attempts were abandoned") {
			t.Fatalf("got %v", err)
		}
	})
}

// A server that goes away is left as soon as nothing is left to tell it, and looked for again.
func TestServerDrains(t *testing.T) {
	s, g, _, _ := start(t, options())
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	within(t, g.began, "the activity does not begin")
	p.send(&aionv1.StreamTasksResponse{Drain: true})
	close(g.open)
	want(t, p.result(), none("t1"))
	p.ack("t1")
	p.closed()
	p = s.accept()
	if len(p.first.GetRegister().GetExecuting())+len(p.first.GetResults()) > 0 || p.first.GetDraining() {
		t.Fatalf("got %v", p.first)
	}
}

// A worker that has nothing to say says so before the server's window ends.
func TestAlive(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil })
	run(t, w)
	p := within(t, s.streams, "no worker connects")
	p.send(&aionv1.StreamTasksResponse{Registered: &aionv1.Registered{ProtocolVersion: 1, HeartbeatWindow: durationpb.New(30 * time.Millisecond)}})
	for range 3 {
		p.frame("an empty frame", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults())+len(f.GetHeartbeats()) == 0 })
	}
}

// Whatever happens to connections, every task is answered, and none runs twice.
func TestManyDrops(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	ran := make(chan uint32, 10_000)
	worker.Handle(w, do, func(ctx context.Context, _ workflow.None) (workflow.None, error) {
		ran <- worker.Info(ctx).ActivityID
		if worker.Info(ctx).ActivityID%7 == 0 {
			return workflow.None{}, errors.New("broken")
		}
		return workflow.None{}, nil
	})
	run(t, w)
	const count = 500
	answered := map[string]bool{}
	given := map[uint32]bool{}
	for round := 0; len(answered) < count; round++ {
		p := s.accept()
		take := func(results []*aionv1.TaskResult) {
			for _, r := range results {
				answered[string(r.GetToken())] = true
				if round%3 != 1 { // now and then the acknowledgement is lost
					p.ack(string(r.GetToken()))
				}
			}
		}
		take(p.first.GetResults())
		// What was handed out and is known to have arrived is not handed out again; the rest is lost with the connection.
		for i := uint32(1); i <= count; i++ {
			token := fmt.Sprint("t", i)
			if !given[i] && !answered[token] && i <= uint32(round+1)*50 {
				given[i] = true
				p.task(task(token, i, "Do", ""))
			}
		}
		for len(answered) < min(count, (round+1)*50)-10 { // the last of a round are cut off
			f := p.frame("results", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetResults()) > 0 })
			take(f.GetResults())
		}
		p.drop()
		for i := range given {
			if !answered[fmt.Sprint("t", i)] {
				delete(given, i) // it may not have arrived
			}
		}
	}
	seen := map[uint32]bool{}
	for len(ran) > 0 {
		id := <-ran
		if seen[id] {
			t.Errorf("activity %d ran twice", id)
		}
		seen[id] = true
	}
}
