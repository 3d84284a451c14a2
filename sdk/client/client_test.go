package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) {
	client.HurryUp()
	goleak.VerifyTestMain(m)
}

type in struct {
	Name string `json:"name"`
}

const declined = activity.Type("card_declined")

var (
	hello    = workflow.Define("Hello", func(workflow.Context, in) (string, error) { return "", nil })
	approve  = workflow.DefineSignal[bool]("Approve")
	progress = workflow.DefineQuery[int, string]("Progress")
)

// server is a WorkflowService whose answers are set method by method. It keeps what it was asked.
type server struct {
	aionv1connect.UnimplementedWorkflowServiceHandler
	start   func(n int, r *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error)
	result  func(n int, r *aionv1.GetResultRequest) (*aionv1.GetResultResponse, error)
	signal  func(*aionv1.SignalWorkflowRequest) error
	query   func(*aionv1.QueryWorkflowRequest) (*aionv1.QueryWorkflowResponse, error)
	list    func(*aionv1.ListWorkflowsRequest) (*aionv1.ListWorkflowsResponse, error)
	history func(*aionv1.GetHistoryRequest) (*aionv1.GetHistoryResponse, error)

	mu      sync.Mutex
	asked   []any
	headers []http.Header
}

func (s *server) keep(h http.Header, m any) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.headers = append(s.asked, m), append(s.headers, h)
	return len(s.asked)
}

func (s *server) StartWorkflow(_ context.Context, r *connect.Request[aionv1.StartWorkflowRequest]) (*connect.Response[aionv1.StartWorkflowResponse], error) {
	return response(s.start(s.keep(r.Header(), r.Msg), r.Msg))
}

func (s *server) GetResult(_ context.Context, r *connect.Request[aionv1.GetResultRequest]) (*connect.Response[aionv1.GetResultResponse], error) {
	return response(s.result(s.keep(r.Header(), r.Msg), r.Msg))
}

func (s *server) SignalWorkflow(_ context.Context, r *connect.Request[aionv1.SignalWorkflowRequest]) (*connect.Response[aionv1.SignalWorkflowResponse], error) {
	s.keep(r.Header(), r.Msg)
	return response(&aionv1.SignalWorkflowResponse{}, s.signal(r.Msg))
}

func (s *server) QueryWorkflow(_ context.Context, r *connect.Request[aionv1.QueryWorkflowRequest]) (*connect.Response[aionv1.QueryWorkflowResponse], error) {
	s.keep(r.Header(), r.Msg)
	return response(s.query(r.Msg))
}

func (s *server) ListWorkflows(_ context.Context, r *connect.Request[aionv1.ListWorkflowsRequest]) (*connect.Response[aionv1.ListWorkflowsResponse], error) {
	s.keep(r.Header(), r.Msg)
	return response(s.list(r.Msg))
}

func (s *server) GetHistory(_ context.Context, r *connect.Request[aionv1.GetHistoryRequest]) (*connect.Response[aionv1.GetHistoryResponse], error) {
	s.keep(r.Header(), r.Msg)
	return response(s.history(r.Msg))
}

func response[T any](m *T, err error) (*connect.Response[T], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(m), nil
}

// dial serves s until the end of the test and gives a client of it.
func dial(t *testing.T, s *server, opts ...client.Options) *client.Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(aionv1connect.NewWorkflowServiceHandler(s))
	h := httptest.NewUnstartedServer(mux)
	h.Config.Protocols = new(http.Protocols)
	h.Config.Protocols.SetUnencryptedHTTP2(true)
	h.Start()
	c, err := client.Dial(h.URL, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		h.Close()
	})
	return c
}

// refusal is an error as a server sends it.
func refusal(code connect.Code, info *aionv1.ErrorInfo) error {
	err := connect.NewError(code, errors.New("not so"))
	d, derr := connect.NewErrorDetail(info)
	if derr != nil {
		return derr
	}
	err.AddDetail(d)
	return err
}

var (
	ctx        = context.Background()
	overloaded = refusal(connect.CodeUnavailable, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_OVERLOADED, Retryable: true})
)

func json(text string) *aionv1.Payload {
	return &aionv1.Payload{ContentType: "application/json", Data: []byte(text)}
}

