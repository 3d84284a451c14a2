package websocket_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ws "github.com/coder/websocket"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/transport/websocket"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bounded ends a test that hangs; it decides nothing.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// auth lets in whoever sends "Bearer secret".
type auth struct{ expires time.Time }

func (auth) Mode() string { return "test" }
func (a auth) Authenticate(_ context.Context, c ports.Credentials) (ports.Principal, error) {
	if c.Authorization != "Bearer secret" {
		return ports.Principal{}, fault.New(fault.Unauthenticated, "wrong token").Hinted("send the right one")
	}
	return ports.Principal{Subject: "ada", Expires: a.expires}, nil
}

func serve(t testing.TB, o websocket.Options) string {
	t.Helper()
	if o.Auth == nil {
		o.Auth = auth{}
	}
	o.Clock, o.Marshal = system.Clock{}, jsonform.Marshal
	base, end := context.WithCancel(context.Background())
	o.Base = base
	done := make(chan struct{}, 1000)
	h := websocket.Handler(o)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		done <- struct{}{}
	}))
	t.Cleanup(func() {
		end()
		s.Close()
	})
	return s.URL + websocket.Path
}

type client struct {
	t testing.TB
	c *ws.Conn
}

func dial(t testing.TB, url string) *client {
	t.Helper()
	c, res, err := ws.Dial(bounded(t), url, &ws.DialOptions{Subprotocols: []string{websocket.Subprotocol}, HTTPHeader: http.Header{"Authorization": {"Bearer secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Body != nil {
		res.Body.Close()
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { c.CloseNow() })
	return &client{t, c}
}

func (c *client) send(command string) {
	c.t.Helper()
	if err := c.c.Write(bounded(c.t), ws.MessageText, []byte(command)); err != nil {
		c.t.Fatal(err)
	}
}

// next gives a frame, as it came and read.
func (c *client) next() (string, *aionv1.EventFrame, error) {
	_, b, err := c.c.Read(bounded(c.t))
	if err != nil {
		return "", nil, err
	}
	var f aionv1.EventFrame
	if err := jsonform.Unmarshal(b, &f); err != nil {
		c.t.Fatalf("%s: %v", b, err)
	}
	return string(b), &f, nil
}

func (c *client) expect(want string) *aionv1.EventFrame {
	c.t.Helper()
	got, f, err := c.next()
	if err != nil || !strings.Contains(strings.ReplaceAll(got, " ", ""), want) {
		c.t.Fatalf("got %s, %v; want %s", got, err, want)
	}
	return f
}

// [EVT-1] Several subscriptions share a socket; frames are JSON, their payloads inline; each ends by itself.
func TestSubscriptions(t *testing.T) {
	page := historyPage(t)
	s := &transporttest.Service{Reply: func(_ context.Context, c transporttest.Call) (any, error) {
		switch r := c.Request.(ports.SubscribeRequest); {
		case r.WorkflowID == "none":
			return nil, fault.New(fault.NotFound, `workflow "none" does not exist`).Hinted("aion list")
		case r.WorkflowID != "":
			return transporttest.Ending{Frames: []ports.EventFrame{{Kind: ports.FrameSubscribed},
				{Kind: ports.FrameEvents, Key: model.ChainKey{Namespace: "shop", WorkflowID: r.WorkflowID}, Run: "r1", Events: page}, {Kind: ports.FrameEnd}}}, nil
		}
		return transporttest.Ending{Frames: []ports.EventFrame{{Kind: ports.FrameSubscribed, Cursor: "c"}, {Kind: ports.FrameCaughtUp, Cursor: "c"}}, Wait: true}, nil
	}}
	c := dial(t, serve(t, websocket.Options{Service: s}))
	c.send(`{"subscribe":{"id":"a","filter":"status = 'Failed'","cursor":"c0"}}`)
	c.expect(`{"id":"a","subscribed":{"cursor":"c"}}`)
	c.expect(`{"id":"a","caughtUp":{"cursor":"c"}}`)
	c.send(`{"subscribe":{"id":"b","namespace":"shop","run":{"workflow_id":"order/7:a é","from_seq":7}}}`)
	c.expect(`{"id":"b","subscribed":{}}`)
	if f := c.expect(`"input":{"name":"Ada"}`); f.GetEvents().GetWorkflowId() != "order/7:a é" || f.GetEvents().GetEvents()[0].GetSeq() != 1 {
		t.Errorf("%v", f)
	}
	c.expect(`{"id":"b","end":{}}`)
	c.send(`{"subscribe":{"id":"c","run":{"workflowId":"none"}}}`)
	c.expect(`{"id":"c","error":{"code":"not_found","message":"workflow\"none\"doesnotexist","info":{"reason":"REASON_NOT_FOUND","hint":"aionlist"}}}`)
	c.send(`{"subscribe":{"id":"a"}}`)
	c.expect(`"reason":"REASON_ALREADY_EXISTS"`)
	c.send(`{"unsubscribe":{"id":"nobody"}}`)
	c.send(`{"unsubscribe":{"id":"a"}}`)
	c.expect(`{"id":"a","end":{}}`)
	c.send(`{"subscribe":{"id":"a"}}`) // free again
	c.expect(`{"id":"a","subscribed":{"cursor":"c"}}`)
	calls := s.Calls()
	want := ports.SubscribeRequest{Namespace: "shop", WorkflowID: "order/7:a é", From: 7}
	if calls[0].Principal.Subject != "ada" || calls[0].Request.(ports.SubscribeRequest).Cursor != "c0" || calls[1].Request != want {
		t.Errorf("%+v", calls)
	}
}

func historyPage(t testing.TB) []byte {
	t.Helper()
	var e aionv1.Events
	if err := protojson.Unmarshal([]byte(`{"events":[{"seq":1,"time":"2030-01-01T00:00:00Z","started":{"workflowType":"Hello","input":{"contentType":"application/json","data":"`+
		base64.StdEncoding.EncodeToString([]byte(`{"name":"Ada"}`))+`"}}}]}`), &e); err != nil {
		t.Fatal(err)
	}
	return marshal(t, &e)
}

// [EVT-4] A request that cannot become a socket is told why, in the form of every other error.
func TestRefusals(t *testing.T) {
	url := serve(t, websocket.Options{Service: &transporttest.Service{}, Origins: []string{"good.example"}})
	upgrade := func(h ...string) map[string]string {
		m := map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": websocket.Subprotocol, "Authorization": "Bearer secret"}
		for i := 0; i < len(h); i += 2 {
			if m[h[i]] = h[i+1]; h[i+1] == "" {
				delete(m, h[i])
			}
		}
		return m
	}
	token := base64.RawURLEncoding.EncodeToString([]byte("secret"))
	for _, c := range []struct {
		name   string
		header map[string]string
		status int
		reason string
	}{
		{"a plain request", upgrade("Upgrade", "", "Connection", ""), 400, "REASON_INVALID_INPUT"},
		{"no subprotocol", upgrade("Sec-WebSocket-Protocol", ""), 400, "REASON_INVALID_INPUT"},
		{"no token", upgrade("Authorization", ""), 401, "REASON_UNAUTHENTICATED"},
		{"a wrong token", upgrade("Authorization", "Bearer x"), 401, "REASON_UNAUTHENTICATED"},
		{"a damaged token as subprotocol", upgrade("Authorization", "", "Sec-WebSocket-Protocol", websocket.Subprotocol+", "+websocket.TokenPrefix+"="), 401, "base64url"},
		{"a token as subprotocol", upgrade("Authorization", "", "Sec-WebSocket-Protocol", websocket.Subprotocol+", "+websocket.TokenPrefix+token), 101, ""},
		{"a foreign page", upgrade("Origin", "https://evil.example"), 403, ""},
		{"a page of ours", upgrade("Origin", "https://good.example"), 101, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(bounded(t), http.MethodGet, url, nil)
			for k, v := range c.header {
				req.Header.Set(k, v)
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var body []byte
			if c.status != 101 {
				body, _ = io.ReadAll(res.Body)
			}
			if res.StatusCode != c.status || !strings.Contains(string(body), c.reason) || c.reason != "" && !json.Valid(body) {
				t.Errorf("%d %s; want %d %s", res.StatusCode, body, c.status, c.reason)
			}
		})
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// [EVT-4] What a client may not send ends its socket with a reason.
func TestHostileClients(t *testing.T) {
	url := serve(t, websocket.Options{Service: &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		return transporttest.Ending{Wait: true}, nil
	}}, FirstCommand: 50 * time.Millisecond})
	for name, command := range map[string]string{
		"no JSON": "hello", "an array": "[]", "an unknown field": `{"nope":1}`, "nothing": `{}`, "a long id": `{"subscribe":{"id":"` + strings.Repeat("x", 200) + `"}}`,
		"half a command": `{"subscribe":`, "a large one": `{"subscribe":{"filter":"` + strings.Repeat("x", 70<<10) + `"}}`, "silence": "",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, url)
			if command != "" {
				c.send(command)
			}
			_, f, err := c.next()
			var closed ws.CloseError
			if err == nil || errors.As(err, &closed) && (closed.Code == ws.StatusInternalError || closed.Code == ws.StatusNormalClosure) {
				t.Errorf("%v, %v", f, err)
			}
		})
	}
}

