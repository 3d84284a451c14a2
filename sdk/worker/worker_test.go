package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

type in struct {
	Name string `json:"name"`
}

const declined = activity.Type("card_declined")

var (
	greet = activity.Define[in, string]("Greet", activity.Options{})
	do    = activity.Define[workflow.None, workflow.None]("Do", activity.Options{})
)

// none is the result of an activity without one.
func none(token string) *aionv1.TaskResult {
	return &aionv1.TaskResult{Token: []byte(token), Outcome: &aionv1.TaskResult_Completed{Completed: &aionv1.Payload{}}}
}

func TestRegisterAndRun(t *testing.T) {
	s := serve(t)
	o := options()
	o.Namespace, o.TaskQueues, o.Slots, o.Identity, o.BuildID = "shop", []string{"fast", "slow"}, 7, "me", "b1"
	w := worker.New(s.address, o)
	worker.Handle(w, greet, func(_ context.Context, in in) (string, error) { return "Hello, " + in.Name, nil })
	worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil })
	stop, ended := run(t, w)
	p := s.accept()
	r := p.first.GetRegister()
	if !reflect.DeepEqual(r.GetNamespaces(), []string{"shop"}) || !reflect.DeepEqual(r.GetTaskQueues(), []string{"fast", "slow"}) || r.GetSlots() != 7 ||
		!reflect.DeepEqual(r.GetActivityTypes(), []string{"Do", "Greet"}) || r.GetIdentity() != "me" || r.GetBuildId() != "b1" || r.GetProtocolVersion() != 1 ||
		!strings.HasPrefix(r.GetSdk(), "go/") || len(r.GetExecuting()) > 0 {
		t.Errorf("registered %v", r)
	}
	p.task(task("t1", 1, "Greet", `{"name":"Ada"}`))
	want(t, p.result(), completed("t1", `"Hello, Ada"`))
	p.task(task("t2", 2, "Do", ""))
	want(t, p.result(), none("t2"))
	p.ack("t1", "t2")
	stop()
	if err := within(t, ended, "Run does not return"); err != nil {
		t.Fatal(err)
	}
}

// What an activity ends with is what is recorded.
func TestOutcomes(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	var fn func() error
	worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, fn() })
	worker.Handle(w, greet, func(context.Context, in) (string, error) { return "", nil })
	worker.Handle(w, activity.Define[workflow.None, func()]("Unwritable", activity.Options{}), func(context.Context, workflow.None) (func(), error) { return func() {}, nil })
	run(t, w)
	p := s.accept()
	for i, c := range []struct {
		name, kind, input string
		fn                func() error
		want              *aionv1.TaskFailure // where it ends without stack
		stack             string              // found in the stack
	}{
		{name: "plain error", kind: "Do", fn: func() error { return errors.New("broken") }, want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Message: "broken", Retryable: true}}},
		{name: "typed error", kind: "Do", fn: func() error {
			return declined.Errorf("no funds").WithDetails(51).NonRetryable().RetryAfter(time.Minute)
		},
			want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Type: "card_declined", Message: "no funds", Details: &aionv1.Payload{ContentType: "application/json", Data: []byte("51")}}, NextRetryDelay: durationpb.New(time.Minute)}},
		{name: "panic", kind: "Do", fn: func() error { panic("boom \xff") },
			want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Type: "aion.panic", Message: "boom \uFFFD", Retryable: true}}, stack: "worker_test.go"},
		{name: "goexit", kind: "Do", fn: func() error { runtime.Goexit(); return nil },
			want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Type: "aion.panic", Message: "the activity's goroutine has ended (runtime.Goexit)", Retryable: true}}, stack: "Goexit"},
		{name: "unknown type", kind: "Fly", want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Type: "aion.unknown_type", Message: `this worker has no activity "Fly"; it has Do, Greet, Unwritable`, Retryable: true}}},
		{name: "bad input", kind: "Greet", input: `7`, want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Type: "aion.bad_payload",
			Message: "input of activity Greet: the value does not fit *worker_test.in: json: cannot unmarshal number into Go value of type worker_test.in"}}},
		{name: "bad result", kind: "Unwritable", want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Type: "aion.bad_payload",
			Message: "result of activity Unwritable: the value of type func() cannot be written as JSON: json: unsupported type: func()"}}},
		{name: "a canceled context of its own", kind: "Do", fn: func() error { return context.Canceled }, want: &aionv1.TaskFailure{Failure: &aionv1.Failure{Message: "context canceled", Retryable: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fn = c.fn
			token := fmt.Sprint("t", i)
			p.task(task(token, uint32(i+1), c.kind, c.input))
			got := p.result()
			p.ack(token)
			if f := got.GetFailed().GetFailure(); f != nil {
				if !strings.Contains(f.GetStack(), c.stack) || len(f.GetStack()) > 16<<10 {
					t.Errorf("stack %s", f.GetStack())
				}
				f.Stack = ""
			}
			want(t, got, &aionv1.TaskResult{Token: []byte(token), Outcome: &aionv1.TaskResult_Failed{Failed: c.want}})
		})
	}
}