func completed(text string) *aionv1.Outcome {
	return &aionv1.Outcome{Outcome: &aionv1.Outcome_Completed{Completed: json(text)}}
}

func pending(p *aionv1.OutcomePending) *aionv1.Outcome {
	return &aionv1.Outcome{Outcome: &aionv1.Outcome_Pending{Pending: p}}
}

func TestStartAndResult(t *testing.T) {
	s := &server{
		start: func(int, *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) {
			return &aionv1.StartWorkflowResponse{WorkflowId: "hello-ada", RunId: "r1", Started: true}, nil
		},
		result: func(int, *aionv1.GetResultRequest) (*aionv1.GetResultResponse, error) {
			return &aionv1.GetResultResponse{Outcome: completed(`"Hello, Ada"`)}, nil
		},
	}
	c := dial(t, s, client.Options{Namespace: "shop", Token: "secret", Identity: "ada"})
	run, err := client.Start(ctx, c, hello, in{"Ada"}, client.StartOptions{
		ID: "hello-ada", TaskQueue: "fast", RunTimeout: time.Hour, Reuse: client.ReuseReject, Conflict: client.ConflictUseExisting, Header: map[string]string{"a": "b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if run.ID() != "hello-ada" || run.RunID() != "r1" || !run.Started() || run.Ref() != (client.Ref{ID: "hello-ada", RunID: "r1"}) {
		t.Errorf("got %+v", run)
	}
	var out string
	if out, err = run.Result(ctx); err != nil || out != "Hello, Ada" {
		t.Fatalf("got %q, %v", out, err)
	}
	r := s.asked[0].(*aionv1.StartWorkflowRequest)
	if r.GetNamespace() != "shop" || r.GetWorkflowId() != "hello-ada" || r.GetWorkflowType() != "Hello" || string(r.GetInput().GetData()) != `{"name":"Ada"}` || r.GetTaskQueue() != "fast" ||
		r.GetRunTimeout().AsDuration() != time.Hour || r.GetWait() != nil || r.GetReusePolicy() != aionv1.WorkflowIdReusePolicy_WORKFLOW_ID_REUSE_POLICY_REJECT ||
		r.GetConflictPolicy() != aionv1.WorkflowIdConflictPolicy_WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING || r.GetHeader()["a"] != "b" || len(r.GetRequestId()) != 36 {
		t.Errorf("asked to start %v", r)
	}
	if g := s.asked[1].(*aionv1.GetResultRequest); g.GetWorkflow().GetRunId() != "r1" || g.GetWorkflow().GetNamespace() != "shop" || g.GetWait().AsDuration() < time.Second {
		t.Errorf("asked for the result of %v", g)
	}
	for _, h := range s.headers {
		if h.Get("Authorization") != "Bearer secret" || h.Get("Aion-Identity") != "ada" || h.Get("Accept-Encoding") == "gzip" {
			t.Errorf("headers %v", h)
		}
	}
}

// Execute is one call where the run ends soon, and goes on waiting where it does not.
func TestExecute(t *testing.T) {
	for name, first := range map[string]*aionv1.Outcome{"ends soon": completed(`"done"`), "takes longer": pending(&aionv1.OutcomePending{})} {
		t.Run(name, func(t *testing.T) {
			s := &server{
				start: func(_ int, r *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) {
					if r.GetWait().AsDuration() < time.Second {
						t.Errorf("asked to wait %v", r.GetWait())
					}
					return &aionv1.StartWorkflowResponse{WorkflowId: "w", RunId: "r1", Outcome: first}, nil
				},
				result: func(n int, _ *aionv1.GetResultRequest) (*aionv1.GetResultResponse, error) {
					if n < 5 { // a server that does not wait
						return &aionv1.GetResultResponse{Outcome: pending(&aionv1.OutcomePending{})}, nil
					}
					return &aionv1.GetResultResponse{Outcome: completed(`"done"`)}, nil
				},
			}
			out, err := client.Execute(ctx, dial(t, s), hello, in{}, client.StartOptions{})
			if want := map[string]int{"ends soon": 1, "takes longer": 5}[name]; err != nil || out != "done" || len(s.asked) != want {
				t.Fatalf("got %q, %v after %d calls, want %d", out, err, len(s.asked), want)
			}
		})
	}
}

// One logical call has one request ID, however often it is made; another call has another one.
func TestRequestIDs(t *testing.T) {
	s := &server{start: func(n int, _ *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) {
		switch n {
		case 1:
			return nil, overloaded
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		}
		return &aionv1.StartWorkflowResponse{}, nil
	}}
	c := dial(t, s)
	ids := func(ctx context.Context, calls int) (out []string) {
		t.Helper()
		before := len(s.asked)
		if _, err := client.Start(ctx, c, hello, in{}, client.StartOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.asked[before:] {
			out = append(out, r.(*aionv1.StartWorkflowRequest).GetRequestId())
		}
		if len(out) != calls {
			t.Fatalf("%d calls, want %d", len(out), calls)
		}
		return out
	}
	first := ids(ctx, 3)
	if first[0] == "" || first[0] != first[1] || first[1] != first[2] {
		t.Errorf("one call had the IDs %q", first)
	}
	if second := ids(ctx, 1); second[0] == first[0] {
		t.Errorf("two calls had the ID %q", second[0])
	}
	if own := ids(client.WithRequestID(ctx, "mine"), 1); own[0] != "mine" {
		t.Errorf("got %q, want the caller's own", own[0])
	}
}

func TestRepetition(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		calls int
		want  client.Reason
	}{
		{"overloaded", overloaded, client.MaxAttempts, client.Overloaded},
		{"a proxy", connect.NewError(connect.CodeUnavailable, nil), client.MaxAttempts, client.Unavailable},
		{"not found", refusal(connect.CodeNotFound, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_NOT_FOUND}), 1, client.NotFound},
		{"stale", refusal(connect.CodeAborted, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_CONFLICT, Retryable: true}), 1, client.Conflict},
		{"quota", refusal(connect.CodeResourceExhausted, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_QUOTA_EXCEEDED, Retryable: true}), 1, client.QuotaExceeded},
		{"internal", refusal(connect.CodeInternal, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_INTERNAL}), 1, client.Internal},
		{"an old server", connect.NewError(connect.CodeUnimplemented, nil), 1, client.Unimplemented},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{start: func(int, *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) { return nil, c.err }}
			_, err := client.Start(ctx, dial(t, s), hello, in{}, client.StartOptions{})
			if client.ReasonOf(err) != c.want || len(s.asked) != c.calls {
				t.Fatalf("got %v (%q) after %d calls, want %q after %d", err, client.ReasonOf(err), len(s.asked), c.want, c.calls)
			}
			var ce *connect.Error
			if !errors.As(err, &ce) || !strings.HasPrefix(err.Error(), "start workflow Hello: ") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		c, err := client.Dial("127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err = c.Describe(ctx, client.ID("w")); client.ReasonOf(err) != client.Unavailable || !strings.Contains(err.Error(), "cannot be reached") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		s := &server{start: func(n int, _ *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) {
			cancel()
			return nil, overloaded
		}}
		if _, err := client.Start(ctx, dial(t, s), hello, in{}, client.StartOptions{}); err == nil || len(s.asked) != 1 {
			t.Fatalf("got %v after %d calls", err, len(s.asked))
		}
	})
}

