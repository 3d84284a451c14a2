package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/transport/rest"
	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	startHello = "/api/v1/namespaces/default/workflow-types/Hello:start"
	run1       = "0190c5a4-7c1e-7000-8000-000000000001"
)

// serve mounts a handler as a server does, and gives its address and a client.
func serve(t *testing.T, o rest.Options) (*http.Client, string) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	mux := http.NewServeMux()
	mux.Handle(rest.Prefix, rest.Handler(o))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.Client(), s.URL
}

func do(t *testing.T, c *http.Client, method, url, body string, kv ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(kv); i += 2 {
		r.Header.Set(kv[i], kv[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// wantError checks an error's form, all of it, and gives its ErrorInfo.
func wantError(t *testing.T, res *http.Response, body string, status int, code string, reason fault.Reason) *aionv1.ErrorInfo {
	t.Helper()
	var e struct {
		Code, Message string
		Details       []json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || len(e.Details) != 1 {
		t.Fatalf("%d %s is no error (%v)", res.StatusCode, body, err)
	}
	var detail anypb.Any
	info := &aionv1.ErrorInfo{}
	if err := protojson.Unmarshal(e.Details[0], &detail); err != nil || detail.UnmarshalTo(info) != nil {
		t.Fatalf("%s holds no ErrorInfo (%v)", body, err)
	}
	if res.StatusCode != status || e.Code != code || e.Message == "" || info.GetReason() != aionv1.Reason(reason) || res.Header.Get("Aion-Outcome") != "error" {
		t.Fatalf("got %d %s (Aion-Outcome %q), want %d %s %v", res.StatusCode, body, res.Header.Get("Aion-Outcome"), status, code, reason)
	}
	return info
}

func TestStart(t *testing.T) {
	var answer ports.StartResult
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) { return answer, nil }}
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	outcome := func(o ports.Outcome) *ports.Outcome { return &o }
	for _, tc := range []struct {
		name, body, contentType, header string
		outcome                         *ports.Outcome
		status                          int
	}{
		{"completed", `"Hello, Ada"`, "application/json", "completed",
			outcome(ports.Outcome{Status: model.StatusCompleted, Result: model.Payload{ContentType: "application/json", Data: []byte(`"Hello, Ada"`)}}), 200},
		{"completed with other content", "\x00\xff", "image/png", "completed",
			outcome(ports.Outcome{Status: model.StatusCompleted, Result: model.Payload{ContentType: "image/png", Data: []byte("\x00\xff")}}), 200},
		{"completed without a value", "", "", "completed", outcome(ports.Outcome{Status: model.StatusCompleted}), 200},
		{"failed", `{"type":"card_declined","message":"no funds","details":{"contentType":"application/json","data":"NTE="},"retryable":true}` + "\n", "application/json", "failed",
			outcome(ports.Outcome{Status: model.StatusFailed, Failure: &model.Failure{Type: "card_declined", Message: "no funds", Retryable: true, Details: model.Payload{ContentType: "application/json", Data: []byte("51")}}}), 422},
		{"canceled", `{"type":"aion.canceled","message":"the run was canceled"}` + "\n", "application/json", "canceled", outcome(ports.Outcome{Status: model.StatusCanceled}), 422},
		{"terminated", `{"type":"aion.terminated","message":"the run was terminated: enough"}` + "\n", "application/json", "terminated", outcome(ports.Outcome{Status: model.StatusTerminated, Reason: "enough"}), 422},
		{"timed out", `{"type":"aion.timeout","message":"timed out: run"}` + "\n", "application/json", "timed_out", outcome(ports.Outcome{Status: model.StatusTimedOut, Timeout: model.TimeoutRun}), 422},
		{"not waited for", `{"workflowId":"order/7:a é","runId":"` + run1 + `","started":true}` + "\n", "application/json", "pending", nil, 202},
		{"still running", `{"workflowId":"order/7:a é","runId":"` + run1 + `","started":true,"outcome":{"pending":{"status":"WORKFLOW_STATUS_RUNNING","waitingFor":"Pay"}}}` + "\n", "application/json", "pending",
			outcome(ports.Outcome{Status: model.StatusRunning, WaitingFor: "Pay"}), 202},
		{"blocked", `{"workflowId":"order/7:a é","runId":"` + run1 + `","started":true,"outcome":{"pending":{"status":"WORKFLOW_STATUS_RUNNING","blocked":{"what":"fuel"}}}}` + "\n", "application/json", "pending",
			outcome(ports.Outcome{Status: model.StatusRunning, Blocked: &ports.BlockedInfo{What: "fuel"}}), 202},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer = ports.StartResult{WorkflowID: "order/7:a é", Run: run1, Started: true, Outcome: tc.outcome}
			res, body := do(t, c, "POST", url+startHello+"?wait=10s", `{}`)
			if res.StatusCode != tc.status || body != tc.body || res.Header.Get("Content-Type") != tc.contentType {
				t.Errorf("got %d %q %q", res.StatusCode, res.Header.Get("Content-Type"), body)
			}
			if h := res.Header; h.Get("Aion-Outcome") != tc.header || h.Get("Aion-Run-Id") != run1 || h.Get("Aion-Workflow-Id") != "order%2F7:a%20%C3%A9" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

// What the request says reaches the service, the body as it is.
func TestStartRequest(t *testing.T) {
	s := &transporttest.Service{}
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	params := "?wait=1m30s&workflow_id=order%2F7%3Aa+%C3%A9&task_queue=fast&run_timeout=1h&reuse_policy=allow_if_failed&conflict_policy=use_existing"
	res, body := do(t, c, "POST", url+startHello+params, `{"name":"Ada"}`, "Content-Type", "application/json; charset=utf-8", "Idempotency-Key", "k-1", "Aion-Identity", "ada", "Traceparent", "00-1")
	if res.StatusCode != 202 {
		t.Fatalf("got %d %s", res.StatusCode, body)
	}
	want := ports.StartRequest{
		Namespace: "default", WorkflowID: "order/7:a é", Type: "Hello", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`{"name":"Ada"}`)},
		RequestID: "k-1", TaskQueue: "fast", Wait: 90 * time.Second, RunTimeout: time.Hour, Reuse: ports.ReuseAllowIfFailed, Conflict: ports.ConflictUseExisting,
		Header: map[string]string{"traceparent": "00-1"}, Identity: "ada",
	}
	if got := s.Calls()[0]; !reflect.DeepEqual(got.Request, want) || got.Principal.Subject != "ada" {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func TestContentTypes(t *testing.T) {
	s := &transporttest.Service{}
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}, MaxRequestBytes: 1000})
	large, exact := strings.Repeat("x", 1001), strings.Repeat("x", 1000)
	for _, tc := range []struct {
		name, contentType, body string
		want                    model.Payload
		status                  int
	}{
		{"curl -d", "application/x-www-form-urlencoded", `{"name":"Ada"}`, model.Payload{ContentType: "application/json", Data: []byte(`{"name":"Ada"}`)}, 202},
		{"none", "", `7`, model.Payload{ContentType: "application/json", Data: []byte(`7`)}, 202},
		{"other", "text/plain; charset=latin1", `{`, model.Payload{ContentType: "text/plain; charset=latin1", Data: []byte(`{`)}, 202},
		{"binary", "application/octet-stream", "\x00\xff\n", model.Payload{ContentType: "application/octet-stream", Data: []byte("\x00\xff\n")}, 202},
		{"no body", "application/json", "", model.Payload{}, 202},
		{"exactly the limit", "a/b", exact, model.Payload{ContentType: "a/b", Data: []byte(exact)}, 202},
		{"one more", "a/b", large, model.Payload{}, 429},
		{"cut", "application/json", `{"name":`, model.Payload{}, 400},
		{"no JSON", "", `name=Ada`, model.Payload{}, 400},
		{"long type", strings.Repeat("x", 300), `1`, model.Payload{}, 400},
		{"type that is no text", "a/\xff", `1`, model.Payload{}, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(s.Calls())
			res, body := do(t, c, "POST", url+startHello, tc.body, "Content-Type", tc.contentType)
			switch tc.status {
			case 202:
				if calls := s.Calls(); res.StatusCode != 202 || len(calls) != before+1 || !reflect.DeepEqual(calls[before].Request.(ports.StartRequest).Input, tc.want) {
					t.Fatalf("got %d %s", res.StatusCode, body)
				}
			case 400:
				wantError(t, res, body, 400, "invalid_argument", fault.InvalidInput)
			case 429:
				wantError(t, res, body, 429, "resource_exhausted", fault.PayloadTooLarge)
			}
			if tc.status != 202 && len(s.Calls()) != before {
				t.Fatal("the service was called")
			}
		})
	}
}

func TestSignalAndQuery(t *testing.T) {
	s := &transporttest.Service{Reply: func(_ context.Context, c transporttest.Call) (any, error) {
		if c.Method == "Signal" {
			return model.RunID(run1), nil
		}
		return ports.QueryResult{Output: model.Payload{ContentType: "text/plain", Data: []byte("half")}, AsOf: 12, Run: run1}, nil
	}}
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	ref := ports.WorkflowRef{Namespace: "shop", WorkflowID: "order/7:a é", Run: run1}
	base := url + "/api/v1/namespaces/shop/workflows/order%2F7:a%20%C3%A9"

	res, body := do(t, c, "POST", base+":signal?name=ap%20prove&run_id="+run1, `true`, "Idempotency-Key", "k")
	if h := res.Header; res.StatusCode != 200 || body != `{"runId":"`+run1+`"}`+"\n" || h.Get("Aion-Outcome") != "recorded" || h.Get("Aion-Run-Id") != run1 || h.Get("Aion-Workflow-Id") != "order%2F7:a%20%C3%A9" {
		t.Errorf("signal: got %d %s %v", res.StatusCode, body, h)
	}
	res, body = do(t, c, "POST", base+":query?name=progress", "")
	if h := res.Header; res.StatusCode != 200 || body != "half" || h.Get("Content-Type") != "text/plain" || h.Get("Aion-Outcome") != "answered" || h.Get("Aion-As-Of-Seq") != "12" || h.Get("Aion-Run-Id") != run1 {
		t.Errorf("query: got %d %s %v", res.StatusCode, body, h)
	}
	calls := s.Calls()
	wantSignal := ports.SignalRequest{Ref: ref, Name: "ap prove", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte("true")}, RequestID: "k", Identity: dev.Anonymous}
	ref.Run = ""
	wantQuery := ports.QueryRequest{Ref: ref, Name: "progress"}
	if len(calls) != 2 || !reflect.DeepEqual(calls[0].Request, wantSignal) || !reflect.DeepEqual(calls[1].Request, wantQuery) {
		t.Errorf("got %+v", calls)
	}
}