func TestInfoAndDetails(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	type progress struct{ Done int }
	infos := make(chan worker.Task, 1)
	worker.Handle(w, do, func(ctx context.Context, _ workflow.None) (workflow.None, error) {
		infos <- worker.Info(ctx)
		v, ok, err := worker.HeartbeatDetails[progress](ctx)
		if !ok || err != nil || v.Done != 3 {
			return workflow.None{}, fmt.Errorf("found %v, %v, %w", v, ok, err)
		}
		if _, ok, err := worker.HeartbeatDetails[string](ctx); ok || err == nil {
			return workflow.None{}, errors.New("a struct was read as a string")
		}
		if _, limited := ctx.Deadline(); !limited {
			return workflow.None{}, errors.New("there is no deadline")
		}
		return workflow.None{}, nil
	})
	run(t, w)
	p := s.accept()
	deadline := time.Now().Add(time.Hour).UTC().Round(0)
	in := task("t1", 5, "Do", "")
	in.Attempt, in.Headers, in.Deadline, in.ScheduledAt = 3, map[string]string{"traceparent": "00-1"}, timestamppb.New(deadline), timestamppb.New(deadline.Add(-time.Hour))
	in.Heartbeat = &aionv1.Payload{ContentType: "application/json", Data: []byte(`{"Done":3}`)}
	p.task(in)
	want(t, p.result(), none("t1"))
	info := worker.Task{
		Namespace: "default", WorkflowID: "w", WorkflowType: "Hello", RunID: "r", ActivityID: 5, ActivityType: "Do", Attempt: 3, TaskQueue: "default",
		ScheduledAt: deadline.Add(-time.Hour), Deadline: deadline, Heartbeat: 40 * time.Millisecond, Headers: map[string]string{"traceparent": "00-1"},
		Key: "r/5", Token: "r/5/3", TaskToken: "dDE",
	}
	if got := <-infos; !reflect.DeepEqual(got, info) {
		t.Errorf("got %+v\nwant %+v", got, info)
	}
	// Outside of a worker all of it does nothing.
	ctx := context.Background()
	if _, ok, err := worker.HeartbeatDetails[int](ctx); ok || err != nil || worker.Heartbeat(ctx, 1) != nil || !reflect.DeepEqual(worker.Info(ctx), worker.Task{}) {
		t.Error("there is an attempt without a worker")
	}
}

// A deadline that has passed already is one of a clock that goes differently: only the server's counts.
func TestDeadlineOfAnotherClock(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	worker.Handle(w, do, func(ctx context.Context, _ workflow.None) (workflow.None, error) { return workflow.None{}, ctx.Err() })
	run(t, w)
	p := s.accept()
	in := task("t1", 1, "Do", "")
	in.Deadline = timestamppb.New(time.Now().Add(-time.Hour))
	p.task(in)
	want(t, p.result(), none("t1"))
}

// Of many heartbeats few are sent, the first at once and the newest always.
func TestHeartbeats(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	goOn := make(chan struct{})
	worker.Handle(w, do, func(ctx context.Context, _ workflow.None) (workflow.None, error) {
		for i := range 1000 {
			if err := worker.Heartbeat(ctx, i); err != nil {
				return workflow.None{}, err
			}
		}
		if worker.Heartbeat(ctx, func() {}) == nil || worker.Heartbeat(ctx, strings.Repeat("x", 2<<20)) == nil {
			return workflow.None{}, errors.New("details that cannot be sent were taken")
		}
		<-goOn
		return workflow.None{}, nil
	})
	run(t, w)
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	beats := 0
	for last := ""; last != "999"; beats++ {
		f := p.frame("a heartbeat", func(f *aionv1.StreamTasksRequest) bool { return len(f.GetHeartbeats()) > 0 })
		b := f.GetHeartbeats()[0]
		if beats == 0 && string(b.GetDetails().GetData()) != "0" || string(b.GetToken()) != "t1" {
			t.Fatalf("got %v", b)
		}
		last = string(b.GetDetails().GetData())
	}
	if beats > 500 {
		t.Errorf("%d heartbeats were sent", beats)
	}
	close(goOn)
	want(t, p.result(), none("t1"))
}