func TestPause(t *testing.T) {
	asks := refusal(connect.CodeUnavailable, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_DRAINING, RetryAfter: durationpb.New(7 * time.Millisecond)})
	if d := client.Pause(1, asks); d != 7*time.Millisecond {
		t.Errorf("the server asks for 7 ms: got %v", d)
	}
	endless := refusal(connect.CodeUnavailable, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_DRAINING, RetryAfter: durationpb.New(time.Hour)})
	if d := client.Pause(1, endless); d != 20*time.Millisecond {
		t.Errorf("the server asks for an hour: got %v", d)
	}
	for n := 1; n <= 10; n++ {
		if d := client.Pause(n, overloaded); d < 500*time.Microsecond || d > 2*time.Millisecond {
			t.Errorf("attempt %d: %v", n, d)
		}
	}
}

// Errors say what is wrong and what to do, and carry what the server sent along.
func TestError(t *testing.T) {
	s := &server{start: func(int, *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) {
		return nil, refusal(connect.CodeNotFound, &aionv1.ErrorInfo{
			Reason: aionv1.Reason_REASON_NO_ROUTE, Hint: "deploy it", RetryAfter: durationpb.New(time.Second), Metadata: map[string]string{"known_types": "A"},
		})
	}}
	c := dial(t, s)
	_, err := client.Start(ctx, c, hello, in{}, client.StartOptions{})
	var e *client.Error
	if !errors.As(err, &e) || e.Reason != client.NoRoute || e.Hint != "deploy it" || e.RetryAfter != time.Second || e.Metadata["known_types"] != "A" ||
		err.Error() != "start workflow Hello: not so (deploy it)" {
		t.Fatalf("got %v: %+v", err, e)
	}
	if _, err := c.Workflows().StartWorkflow(ctx, connect.NewRequest(&aionv1.StartWorkflowRequest{})); client.ReasonOf(err) != client.NoRoute {
		t.Fatalf("from the service beneath: got %v", err)
	}
	if client.ReasonOf(nil) != "" || client.ReasonOf(errors.New("x")) != "" {
		t.Error("what is no failed call has a reason")
	}
}