// [ID-2] Any name is reached by its percent-encoded form, whatever it holds.
func TestAnyName(t *testing.T) {
	s := &transporttest.Service{}
	c, base := serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	names := rapid.OneOf(
		rapid.SampledFrom([]string{"order/7:a é", "a//b", "..", "../../x", ".", "a%2Fb", "%", ":start", "x:query", "?", "#", " ", "+", "日本語", "/", "a\x00b", "2024-01-02"}),
		rapid.StringN(1, 20, 100),
	)
	rapid.Check(t, func(t *rapid.T) {
		ns, name := names.Draw(t, "namespace"), names.Draw(t, "name")
		// A dot segment is taken out of a path by whoever sees it, so it is encoded too.
		encode := func(s string) string { return strings.ReplaceAll(url.PathEscape(s), ".", "%2E") }
		res, err := c.Post(base+"/api/v1/namespaces/"+encode(ns)+"/workflow-types/"+encode(name)+":start", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		calls := s.Calls()
		if res.StatusCode != 202 || len(calls) == 0 {
			t.Fatalf("got %d", res.StatusCode)
		}
		if got := calls[len(calls)-1].Request.(ports.StartRequest); string(got.Namespace) != ns || string(got.Type) != name {
			t.Fatalf("got %q %q, want %q %q", got.Namespace, got.Type, ns, name)
		}
	})
}

// A caller that encodes only what it must, as people and curl do, is understood too.
func TestRawLetters(t *testing.T) {
	s := &transporttest.Service{}
	_, base := serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/v1/namespaces/shop/workflows/order%2F7:a%20é:signal?name=s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
		t.Fatalf("got %s, %v", answer, err)
	}
	if got := s.Calls()[0].Request.(ports.SignalRequest).Ref.WorkflowID; got != "order/7:a é" {
		t.Fatalf("got %q", got)
	}
}