// What a failing attempt said last comes before its end, however soon that is; the next attempt begins there.
func TestHeartbeatBeforeFailure(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	worker.Handle(w, do, func(ctx context.Context, _ workflow.None) (workflow.None, error) {
		for i := range 100 {
			_ = worker.Heartbeat(ctx, i)
		}
		return workflow.None{}, errors.New("broken")
	})
	run(t, w)
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	last := ""
	for done := false; !done; {
		f := p.frame("a result", func(*aionv1.StreamTasksRequest) bool { return true })
		for _, b := range f.GetHeartbeats() {
			last = string(b.GetDetails().GetData())
		}
		done = len(f.GetResults()) > 0
	}
	if last != "99" {
		t.Fatalf("the last details were %q", last)
	}
}

// A canceled attempt learns it by its context, and what it says then counts.
func TestCancel(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	var end func(cause error) error
	began := make(chan struct{}, 1)
	worker.Handle(w, do, func(ctx context.Context, _ workflow.None) (workflow.None, error) {
		began <- struct{}{}
		<-ctx.Done()
		if !errors.Is(worker.Heartbeat(ctx, 1), workflow.ErrCanceled) {
			return workflow.None{}, errors.New("the heartbeat does not tell")
		}
		return workflow.None{}, end(context.Cause(ctx))
	})
	run(t, w)
	p := s.accept()
	canceled := func(details *aionv1.Payload) *aionv1.TaskResult {
		return &aionv1.TaskResult{Outcome: &aionv1.TaskResult_Canceled{Canceled: &aionv1.TaskCanceled{Details: details}}}
	}
	for i, c := range []struct {
		name string
		end  func(cause error) error
		want *aionv1.TaskResult
	}{
		{"the cause", func(cause error) error {
			if cause.Error() != "canceled: enough" {
				return cause
			}
			return fmt.Errorf("stopped: %w", cause)
		}, canceled(nil)},
		{"the context's error", func(error) error { return context.Canceled }, canceled(nil)},
		{"with details", func(error) error { return activity.Canceled.Errorf("%w", workflow.ErrCanceled).WithDetails(7) }, canceled(&aionv1.Payload{ContentType: "application/json", Data: []byte("7")})},
		{"finished all the same", func(error) error { return nil }, none("")},
		{"another error", func(error) error { return errors.New("broken") }, &aionv1.TaskResult{Outcome: &aionv1.TaskResult_Failed{Failed: &aionv1.TaskFailure{Failure: &aionv1.Failure{Message: "broken", Retryable: true}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			end = c.end
			token := fmt.Sprint("t", i)
			p.task(task(token, uint32(i+1), "Do", ""))
			within(t, began, "the activity does not begin")
			p.send(&aionv1.StreamTasksResponse{Cancels: []*aionv1.CancelTask{{Token: []byte("nobody's")}, {Token: []byte(token), Reason: "enough"}}})
			c.want.Token = []byte(token)
			want(t, p.result(), c.want)
			p.ack(token)
		})
	}
}

// Interceptors stand around attempts in order, and decide how they end.
func TestInterceptors(t *testing.T) {
	s := serve(t)
	o := options()
	var order []string
	around := func(name string) worker.Interceptor {
		return func(ctx context.Context, next func(context.Context) error) error {
			order = append(order, name+worker.Info(ctx).ActivityType)
			return next(ctx)
		}
	}
	o.Interceptors = []worker.Interceptor{around("a"), around("b"), func(ctx context.Context, next func(context.Context) error) error {
		if err := next(ctx); err != nil {
			return declined.Errorf("instead: %v", err)
		}
		return nil
	}}
	w := worker.New(s.address, o)
	worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) {
		return workflow.None{}, errors.New("broken")
	})
	run(t, w)
	p := s.accept()
	p.task(task("t1", 1, "Do", ""))
	if f := p.result().GetFailed().GetFailure(); f.GetType() != "card_declined" || f.GetMessage() != "instead: broken" || !reflect.DeepEqual(order, []string{"aDo", "bDo"}) {
		t.Fatalf("got %v, %v", f, order)
	}
}

// A result that no server takes becomes a failure that says so, and does not end the stream over and over.
func TestResultTooLarge(t *testing.T) {
	s := serve(t)
	w := worker.New(s.address, options())
	worker.Handle(w, activity.Named("Raw", activity.Options{}), func(_ context.Context, in workflow.Payload) (workflow.Payload, error) {
		var n int
		err := in.Decode(&n)
		return workflow.Payload{ContentType: "x/y", Data: make([]byte, n)}, err
	})
	run(t, w)
	p := s.accept()
	p.task(task("t1", 1, "Raw", fmt.Sprint(worker.MaxResult+1)))
	if f := p.result().GetFailed().GetFailure(); f.GetType() != "aion.payload_too_large" || f.GetRetryable() {
		t.Fatalf("got %v", f)
	}
	p.ack("t1")
	p.task(task("t2", 2, "Raw", fmt.Sprint(100_000)))
	if r := p.result(); len(r.GetCompleted().GetData()) != 100_000 {
		t.Fatalf("got %.100v", r)
	}
	p.end <- refusal(connect.CodeResourceExhausted, aionv1.Reason_REASON_PAYLOAD_TOO_LARGE)
	p = s.accept()
	if r := p.first.GetResults(); len(r) != 1 || r[0].GetFailed().GetFailure().GetType() != "aion.payload_too_large" {
		t.Fatalf("got %.200v", r)
	}
}