// Every reason of the contract has its constant.
func TestReasons(t *testing.T) {
	constants := []client.Reason{
		client.InvalidInput, client.InvalidPageToken, client.UnknownQuery, client.NeedsIndexedCondition, client.Unauthenticated, client.PermissionDenied,
		client.NotFound, client.NoRoute, client.AlreadyExists, client.RequestIDReused, client.NotRunning, client.Blocked, client.PackagePinned,
		client.QueryFailed, client.UpdateRejected, client.RunContinued, client.Conflict, client.PayloadTooLarge, client.ArchiveTooLarge,
		client.QuotaExceeded, client.Lagged, client.HistoryCompacted, client.CursorAhead, client.QueryTimeout, client.Draining, client.NotOwner,
		client.Starting, client.Overloaded, client.Unavailable, client.Unimplemented, client.Internal,
	}
	if len(constants) != len(aionv1.Reason_name)-1 {
		t.Errorf("%d constants, %d reasons in the contract", len(constants), len(aionv1.Reason_name)-1)
	}
	for i, want := range constants {
		if got := client.ReasonOf(refusal(connect.CodeUnknown, &aionv1.ErrorInfo{Reason: aionv1.Reason(i + 1)})); got != want {
			t.Errorf("reason %d is %q, want %q", i+1, got, want)
		}
	}
}

func TestEndings(t *testing.T) {
	failure := &aionv1.Failure{Type: string(declined), Message: "no funds", Details: json("51"), Cause: &aionv1.Failure{Type: "bank", Message: "refused"}}
	var outcome *aionv1.Outcome
	s := &server{result: func(int, *aionv1.GetResultRequest) (*aionv1.GetResultResponse, error) {
		return &aionv1.GetResultResponse{Outcome: outcome}, nil
	}}
	run := client.Get(dial(t, s), hello, client.ID("w"))
	for _, c := range []struct {
		outcome *aionv1.Outcome
		ending  client.Ending
		is      error
		text    string
	}{
		{&aionv1.Outcome{Outcome: &aionv1.Outcome_Failed{Failed: failure}}, client.Failed, declined, `workflow "w" failed: no funds`},
		{&aionv1.Outcome{Outcome: &aionv1.Outcome_Failed{Failed: failure}}, client.Failed, activity.Type("bank"), `workflow "w" failed: no funds`},
		{&aionv1.Outcome{Outcome: &aionv1.Outcome_Canceled{Canceled: &aionv1.OutcomeCanceled{}}}, client.Canceled, workflow.ErrCanceled, `workflow "w" was canceled`},
		{&aionv1.Outcome{Outcome: &aionv1.Outcome_Terminated{Terminated: &aionv1.OutcomeTerminated{Reason: "enough"}}}, client.Terminated, nil, `workflow "w" was terminated: enough`},
		{&aionv1.Outcome{Outcome: &aionv1.Outcome_TimedOut{TimedOut: &aionv1.OutcomeTimedOut{Kind: aionv1.TimeoutKind_TIMEOUT_KIND_RUN}}}, client.TimedOut, workflow.ErrTimeout{}, `workflow "w" timed out`},
	} {
		outcome = c.outcome
		_, err := run.Result(ctx)
		var e *client.RunError
		if !errors.As(err, &e) || e.Ending != c.ending || err.Error() != c.text || c.is != nil && !errors.Is(err, c.is) || client.ReasonOf(err) != "" {
			t.Errorf("got %v, want %s", err, c.text)
		}
	}
	outcome = pending(&aionv1.OutcomePending{Blocked: &aionv1.Blocked{What: "nondeterminism", Message: "it changed", AtSeq: 7, Expected: "a", Found: "b"}})
	_, err := run.Result(ctx)
	var b *client.BlockedError
	if !errors.As(err, &b) || b.What != "nondeterminism" || b.AtSeq != 7 || b.Expected != "a" || b.Found != "b" {
		t.Errorf("got %v", err)
	}
	outcome = completed(`7`)
	if _, err := run.Result(ctx); err == nil || !strings.Contains(err.Error(), `workflow "w"`) {
		t.Errorf("a result of another type: got %v", err)
	}
	outcome = completed(`"x"`)
	if p, err := dial(t, s).Result(ctx, client.ID("w")); err != nil || string(p.Data) != `"x"` {
		t.Errorf("as it is: got %v, %v", p, err)
	}
}