func TestBadRequests(t *testing.T) {
	s := &transporttest.Service{}
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	for _, tc := range []struct {
		name, method, path string
		status             int
		code               string
		reason             fault.Reason
		header             []string
	}{
		{"wait", "POST", startHello + "?wait=10", 400, "invalid_argument", fault.InvalidInput, nil},
		{"negative wait", "POST", startHello + "?wait=-1s", 400, "invalid_argument", fault.InvalidInput, nil},
		{"timeout", "POST", startHello + "?run_timeout=x", 400, "invalid_argument", fault.InvalidInput, nil},
		{"misspelt parameter", "POST", startHello + "?wiat=10s", 400, "invalid_argument", fault.InvalidInput, nil},
		{"parameter twice", "POST", startHello + "?wait=1s&wait=2s", 400, "invalid_argument", fault.InvalidInput, nil},
		{"query string", "POST", startHello + "?wait=%zz", 400, "invalid_argument", fault.InvalidInput, nil},
		{"reuse", "POST", startHello + "?reuse_policy=never", 400, "invalid_argument", fault.InvalidInput, nil},
		{"conflict", "POST", startHello + "?conflict_policy=unspecified", 400, "invalid_argument", fault.InvalidInput, nil},
		{"method", "GET", startHello, 405, "invalid_argument", fault.InvalidInput, nil},
		{"encoding", "POST", startHello, 400, "invalid_argument", fault.InvalidInput, []string{"Content-Encoding", "gzip"}},
		{"verb", "POST", "/api/v1/namespaces/default/workflows/a:dance", 501, "unimplemented", fault.Unimplemented, nil},
		{"no verb", "POST", "/api/v1/namespaces/default/workflows/a", 404, "not_found", fault.NotFound, nil},
		{"raw slash", "POST", "/api/v1/namespaces/default/workflows/a/b:signal", 404, "not_found", fault.NotFound, nil},
		{"nothing there", "POST", "/api/v1/other", 404, "not_found", fault.NotFound, nil},
		{"root", "POST", "/api/v1/", 404, "not_found", fault.NotFound, nil},
		{"other page", "POST", startHello, 403, "permission_denied", fault.PermissionDenied, []string{"Sec-Fetch-Site", "cross-site"}},
		{"other origin", "POST", startHello, 403, "permission_denied", fault.PermissionDenied, []string{"Origin", "https://evil.example"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, body := do(t, c, tc.method, url+tc.path, "", tc.header...)
			wantError(t, res, body, tc.status, tc.code, tc.reason)
		})
	}
	if len(s.Calls()) > 0 {
		t.Fatalf("the service was called: %+v", s.Calls())
	}
}