// [EVT-5] A client that does not read is cut off; the subscription that it held up ends, and another socket is unharmed.
func TestClientThatDoesNotRead(t *testing.T) {
	page := historyPage(t)
	ended := make(chan error, 2)
	s := flood{page: page, ended: ended}
	url := serve(t, websocket.Options{Service: s, SendTimeout: 100 * time.Millisecond, Buffer: 4})
	stuck := dial(t, url)
	stuck.send(`{"subscribe":{"id":"a"}}`)
	other := dial(t, url)
	other.send(`{"subscribe":{"id":"b","run":{"workflowId":"w"}}}`)
	for range 100 {
		other.expect(`"events"`)
	}
	if err := <-ended; err == nil {
		t.Error("the flood ended without an error")
	}
}

// flood delivers frames until its subscriber is gone.
type flood struct {
	page  []byte
	ended chan<- error
}

func (f flood) Subscribe(ctx context.Context, r ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	for {
		if err := deliver(ports.EventFrame{Kind: ports.FrameEvents, Key: model.ChainKey{Namespace: "n", WorkflowID: "w"}, Run: "r", Events: f.page}); err != nil {
			if r.WorkflowID == "" {
				f.ended <- err
			}
			return err
		}
	}
}

// [EVT-6] A socket ends when its credentials do.
func TestExpiry(t *testing.T) {
	url := serve(t, websocket.Options{Service: &transporttest.Service{Reply: func(context.Context, transporttest.Call) (any, error) {
		return transporttest.Ending{Wait: true}, nil
	}}, Auth: auth{expires: time.Now().Add(50 * time.Millisecond)}})
	c := dial(t, url)
	c.send(`{"subscribe":{"id":"a"}}`)
	for {
		_, f, err := c.next()
		var closed ws.CloseError
		if errors.As(err, &closed) && closed.Code == ws.StatusPolicyViolation && strings.Contains(closed.Reason, "expired") {
			return
		}
		if err != nil {
			t.Fatalf("%v, %v", f, err)
		}
	}
}