// The result of a run that continued as another one is that of the last of the chain.
func TestContinuedRun(t *testing.T) {
	s := &server{result: func(n int, r *aionv1.GetResultRequest) (*aionv1.GetResultResponse, error) {
		if n == 1 && r.GetWorkflow().GetRunId() == "r1" {
			return &aionv1.GetResultResponse{Outcome: pending(&aionv1.OutcomePending{Status: aionv1.WorkflowStatus_WORKFLOW_STATUS_CONTINUED_AS_NEW})}, nil
		}
		return &aionv1.GetResultResponse{Outcome: completed(`"` + r.GetWorkflow().GetRunId() + `"`)}, nil
	}}
	if out, err := client.Get(dial(t, s), hello, client.Ref{ID: "w", RunID: "r1"}).Result(ctx); err != nil || out != "" {
		t.Fatalf("got %q, %v", out, err)
	}
}

func TestSignalAndQuery(t *testing.T) {
	s := &server{
		signal: func(*aionv1.SignalWorkflowRequest) error { return nil },
		query: func(r *aionv1.QueryWorkflowRequest) (*aionv1.QueryWorkflowResponse, error) {
			return &aionv1.QueryWorkflowResponse{Output: json(`"` + string(r.GetInput().GetData()) + `"`)}, nil
		},
	}
	c := dial(t, s)
	if err := client.Signal(ctx, c, client.ID("w"), approve, true); err != nil {
		t.Fatal(err)
	}
	if err := client.Signal(ctx, c, client.Ref{ID: "w", RunID: "r"}, client.Named("Other"), workflow.Payload{ContentType: "x/y", Data: []byte("z")}); err != nil {
		t.Fatal(err)
	}
	a, b := s.asked[0].(*aionv1.SignalWorkflowRequest), s.asked[1].(*aionv1.SignalWorkflowRequest)
	if a.GetName() != "Approve" || string(a.GetInput().GetData()) != "true" || a.GetWorkflow().GetWorkflowId() != "w" || a.GetRequestId() == "" ||
		b.GetName() != "Other" || b.GetInput().GetContentType() != "x/y" || b.GetWorkflow().GetRunId() != "r" || b.GetRequestId() == a.GetRequestId() {
		t.Errorf("sent %v and %v", a, b)
	}
	if out, err := client.Query(ctx, c, client.ID("w"), progress, 7); err != nil || out != "7" {
		t.Errorf("got %q, %v", out, err)
	}
	s.signal = func(*aionv1.SignalWorkflowRequest) error {
		return refusal(connect.CodeFailedPrecondition, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_NOT_RUNNING})
	}
	if err := client.Signal(ctx, c, client.ID("w"), approve, true); client.ReasonOf(err) != client.NotRunning || !strings.HasPrefix(err.Error(), `signal Approve to workflow "w": `) {
		t.Errorf("got %v", err)
	}
	unwritable := workflow.DefineSignal[func()]("X")
	if err := client.Signal(ctx, c, client.ID("w"), unwritable, func() {}); err == nil {
		t.Error("a function was sent")
	}
}

