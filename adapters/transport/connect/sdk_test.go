package connect_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

// The SDK's client and worker and this server understand each other.

type in struct {
	Name string `json:"name"`
}

const declined = activity.Type("card_declined")

var (
	greet    = activity.Define[in, string]("Greet", activity.Options{})
	hello    = workflow.Define("Hello", func(workflow.Context, in) (string, error) { return "", nil })
	approve  = workflow.DefineSignal[bool]("Approve")
	progress = workflow.DefineQuery[int, string]("Progress")
	change   = workflow.DefineUpdate[int, string]("Change")
)

func sdkClient(t *testing.T, s ports.Service) *client.Client {
	c, err := client.Dial(serve(t, connect.Options{Service: s, Auth: dev.Auth{}}), client.Options{Namespace: "shop", Identity: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestSDKClient(t *testing.T) {
	ctx := context.Background()
	hi := model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"Hello, Ada"`)}
	s := &transporttest.Service{Reply: func(_ context.Context, c transporttest.Call) (any, error) {
		switch r := c.Request.(type) {
		case ports.StartRequest:
			if r.Namespace != "shop" || r.Type != "Hello" || string(r.Input.Data) != `{"name":"Ada"}` || r.RequestID == "" || r.Identity != "ada" {
				return nil, fault.Invalidf("got %+v", r)
			}
			out := ports.StartResult{WorkflowID: r.WorkflowID, Run: "r1", Started: true}
			if r.Wait > 0 {
				out.Outcome = &ports.Outcome{Status: model.StatusCompleted, Result: hi}
			}
			return out, nil
		case ports.ResultRequest:
			if r.Ref.WorkflowID == "declined" {
				return ports.Outcome{Status: model.StatusFailed, Failure: &model.Failure{Type: string(declined), Message: "no funds"}}, nil
			}
			return ports.Outcome{Status: model.StatusCompleted, Result: hi}, nil
		case ports.SignalRequest:
			return model.RunID("r1"), nil
		case ports.QueryRequest:
			return ports.QueryResult{Output: hi}, nil
		case ports.ListQuery:
			if r.After == nil {
				return transporttest.Page{Runs: []ports.Run{{ID: "a"}}, Next: &ports.ListCursor{StartedAt: time.Unix(1, 0), Run: "a"}}, nil
			}
			return transporttest.Page{Runs: []ports.Run{{ID: "b"}}}, nil
		}
		return nil, nil
	}}
	c := sdkClient(t, s)
	run, err := client.Start(ctx, c, hello, in{"Ada"}, client.StartOptions{ID: "hello-ada"})
	if err != nil || run.ID() != "hello-ada" || run.RunID() != "r1" {
		t.Fatalf("start: got %v, %v", run, err)
	}
	if out, err := run.Result(ctx); err != nil || out != "Hello, Ada" {
		t.Errorf("result: got %q, %v", out, err)
	}
	if out, err := client.Execute(ctx, c, hello, in{"Ada"}, client.StartOptions{}); err != nil || out != "Hello, Ada" {
		t.Errorf("execute: got %q, %v", out, err)
	}
	if _, err := client.Get(c, hello, client.ID("declined")).Result(ctx); !errors.Is(err, declined) {
		t.Errorf("a failed run: got %v", err)
	}
	if err := client.Signal(ctx, c, run.Ref(), approve, true); err != nil {
		t.Errorf("signal: %v", err)
	}
	if out, err := client.Query(ctx, c, run.Ref(), progress, 1); err != nil || out != "Hello, Ada" {
		t.Errorf("query: got %q, %v", out, err)
	}
	var listed []string
	for r, err := range c.List(ctx, client.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, r.GetRunId())
	}
	if len(listed) != 2 || listed[1] != "b" {
		t.Errorf("list: got %v", listed)
	}
	for name, err := range map[string]error{"cancel": c.Cancel(ctx, run.Ref(), "x"), "terminate": c.Terminate(ctx, run.Ref(), "x")} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client knows every reason by the name that the server has for it.
func TestSDKReasons(t *testing.T) {
	for _, r := range fault.Reasons() {
		asked := 0
		s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
			if asked++; asked == 1 {
				return nil, fault.New(r, "not so").Hinted("do")
			}
			return nil, nil
		}}
		_, err := sdkClient(t, s).Describe(context.Background(), client.ID("w"))
		if err == nil && asked == 2 { // asked again
			continue
		}
		var e *client.Error
		if client.ReasonOf(err) != client.Reason(r.String()) || !errors.As(err, &e) || e.Hint != "do" || e.Retryable != r.Retryable() {
			t.Errorf("%v came as %v (%q)", r, err, client.ReasonOf(err))
		}
	}
}

func TestSDKWorker(t *testing.T) {
	sessions := make(chan *transporttest.Session, 10)
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		session := transporttest.NewSession(ports.WorkerInfo{ID: "w1", HeartbeatWindow: time.Minute})
		sessions <- session
		return session, nil
	}}
	w := worker.New(serve(t, connect.Options{Service: s, Auth: dev.Auth{}}), worker.Options{Namespace: "shop", Slots: 3, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	worker.Handle(w, greet, func(ctx context.Context, in in) (string, error) {
		if in.Name == "" {
			_ = worker.Heartbeat(ctx, "half")
			return "", declined.Errorf("no name").NonRetryable()
		}
		return "Hello, " + in.Name, nil
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()

	session := <-sessions
	heard := func() []ports.TaskResult {
		for {
			if r, ok := (<-session.Heard()).([]ports.TaskResult); ok {
				return r
			}
		}
	}
	task := ports.ActivityTask{
		Token: []byte("t1"), Key: model.ChainKey{Namespace: "shop", WorkflowID: "w"}, Run: "r", Ordinal: 1, Type: "Greet", Attempt: 1,
		Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`{"name":"Ada"}`)},
	}
	session.Feed(ports.WorkerFrame{Tasks: []ports.ActivityTask{task}})
	if r := heard(); len(r) != 1 || r[0].Completed == nil || string(r[0].Completed.Data) != `"Hello, Ada"` {
		t.Fatalf("heard %+v", r)
	}
	// The acknowledgement is lost with the session: the result comes again, in the first frame of the next one.
	session.Fail(fault.New(fault.Draining, "the server goes away"))
	session = <-sessions
	if r := heard(); len(r) != 1 || string(r[0].Token) != "t1" {
		t.Fatalf("heard %+v", r)
	}
	task.Token, task.Ordinal, task.Input = []byte("t2"), 2, model.Payload{}
	session.Feed(ports.WorkerFrame{Acks: [][]byte{[]byte("t1")}, Tasks: []ports.ActivityTask{task}})
	if b := (<-session.Heard()).(transporttest.Beat); string(b.Token) != "t2" || string(b.Details.Data) != `"half"` {
		t.Fatalf("heard %+v", b)
	}
	if r := heard(); len(r) != 1 || r[0].Failed == nil || r[0].Failed.Type != string(declined) || r[0].Failed.Retryable {
		t.Fatalf("heard %+v", r)
	}
	stop()
	for v := range session.Heard() {
		if _, ok := v.(transporttest.Drained); ok {
			break
		}
	}
	session.Feed(ports.WorkerFrame{Acks: [][]byte{[]byte("t2")}})
	<-session.Closed()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	registered := s.Calls()[1].Request.(ports.WorkerRegistration)
	if len(registered.Executing) != 1 || string(registered.Executing[0]) != "t1" || registered.Slots != 3 || registered.Namespaces[0] != "shop" {
		t.Errorf("registered again as %+v", registered)
	}
}
