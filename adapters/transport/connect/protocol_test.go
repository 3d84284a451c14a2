package connect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	connectrpc "connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

const startPath = aionv1connect.WorkflowServiceStartWorkflowProcedure

// h2c is a client for the test's server.
func h2c(t testing.TB) *http.Client {
	c := connect.HTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// http1 is a client that speaks HTTP/1.1 only.
func http1(t testing.TB) *http.Client {
	c := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// post sends a raw request and gives the answer.
func post(t *testing.T, c *http.Client, url string, h http.Header, body io.Reader) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = h
	if host := h.Get("Host"); host != "" {
		r.Host = host
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
	return res, b
}

func header(kv ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(kv); i += 2 {
		h.Set(kv[i], kv[i+1])
	}
	return h
}

// infoIn finds the ErrorInfo in a Connect error.
func infoIn(t *testing.T, body []byte) (code string, info *aionv1.ErrorInfo) {
	t.Helper()
	var e struct {
		Code    string
		Details []struct {
			Type  string
			Value []byte
		}
	}
	// Connect leaves the padding of base64 away.
	var raw struct {
		Code    string
		Details []struct{ Type, Value string }
	}
	if err := json.Unmarshal(body, &raw); err != nil || len(raw.Details) != 1 || raw.Details[0].Type != "aion.v1.ErrorInfo" {
		t.Fatalf("%s is no error with one ErrorInfo (%v, %v)", body, err, e)
	}
	b, err := connectrpc.DecodeBinaryHeader(raw.Details[0].Value)
	info = &aionv1.ErrorInfo{}
	if err != nil || proto.Unmarshal(b, info) != nil {
		t.Fatalf("%s holds no readable ErrorInfo", body)
	}
	return raw.Code, info
}

func wantReason(t *testing.T, err error, r fault.Reason) {
	t.Helper()
	if !fault.Has(err, r) {
		t.Fatalf("got error %v (reason %v), want reason %v", err, fault.ReasonOf(err), r)
	}
}

func frame(flags byte, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(b))), b...)
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// Whatever comes in instead of a message, the answer is an error with its ErrorInfo, and the service hears nothing of it.
func TestHostileBodies(t *testing.T) {
	s := &transporttest.Service{}
	url := serve(t, connect.Options{Service: s, Auth: dev.Auth{}, MaxRequestBytes: 64 << 10})
	bomb := zipped(make([]byte, 10<<20))
	if len(bomb) > 32<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for _, c := range []struct {
		name   string
		header http.Header
		body   []byte
		code   string
		reason aionv1.Reason
	}{
		{"json/cut", header("Content-Type", "application/json"), []byte(`{"namespace":`), "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"json/empty", header("Content-Type", "application/json"), nil, "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"json/type", header("Content-Type", "application/json; charset=utf-8"), []byte(`{"namespace":7}`), "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"json/field", header("Content-Type", "application/json"), []byte(`{"nobodyKnows":1}`), "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"json/enum", header("Content-Type", "application/json"), []byte(`{"reusePolicy":"NOPE"}`), "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"json/duration", header("Content-Type", "application/json"), []byte(`{"wait":"soon"}`), "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"json/deep", header("Content-Type", "application/json"), []byte(strings.Repeat(`{"input":`, 5000)), "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"proto/cut", header("Content-Type", "application/proto"), []byte{0x0a, 200, 1}, "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"proto/invalid text", header("Content-Type", "application/proto"), []byte{0x0a, 1, 0xff}, "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"proto/the mark itself", header("Content-Type", "application/proto"), []byte{0xfa, 0xff, 0xff, 0xff, 0x0f, 2, 'n', 'o'}, "invalid_argument", aionv1.Reason_REASON_INVALID_INPUT},
		{"large", header("Content-Type", "application/proto"), bytes.Repeat([]byte{0x0a}, 65<<10), "resource_exhausted", aionv1.Reason_REASON_PAYLOAD_TOO_LARGE},
		{"bomb", header("Content-Type", "application/proto", "Content-Encoding", "gzip"), bomb, "resource_exhausted", aionv1.Reason_REASON_PAYLOAD_TOO_LARGE},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, client := range []*http.Client{h2c(t), http1(t)} {
				res, b := post(t, client, url+startPath, c.header, bytes.NewReader(c.body))
				code, info := infoIn(t, b)
				if code != c.code || info.GetReason() != c.reason || info.GetHint() == "" {
					t.Errorf("HTTP/%d: %d %s", res.ProtoMajor, res.StatusCode, b)
				}
			}
		})
	}
	for _, contentType := range []string{"application/grpc", "application/grpc-web+proto"} {
		for name, body := range map[string][]byte{"cut": frame(0, []byte{0x0a, 200, 1}), "bomb": frame(1, bomb), "large": frame(0, make([]byte, 65<<10)), "lie": {0, 255, 255, 255, 255, 1}} {
			t.Run(contentType+"/"+name, func(t *testing.T) {
				res, _ := post(t, h2c(t), url+startPath, header("Content-Type", contentType, "Te", "trailers", "Grpc-Encoding", "gzip"), bytes.NewReader(body))
				status := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status")
				details := res.Header.Get("Grpc-Status-Details-Bin") + res.Trailer.Get("Grpc-Status-Details-Bin")
				if status == "" && contentType != "application/grpc" {
					t.Skip("gRPC-Web has its trailers in the body here; TestTransport decodes them")
				}
				if status == "0" || details == "" && name != "lie" {
					t.Fatalf("status %q, details %q", status, details)
				}
			})
		}
	}
	if calls := s.Calls(); len(calls) > 0 {
		t.Fatalf("the service was called: %+v", calls)
	}
}