// Every reason has its status, and its ErrorInfo as it is on every other surface.
func TestErrors(t *testing.T) {
	var reply error
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) { return nil, reply }}
	var log bytes.Buffer
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, r := range fault.Reasons() {
		reply = &fault.Error{Reason: r, Message: "it is “so”", Hint: "do é", RetryAfter: 1500 * time.Millisecond, Metadata: map[string]string{"a": "b"}}
		for _, path := range []string{startHello, "/api/v1/namespaces/n/workflows/w:signal?name=s", "/api/v1/namespaces/n/workflows/w:query?name=q"} {
			res, body := do(t, c, "POST", url+path, "")
			info := wantError(t, res, body, wire.HTTPStatus(wire.Code(r)), wire.Code(r).String(), r)
			if info.GetHint() != "do é" || info.GetRetryAfter().AsDuration() != 1500*time.Millisecond || info.GetMetadata()["a"] != "b" || info.GetRetryable() != r.Retryable() || res.Header.Get("Retry-After") != "2" {
				t.Errorf("%v: got %v", r, info)
			}
		}
	}
	log.Reset()
	reply = errors.New("secret")
	res, body := do(t, c, "POST", url+startHello, "")
	wantError(t, res, body, 500, "internal", fault.Internal)
	if strings.Contains(body, "secret") || strings.Count(log.String(), "secret") != 1 {
		t.Errorf("answered %s, logged %s", body, &log)
	}
	panics, url := serve(t, rest.Options{Service: &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) { panic("secret") }}, Auth: dev.Auth{}})
	res, body = do(t, panics, "POST", url+startHello, "")
	wantError(t, res, body, 500, "internal", fault.Internal)
	if strings.Contains(body, "secret") {
		t.Errorf("answered %s", body)
	}
}