func TestListAndHistory(t *testing.T) {
	s := &server{
		list: func(r *aionv1.ListWorkflowsRequest) (*aionv1.ListWorkflowsResponse, error) {
			n := len(r.GetPageToken())
			if n == 3 {
				return nil, refusal(connect.CodeInvalidArgument, &aionv1.ErrorInfo{Reason: aionv1.Reason_REASON_INVALID_PAGE_TOKEN})
			}
			return &aionv1.ListWorkflowsResponse{
				Runs: []*aionv1.WorkflowRun{{RunId: fmt.Sprint(n, "a")}, {RunId: fmt.Sprint(n, "b")}}, NextPageToken: strings.Repeat("x", n+1),
			}, nil
		},
		history: func(r *aionv1.GetHistoryRequest) (*aionv1.GetHistoryResponse, error) {
			if r.GetFromSeq() > 1 && r.GetWorkflow().GetRunId() != "r1" {
				return nil, errors.New("another run")
			}
			return &aionv1.GetHistoryResponse{Events: []*aionv1.HistoryEvent{{Seq: r.GetFromSeq()}}, NextSeq: (r.GetFromSeq() + 1) % 4, RunId: "r1"}, nil
		},
	}
	c := dial(t, s)
	var seen []string
	for r, err := range c.List(ctx, client.Filter{Type: "Hello", Status: aionv1.WorkflowStatus_WORKFLOW_STATUS_FAILED, ID: "w", Blocked: true}) {
		if err != nil {
			seen = append(seen, string(client.ReasonOf(err)))
			continue
		}
		seen = append(seen, r.GetRunId())
	}
	if want := []string{"0a", "0b", "1a", "1b", "2a", "2b", "invalid_page_token"}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
	if r := s.asked[0].(*aionv1.ListWorkflowsRequest); r.GetWorkflowType() != "Hello" || r.GetStatus() != aionv1.WorkflowStatus_WORKFLOW_STATUS_FAILED || r.GetWorkflowId() != "w" || !r.GetBlocked() {
		t.Errorf("asked for %v", r)
	}
	before := len(s.asked)
	for range c.List(ctx, client.Filter{}) {
		break
	}
	if n := len(s.asked) - before; n != 1 {
		t.Errorf("%d pages for one run", n)
	}
	var seqs []uint32
	for e, err := range c.History(ctx, client.ID("w")) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, e.GetSeq())
	}
	if !slices.Equal(seqs, []uint32{1, 2, 3}) {
		t.Errorf("got %v", seqs)
	}
}

// The context's end is the context's error, whoever notices it first.
func TestGivingUp(t *testing.T) {
	asked := make(chan struct{}, 10)
	block := make(chan struct{})
	defer close(block)
	s := &server{result: func(int, *aionv1.GetResultRequest) (*aionv1.GetResultResponse, error) {
		asked <- struct{}{}
		<-block
		return nil, overloaded
	}}
	run := client.Get(dial(t, s), hello, client.ID("w"))
	canceled, cancel := context.WithCancel(ctx)
	go func() { <-asked; cancel() }()
	if _, err := run.Result(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	late, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	if _, err := run.Result(late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// What a user puts around calls sees each of them once, whatever happens beneath.
func TestInterceptors(t *testing.T) {
	seen := 0
	around := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			seen++
			return next(ctx, r)
		}
	})
	s := &server{start: func(n int, _ *aionv1.StartWorkflowRequest) (*aionv1.StartWorkflowResponse, error) {
		if n < 3 {
			return nil, overloaded
		}
		return &aionv1.StartWorkflowResponse{}, nil
	}}
	if _, err := client.Start(ctx, dial(t, s, client.Options{Interceptors: []connect.Interceptor{around}}), hello, in{}, client.StartOptions{}); err != nil || seen != 1 || len(s.asked) != 3 {
		t.Fatalf("seen %d times, made %d times, %v", seen, len(s.asked), err)
	}
}

func TestDial(t *testing.T) {
	if _, err := client.Dial("ftp://x"); err == nil || !strings.Contains(err.Error(), "AION_ADDRESS") {
		t.Errorf("got %v", err)
	}
	t.Setenv("AION_NAMESPACE", "play")
	if c, err := client.Dial(""); err != nil || c.Namespace() != "play" {
		t.Errorf("got %v, %v", c, err)
	}
}