// What this server does not have, it says in the caller's protocol, with an ErrorInfo; pages of other kinds are not found.
func TestUnknownMethods(t *testing.T) {
	url := serve(t, connect.Options{Service: &transporttest.Service{}, Auth: dev.Auth{}})
	for name, o := range map[string][]connectrpc.ClientOption{"connect": nil, "grpc": {connectrpc.WithGRPC()}, "grpcweb": {connectrpc.WithGRPCWeb()}} {
		for _, path := range []string{"/aion.v1.WorkflowService/Nope", "/aion.v9.Other/Start"} {
			c := connectrpc.NewClient[aionv1.WhoAmIRequest, aionv1.WhoAmIResponse](h2c(t), url+path, o...)
			_, err := c.CallUnary(context.Background(), connectrpc.NewRequest(&aionv1.WhoAmIRequest{}))
			err = wire.DecodeError(err)
			wantReason(t, err, fault.Unimplemented)
			var f *fault.Error
			if !errors.As(err, &f) || f.Hint == "" {
				t.Errorf("%s %s: got %v", name, path, err)
			}
		}
	}
	res, err := h2c(t).Get(url + "/")
	if err != nil || res.StatusCode != http.StatusNotFound {
		t.Fatalf("GET /: got %v, %v", res, err)
	}
	res.Body.Close()
}

// One port serves HTTP/1.1 and HTTP/2; worker streams are told that they need the latter.
func TestOnePort(t *testing.T) {
	s := &transporttest.Service{}
	url := serve(t, connect.Options{Service: s, Auth: dev.Auth{}})
	for name, c := range map[string]*http.Client{"HTTP/2.0": h2c(t), "HTTP/1.1": http1(t)} {
		res, b := post(t, c, url+startPath, header("Content-Type", "application/json"), strings.NewReader(`{"namespace":"shop"}`))
		if res.Proto != name || res.StatusCode != 200 || string(b) != "{}" {
			t.Errorf("%s: got %s %d %s", name, res.Proto, res.StatusCode, b)
		}
	}
	res, _ := post(t, http1(t), url+aionv1connect.WorkerServiceStreamTasksProcedure, header("Content-Type", "application/connect+proto"), nil)
	if res.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Errorf("a stream over HTTP/1.1: got %d", res.StatusCode)
	}
}

// Kinds and fields of events that this version does not know pass through byte by byte.
func TestHistoryKeepsTheUnknown(t *testing.T) {
	page := []byte{0x0a, 18, 0x08, 8, 0x12, 2, 0x08, 9, 0xfa, 0x3e, 3, 'x', 'y', 'z', 0xa0, 0x3f, 1, 0xa8, 0x3f, 2, 0x0a, 2, 0x08, 9}
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		return ports.HistoryResult{Bytes: page, Run: "r"}, nil
	}}
	got, err := connect.NewRemote(h2c(t), serve(t, connect.Options{Service: s, Auth: dev.Auth{}})).History(context.Background(), ports.HistoryRequest{})
	if err != nil || !bytes.Equal(got.Bytes, page) {
		t.Fatalf("got %x, %v\nwant %x", got.Bytes, err, page)
	}
}