func TestAuthentication(t *testing.T) {
	s := &transporttest.Service{}
	c, url := serve(t, rest.Options{Service: s})
	res, body := do(t, c, "POST", url+startHello, "")
	wantError(t, res, body, 401, "unauthenticated", fault.Unauthenticated)
	c, url = serve(t, rest.Options{Service: s, Auth: dev.Auth{}})
	res, body = do(t, c, "POST", strings.Replace(url, "127.0.0.1", "localhost", 1)+startHello, "", "Aion-Identity", strings.Repeat("x", 300))
	wantError(t, res, body, 400, "invalid_argument", fault.InvalidInput)
	if len(s.Calls()) > 0 {
		t.Fatal("the service was called")
	}
}

// Pages of origins that are configured may call.
func TestOrigins(t *testing.T) {
	for origins, want := range map[string]int{"": 403, "https://console.example": 202, "*": 202, "https://other.example": 403, "nonsense": 403} {
		c, url := serve(t, rest.Options{Service: &transporttest.Service{}, Auth: dev.Auth{}, Origins: strings.Fields(origins)})
		if res, body := do(t, c, "POST", url+startHello, "", "Origin", "https://console.example", "Sec-Fetch-Site", "cross-site"); res.StatusCode != want {
			t.Errorf("with origins %q: got %d %s", origins, res.StatusCode, body)
		}
	}
}

// A body that does not arrive is given up; a service that takes its time is not.
func TestSlowCallers(t *testing.T) {
	const limit = 50 * time.Millisecond
	s := &transporttest.Service{Reply: func(ctx context.Context, _ transporttest.Call) (any, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(4 * limit): // long enough to be given up, if that were to happen
			return nil, nil
		}
	}}
	c, url := serve(t, rest.Options{Service: s, Auth: dev.Auth{}, RequestTimeout: limit})
	if res, body := do(t, c, "POST", url+startHello, "{}"); res.StatusCode != 202 {
		t.Fatalf("got %d %s", res.StatusCode, body)
	}
	r, w := io.Pipe()
	defer w.Close()
	res, err := c.Post(url+startHello, "", r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	wantError(t, res, string(b), 503, "unavailable", fault.Unavailable)
}
