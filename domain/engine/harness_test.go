package engine_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

func defs(d ...workflow.Definition) aiontest.Options { return aiontest.Options{Workflows: d} }

var (
	sleeper = workflow.Define("Sleeper", func(ctx workflow.Context, d time.Duration) (string, error) {
		return "slept", workflow.Sleep(ctx, d)
	})
	echo = workflow.Define("Echo", func(ctx workflow.Context, s string) (string, error) { return s, nil })

	work  = activity.Define[string, string]("Work", activity.Options{})
	works = workflow.Define("Works", func(ctx workflow.Context, s string) (string, error) { return work.Execute(ctx, s) })

	note   = workflow.DefineSignal[string]("Note")
	notes  = workflow.DefineQuery[workflow.None, []string]("Notes")
	listen = workflow.Define("Listen", func(ctx workflow.Context, n int) ([]string, error) {
		var got []string
		notes.Handle(ctx, func(workflow.None) ([]string, error) { return got, nil })
		for len(got) < n {
			s, err := note.Receive(ctx)
			if err != nil {
				return got, err
			}
			got = append(got, s)
		}
		return got, nil
	})
)

func payload(v any) model.Payload {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return model.Payload{ContentType: model.ContentTypeJSON, Data: b}
}

// request is a start of a workflow.
func request(w interface{ Name() string }, in any) ports.StartRequest {
	return ports.StartRequest{Type: model.WorkflowType(w.Name()), Input: payload(in)}
}

func start(t testing.TB, env *aiontest.Env, r ports.StartRequest) ports.StartResult {
	t.Helper()
	res, err := env.Engine().Start(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// ref names the run of a start.
func ref(r ports.StartResult) ports.WorkflowRef {
	return ports.WorkflowRef{WorkflowID: r.WorkflowID, Run: r.Run}
}

// standing tells how a run stands now.
func standing(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) ports.Outcome {
	t.Helper()
	o, err := env.Engine().Result(ctx, ports.ResultRequest{Ref: r})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// events reads a run's history.
func events(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) []history.Event {
	t.Helper()
	var out []history.Event
	for from := model.Seq(1); from != 0; {
		page, err := env.Engine().History(ctx, ports.HistoryRequest{Ref: r, From: from})
		if err != nil {
			t.Fatal(err)
		}
		es, err := history.DecodePage(page.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out, from = append(out, es...), page.Next
	}
	for i, e := range out {
		if int(e.Seq) != i+1 {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
	}
	return out
}

// kinds lists the kinds of a run's events, for comparing.
func kinds(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) string {
	t.Helper()
	var out []string
	for _, e := range events(t, env, r) {
		out = append(out, e.Kind().String())
	}
	return strings.Join(out, " ")
}

// find gives the attributes of a kind in a run's history.
func find[A history.Attributes](t testing.TB, env *aiontest.Env, r ports.WorkflowRef) []A {
	t.Helper()
	var out []A
	for _, e := range events(t, env, r) {
		if a, ok := e.Attr.(A); ok {
			out = append(out, a)
		}
	}
	return out
}

func signal(env *aiontest.Env, r ports.WorkflowRef, text string, id model.RequestID) error {
	_, err := env.Engine().Signal(ctx, ports.SignalRequest{Ref: r, Name: model.SignalName(note.Name()), Input: payload(text), RequestID: id})
	return err
}

// listing asks a Listen what it has heard.
func listing(t testing.TB, env *aiontest.Env, r ports.WorkflowRef) ([]string, ports.QueryResult) {
	t.Helper()
	res, err := env.Engine().Query(ctx, ports.QueryRequest{Ref: r, Name: model.QueryName(notes.Name())})
	if err != nil {
		t.Fatal(err)
	}
	out, err := notes.DecodeResult(workflow.Payload(res.Output))
	if err != nil {
		t.Fatal(err)
	}
	return out, res
}

func want(t testing.TB, err error, r fault.Reason, parts ...string) {
	t.Helper()
	if !fault.Has(err, r) {
		t.Errorf("got %v; want %v", err, r)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got %q; want %q in it", err, p)
		}
	}
}

// session is a worker whose every move a test makes. What it is sent is taken at once.
type session struct {
	t   testing.TB
	env *aiontest.Env
	ports.WorkerSession
	closed chan struct{}

	mu      sync.Mutex
	tasks   map[model.Ordinal]ports.ActivityTask
	given   int
	acks    int
	cancels map[string]string // token → reason
	drained bool
	err     error
}

func register(t testing.TB, env *aiontest.Env, r ports.WorkerRegistration) *session {
	t.Helper()
	r.InProcess = true
	if r.Queues == nil {
		r.Queues = []model.TaskQueue{"default"}
	}
	if r.ActivityTypes == nil {
		r.ActivityTypes = []model.ActivityType{"Work"}
	}
	r.Slots = max(r.Slots, 1)
	ws, err := env.Engine().Register(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, env: env, WorkerSession: ws, closed: make(chan struct{}), tasks: map[model.Ordinal]ports.ActivityTask{}, cancels: map[string]string{}}
	go s.pump()
	t.Cleanup(s.Close)
	env.Wait()
	return s
}

func (s *session) pump() {
	defer close(s.closed)
	defer s.WorkerSession.Close()
	for {
		f, err := s.Next(ctx)
		s.mu.Lock()
		for _, x := range f.Tasks {
			s.tasks[x.Ordinal] = x
			s.given++
		}
		for _, c := range f.Cancels {
			s.cancels[string(c.Token)] = c.Reason
		}
		s.acks += len(f.Acks)
		s.drained = s.drained || f.Drain
		s.err = err
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Close ends the session.
func (s *session) Close() {
	s.WorkerSession.Close()
	<-s.closed
}

// look waits until nothing happens, and reads what the session was sent.
func look[T any](s *session, f func(s *session) T) T {
	s.env.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(s)
}

// holds lists the tasks that the session was given and the test did not take, by ordinal.
func (s *session) holds() []model.Ordinal {
	return look(s, func(s *session) []model.Ordinal { return slices.Sorted(maps.Keys(s.tasks)) })
}

// task takes the task with an ordinal, which must have been given.
func (s *session) task(o model.Ordinal) ports.ActivityTask {
	s.t.Helper()
	s.env.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.tasks[o]
	if !ok {
		s.t.Fatalf("the worker has not been given task %d", o)
	}
	delete(s.tasks, o)
	return x
}

func (s *session) complete(x ports.ActivityTask, v any) {
	p := payload(v)
	s.Results([]ports.TaskResult{{Token: x.Token, Completed: &p}})
	s.env.Wait()
}

func (s *session) fail(x ports.ActivityTask, f model.Failure) {
	s.Results([]ports.TaskResult{{Token: x.Token, Failed: &f}})
	s.env.Wait()
}

func (s *session) acked() int { return look(s, func(s *session) int { return s.acks }) }

// canceled gives why a task was to be stopped, "" when it was not.
func (s *session) canceled(x ports.ActivityTask) string {
	return look(s, func(s *session) string { return s.cancels[string(x.Token)] })
}