func refusal(code connect.Code, reason aionv1.Reason) error {
	err := connect.NewError(code, errors.New("not so"))
	d, derr := connect.NewErrorDetail(&aionv1.ErrorInfo{Reason: reason})
	if derr != nil {
		return derr
	}
	err.AddDetail(d)
	return err
}

// A server that refuses the worker itself ends Run; one that only cannot now is asked again.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		reason aionv1.Reason
		code   connect.Code
		ends   bool
	}{
		{aionv1.Reason_REASON_UNAUTHENTICATED, connect.CodeUnauthenticated, true},
		{aionv1.Reason_REASON_PERMISSION_DENIED, connect.CodePermissionDenied, true},
		{aionv1.Reason_REASON_NOT_FOUND, connect.CodeNotFound, true},
		{aionv1.Reason_REASON_INVALID_INPUT, connect.CodeInvalidArgument, true},
		{aionv1.Reason_REASON_UNIMPLEMENTED, connect.CodeUnimplemented, true},
		{aionv1.Reason_REASON_STARTING, connect.CodeUnavailable, false},
		{aionv1.Reason_REASON_DRAINING, connect.CodeUnavailable, false},
		{aionv1.Reason_REASON_INTERNAL, connect.CodeInternal, false},
	} {
		t.Run(c.reason.String(), func(t *testing.T) {
			s := serve(t)
			w := worker.New(s.address, options())
			worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil })
			_, ended := run(t, w)
			within(t, s.streams, "no worker connects").end <- refusal(c.code, c.reason)
			if !c.ends {
				s.accept()
				return
			}
			if err := within(t, ended, "Run does not return"); err == nil || !strings.Contains(err.Error(), "refuses this worker") {
				t.Fatalf("got %v", err)
			}
		})
	}
	t.Run("another protocol version", func(t *testing.T) {
		s := serve(t)
		w := worker.New(s.address, options())
		worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil })
		_, ended := run(t, w)
		within(t, s.streams, "no worker connects").send(&aionv1.StreamTasksResponse{Registered: &aionv1.Registered{ProtocolVersion: 2}})
		if err := within(t, ended, "Run does not return"); err == nil || !strings.Contains(err.Error(), "version 2") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("another kind of server", func(t *testing.T) {
		h := httptest.NewUnstartedServer(http.NotFoundHandler())
		h.Config.Protocols = new(http.Protocols)
		h.Config.Protocols.SetUnencryptedHTTP2(true)
		h.Start()
		defer h.Close()
		w := worker.New(h.URL, options())
		worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil })
		_, ended := run(t, w)
		if err := within(t, ended, "Run does not return"); err == nil || !strings.Contains(err.Error(), "refuses this worker") {
			t.Fatalf("got %v", err)
		}
	})
}

func TestMisuse(t *testing.T) {
	noop := func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil }
	for name, w := range map[string]*worker.Worker{
		"no activities": worker.New("", options()),
		"slots":         worker.New("", worker.Options{Slots: -1}),
		"twice": func() *worker.Worker {
			w := worker.New("", options())
			worker.Handle(w, do, noop)
			worker.Handle(w, do, noop)
			return w
		}(),
		"no name": func() *worker.Worker {
			w := worker.New("", options())
			worker.Handle(w, activity.Activity[workflow.None, workflow.None]{}, noop)
			return w
		}(),
		"address": func() *worker.Worker {
			w := worker.New("ftp://x", options())
			worker.Handle(w, do, noop)
			return w
		}(),
	} {
		if err := w.Run(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "worker: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	w := worker.New("127.0.0.1:1", options())
	worker.Handle(w, do, noop)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Errorf("with a context that has ended: got %v", err)
	}
	if err := w.Run(ctx); err == nil {
		t.Error("it ran twice")
	}
}

// A worker may be there before its server is.
func TestServerComesLater(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	w := worker.New(address, options())
	worker.Handle(w, do, func(context.Context, workflow.None) (workflow.None, error) { return workflow.None{}, nil })
	run(t, w)
	if l, err = net.Listen("tcp", address); err != nil {
		t.Skip("the port was taken by somebody else: ", err)
	}
	p := serveAt(t, l).accept()
	p.task(task("t1", 1, "Do", ""))
	want(t, p.result(), none("t1"))
}