// A page of history is never asked for larger than a message may be, whatever the caller says.
func TestHistoryPageSize(t *testing.T) {
	s := &transporttest.Service{}
	c := connect.NewRemote(h2c(t), serve(t, connect.Options{Service: s, Auth: dev.Auth{}}))
	for _, size := range []int{0, 1, 1 << 30} {
		if _, err := c.History(context.Background(), ports.HistoryRequest{MaxBytes: size}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{1 << 20, 1, wire.MaxHistoryBytes} {
		if got := s.Calls()[i].Request.(ports.HistoryRequest).MaxBytes; got != want {
			t.Errorf("%d: asked for %d bytes, want %d", i, got, want)
		}
	}
}

// Who does not send what it began to send is cut off; a call that takes its time after that is not.
func TestSlowCallers(t *testing.T) {
	const limit = 50 * time.Millisecond
	s := &transporttest.Service{Reply: func(ctx context.Context, _ transporttest.Call) (any, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(4 * limit): // long enough to be cut off, if that were to happen
			return nil, nil
		}
	}}
	url := serve(t, connect.Options{Service: s, Auth: dev.Auth{}, RequestTimeout: limit})
	for name, c := range map[string]*http.Client{"HTTP/2": h2c(t), "HTTP/1": http1(t)} {
		t.Run("OK/slow service/"+name, func(t *testing.T) {
			for range 2 { // the second time on the same connection
				if _, err := connect.NewRemote(c, url).Start(context.Background(), ports.StartRequest{}); err != nil {
					t.Fatal(err)
				}
			}
		})
		t.Run("ErrUnavailable/"+name, func(t *testing.T) {
			before := len(s.Calls())
			body, w := io.Pipe()
			defer w.Close()
			go func() { _, _ = w.Write([]byte(`{"name`)) }()
			res, b := post(t, c, url+startPath, header("Content-Type", "application/json"), body)
			if _, info := infoIn(t, b); info.GetReason() != aionv1.Reason_REASON_UNAVAILABLE || len(s.Calls()) != before {
				t.Fatalf("got %d %s, %d calls", res.StatusCode, b, len(s.Calls())-before)
			}
		})
	}
	t.Run("OK/slow service/gRPC", func(t *testing.T) {
		if _, err := connect.NewRemote(h2c(t), url, connectrpc.WithGRPC()).Start(context.Background(), ports.StartRequest{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("ErrUnavailable/no first frame", func(t *testing.T) {
		stream := aionv1connect.NewWorkerServiceClient(h2c(t), url).StreamTasks(context.Background())
		defer stream.CloseRequest()
		if err := stream.Send(nil); err != nil {
			t.Fatal(err)
		}
		_, err := stream.Receive()
		wantReason(t, wire.DecodeError(err), fault.Unavailable)
	})
}

func TestReflectionAndHealth(t *testing.T) {
	ready := false
	url := serve(t, connect.Options{Service: &transporttest.Service{}, Ready: func() bool { return ready }}) // no authentication at all
	stream := grpcreflect.NewClient(h2c(t), url, connectrpc.WithGRPC()).NewStream(context.Background())
	names, err := stream.ListServices()
	if err != nil || len(names) != 8 {
		t.Fatalf("reflection: got %v, %v", names, err)
	}
	if files, err := stream.FileContainingSymbol("aion.v1.WorkflowService"); err != nil || len(files) == 0 {
		t.Fatalf("reflection: got %v, %v", files, err)
	}
	if _, err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(service string) (int, string) {
		res, b := post(t, h2c(t), url+"/"+grpchealth.HealthV1ServiceName+"/Check", header("Content-Type", "application/json"), strings.NewReader(`{"service":"`+service+`"}`))
		return res.StatusCode, string(b)
	}
	if code, b := check(""); code != 200 || !strings.Contains(b, "NOT_SERVING") {
		t.Errorf("before it is ready: got %d %s", code, b)
	}
	ready = true
	for _, service := range []string{"", aionv1connect.WorkerServiceName} {
		if code, b := check(service); code != 200 || !strings.Contains(b, "STATUS_SERVING") {
			t.Errorf("%q: got %d %s", service, code, b)
		}
	}
	if code, b := check("nobody"); code != 404 {
		t.Errorf("an unknown service: got %d %s", code, b)
	}
}

func TestWhoAmI(t *testing.T) {
	now := time.Unix(1_800_000_000, 5).UTC()
	url := serve(t, connect.Options{Service: &transporttest.Service{}, Auth: dev.Auth{}, Version: "v1.2.3", Clock: &clock{now: now}})
	path := url + aionv1connect.OperatorServiceWhoAmIProcedure
	res, b := post(t, h2c(t), path, header("Content-Type", "application/json", "Aion-Identity", "ada"), strings.NewReader("{}"))
	want := map[string]any{"subject": "ada", "authMode": "dev", "grants": []any{map[string]any{"namespaces": "*", "role": "admin"}}, "serverVersion": "v1.2.3", "serverTime": now.Format(time.RFC3339Nano)}
	got := map[string]any{}
	if err := json.Unmarshal(b, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %d %s, want %v", res.StatusCode, b, want)
	}
	// A page in a browser may have its own host name point to this machine.
	_, b = post(t, h2c(t), path, header("Content-Type", "application/json", "Host", "evil.example"), strings.NewReader("{}"))
	if code, info := infoIn(t, b); code != "unauthenticated" || info.GetReason() != aionv1.Reason_REASON_UNAUTHENTICATED {
		t.Fatalf("another host: got %s", b)
	}
}

func TestWithoutAuthentication(t *testing.T) {
	s := &transporttest.Service{}
	_, err := connect.NewRemote(h2c(t), serve(t, connect.Options{Service: s})).Start(context.Background(), ports.StartRequest{})
	wantReason(t, err, fault.Unauthenticated)
	if len(s.Calls()) > 0 {
		t.Fatal("the service was called")
	}
}

// What a caller does not get to see of an internal error is in the log, once.
func TestInternalErrorsAreLogged(t *testing.T) {
	var log bytes.Buffer
	s := &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		return nil, fault.Wrap(fault.Internal, errors.New("secret"), "it broke")
	}}
	o := connect.Options{Service: s, Auth: dev.Auth{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	w := httptest.NewRecorder() // in this goroutine, so that the log is complete afterwards
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+startPath, strings.NewReader("{}"))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Content-Type", "application/json")
	connect.Handler(o).ServeHTTP(w, r)
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || strings.Count(log.String(), "secret") != 1 || !strings.Contains(log.String(), startPath) {
		t.Fatalf("answered %d %s\nlogged %s", w.Code, w.Body, &log)
	}
}

func TestPatterns(t *testing.T) {
	mux := http.NewServeMux()
	h := connect.Handler(connect.Options{Service: &transporttest.Service{}, Auth: dev.Auth{}})
	for _, p := range connect.Patterns() {
		mux.Handle(p, h)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := connect.Server(mux)
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	if _, err := connect.NewRemote(h2c(t), "http://"+l.Addr().String()).WhoAmI(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

// Whatever bytes come in, the handler answers.
func FuzzHandler(f *testing.F) {
	s := &transporttest.Service{}
	h := connect.Handler(connect.Options{Service: s, Auth: dev.Auth{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	for _, path := range []string{startPath, aionv1connect.WorkflowServiceListWorkflowsProcedure, aionv1connect.PackageServiceDeployPackageProcedure, "/x"} {
		for _, contentType := range []string{"application/json", "application/proto", "application/grpc", "application/grpc-web", "application/connect+proto"} {
			f.Add(path, contentType, []byte(`{"namespace":"shop"}`))
			f.Add(path, contentType, frame(0, []byte{0x0a, 1, 'x'}))
		}
	}
	f.Fuzz(func(t *testing.T, path, contentType string, body []byte) {
		if strings.ContainsAny(path, " \r\n\t\x00") || !strings.HasPrefix(path, "/") {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", bytes.NewReader(body))
		r.URL.Path, r.RemoteAddr = path, "127.0.0.1:1"
		r.ProtoMajor, r.ProtoMinor, r.Proto = 2, 0, "HTTP/2.0"
		r.Header.Set("Content-Type", contentType)
		h.ServeHTTP(httptest.NewRecorder(), r)
	})
}
