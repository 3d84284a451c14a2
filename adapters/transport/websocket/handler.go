package websocket

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// Path is where a Handler is to be mounted.
const Path = "/api/v1/events"

// Subprotocol is what a client asks for. A browser, which cannot set headers, sends its token as a second one: TokenPrefix and the token in base64url
// without padding.
const (
	Subprotocol = "aion.v1.json"
	TokenPrefix = "aion.bearer."
)

// Bounds of a socket.
const (
	maxCommand       = 64 << 10 // bytes of what a client sends at once
	maxSubscriptions = 1000     // on one socket
	bufferedBytes    = 1 << 20  // frames that wait for the socket, beside the one of each subscription
)

// Options says what a Handler serves. Service, Auth and Marshal are required.
type Options struct {
	Base    context.Context // sockets end with it; nil = never
	Service ports.Events
	Auth    ports.Authenticator
	Clock   ports.Clock
	Log     *slog.Logger // gets internal errors and panics
	Origins []string     // web origins whose pages may connect, beside the server's own; "*" = all
	Marshal func(proto.Message) ([]byte, error)

	Buffer     int // frames that wait for a socket; 0 = 256
	MaxSockets int // 0 = 10,000

	FirstCommand time.Duration // how long a client may take to subscribe to something; 0 = 30 s
	SendTimeout  time.Duration // how long a frame may take to leave; 0 = 10 s
	PingInterval time.Duration // 0 = 30 s; a client that does not answer within SendTimeout is cut off
}

// Handler serves sockets.
func Handler(o Options) http.Handler {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&o.FirstCommand, 30*time.Second)
	set(&o.SendTimeout, 10*time.Second)
	set(&o.PingInterval, 30*time.Second)
	if o.Buffer == 0 {
		o.Buffer = 256
	}
	if o.MaxSockets == 0 {
		o.MaxSockets = 10_000
	}
	if o.Base == nil {
		o.Base = context.Background()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &handler{Options: o}
}

type handler struct {
	Options
	open atomic.Int64
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	principal, err := h.admit(r)
	if err != nil {
		refuse(w, err)
		return
	}
	if h.open.Add(1) > int64(h.MaxSockets) {
		h.open.Add(-1)
		refuse(w, fault.New(fault.Overloaded, "this server has %d event sockets open, which is the most it takes", h.MaxSockets).Hinted("put more subscriptions on one socket"))
		return
	}
	defer h.open.Add(-1)
	accept := &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}, CompressionMode: websocket.CompressionDisabled,
		InsecureSkipVerify: slices.Contains(h.Origins, "*"), OriginPatterns: h.Origins}
	conn, err := websocket.Accept(w, r, accept)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxCommand)
	newSocket(h, conn).serve(ports.WithPrincipal(r.Context(), principal), principal)
}

// admit says who opens a socket. Nothing is upgraded before.
func (h *handler) admit(r *http.Request) (ports.Principal, error) {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return ports.Principal{}, fault.Invalidf("%s is a WebSocket", Path).Hinted("open it with a WebSocket client, GET and subprotocol %s; EventService.Subscribe is the same as a plain stream", Subprotocol)
	}
	offered := subprotocols(r)
	if !slices.Contains(offered, Subprotocol) {
		return ports.Principal{}, fault.Invalidf("the subprotocol %s is not offered", Subprotocol).Hinted("send Sec-WebSocket-Protocol: %s", Subprotocol)
	}
	if h.Auth == nil {
		return ports.Principal{}, fault.New(fault.Unauthenticated, "the server has no authentication configured").Hinted("set auth.mode")
	}
	c := wire.Credentials(r.Header, r.RemoteAddr, r.Host)
	for _, p := range offered {
		encoded, ok := strings.CutPrefix(p, TokenPrefix)
		if !ok || c.Authorization != "" {
			continue
		}
		token, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil {
			return ports.Principal{}, fault.New(fault.Unauthenticated, "the token in the subprotocol is not base64url").Hinted("send %s and the token in base64url without padding", TokenPrefix)
		}
		c.Authorization = "Bearer " + string(token)
	}
	return h.Auth.Authenticate(r.Context(), c)
}

func subprotocols(r *http.Request) []string {
	var out []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			out = append(out, strings.TrimSpace(p))
		}
	}
	return out
}

// refuse answers a request that does not become a socket, in the form of every error over plain HTTP.
func refuse(w http.ResponseWriter, err error) {
	e := wire.EncodeError(err)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(wire.HTTPStatus(e.Code))
	_, _ = w.Write(append(wire.ErrorJSON(e), '\n'))
}
