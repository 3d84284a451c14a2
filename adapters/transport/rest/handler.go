package rest

import (
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Prefix is where a Handler is to be mounted.
const Prefix = "/api/v1/"

// Options says what a Handler serves. Service and Auth are required: without Auth every call is refused.
type Options struct {
	Service ports.Workflows
	Auth    ports.Authenticator
	Log     *slog.Logger // gets internal errors and panics; nil = slog.Default()
	Origins []string     // web origins whose pages may call, beside the server's own; "*" = all

	MaxRequestBytes int64         // of a body; 0 = 8 MiB
	RequestTimeout  time.Duration // how long a body may take to arrive; 0 = 1 minute
}

// Handler serves the raw forms. Requests that a browser makes for a page of an origin that is not in Options are refused: a page
// that somebody on the server's machine looks at must not start workflows. An origin that is none is passed over.
func Handler(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxRequestBytes == 0 {
		o.MaxRequestBytes = 8 << 20
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = time.Minute
	}
	h := &handler{Options: o, origins: http.NewCrossOriginProtection()}
	for _, origin := range o.Origins {
		_ = h.origins.AddTrustedOrigin(origin) // "*" is none
	}
	return h
}

type handler struct {
	Options
	origins *http.CrossOriginProtection
}

// call is one request.
type call struct {
	*handler
	w         http.ResponseWriter
	r         *http.Request
	namespace model.Namespace
	name      string // the workflow type or ID in the path
	params    url.Values
	input     model.Payload
	identity  string
}

// forms are the raw forms by collection and verb, each with the parameters that it takes.
var forms = map[[2]string]struct {
	params []string
	serve  func(*call) error
}{
	{"workflow-types", "start"}: {[]string{"wait", "workflow_id", "task_queue", "run_timeout", "reuse_policy", "conflict_policy"}, (*call).start},
	{"workflows", "signal"}:     {[]string{"name", "run_id"}, (*call).signal},
	{"workflows", "query"}:      {[]string{"name", "run_id"}, (*call).query},
	{"workflows", "pause"}:      {[]string{"reason", "run_id"}, (*call).pause},
	{"workflows", "resume"}:     {[]string{"reason", "run_id"}, (*call).resume},
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{handler: h, w: w, r: r}
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			h.Log.ErrorContext(r.Context(), "a call panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			c.refuse(fault.Internalf("the server met a defect while it served this").Hinted("the server's log has the stack"))
		}
	}()
	if err := c.serve(); err != nil {
		c.refuse(err)
	}
}

func (c *call) serve() error {
	if err := c.origins.Check(c.r); err != nil && !slices.Contains(c.Origins, "*") {
		return fault.Wrap(fault.PermissionDenied, err, "a browser made this request for a page of another origin").
			Hinted("call the server from its own pages, or from outside a browser")
	}
	if c.Auth == nil {
		return fault.New(fault.Unauthenticated, "the server has no authentication configured").Hinted("set auth.mode")
	}
	p, err := c.Auth.Authenticate(c.r.Context(), wire.Credentials(c.r.Header, c.r.RemoteAddr, c.r.Host))
	if err != nil {
		return err
	}
	c.identity = p.Subject
	c.r = c.r.WithContext(ports.WithPrincipal(c.r.Context(), p))

	collection, verb, err := c.path()
	if err != nil {
		return err
	}
	form, ok := forms[[2]string{collection, verb}]
	if !ok {
		return fault.New(fault.Unimplemented, "this server has no %s:%s over plain HTTP", collection, verb).
			Hinted("there are workflow-types/{type}:start and workflows/{workflow_id} with :signal, :query, :pause and :resume")
	}
	if c.r.Method != http.MethodPost {
		c.w.Header().Set("Allow", http.MethodPost)
		return fault.Invalidf("%s needs the method POST, not %s", verb, c.r.Method)
	}
	if err := c.readParams(form.params); err != nil {
		return err
	}
	if err := c.readBody(); err != nil {
		return err
	}
	return form.serve(c)
}

// path takes namespaces/{namespace}/{collection}/{name}:{verb} apart before it decodes the names, because they may hold '/' and ':'.
func (c *call) path() (collection, verb string, err error) {
	parts := strings.Split(strings.TrimPrefix(sentPath(c.r), Prefix), "/")
	colon := strings.LastIndexByte(parts[len(parts)-1], ':')
	if len(parts) != 4 || parts[0] != "namespaces" || colon < 0 {
		return "", "", fault.NotFoundf("there is nothing at %s", c.r.URL.EscapedPath()).
			Hinted("paths are /api/v1/namespaces/{namespace}/workflow-types/{type}:start and the like; encode a '/' in a name as %%2F")
	}
	ns, err := url.PathUnescape(parts[1])
	if err != nil {
		return "", "", fault.Wrap(fault.InvalidInput, err, "the namespace in the path is not percent-encoded")
	}
	if c.name, err = url.PathUnescape(parts[3][:colon]); err != nil {
		return "", "", fault.Wrap(fault.InvalidInput, err, "the name in the path is not percent-encoded")
	}
	c.namespace = model.Namespace(ns)
	return parts[2], parts[3][colon+1:], nil
}

// sentPath is the path as the caller encoded it. URL.EscapedPath is not that where the caller left a letter such as é as it is,
// which curl does: it then encodes the decoded path anew, and what was %2F comes out as a '/'.
func sentPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if decoded, err := url.PathUnescape(path); err == nil && decoded == r.URL.Path {
		return path
	}
	return r.URL.EscapedPath()
}

// readParams refuses parameters that the form does not take, and ones that come twice: a misspelt one would do something else.
func (c *call) readParams(known []string) error {
	var err error
	if c.params, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the query string cannot be read")
	}
next:
	for name, values := range c.params {
		for _, k := range known {
			if k == name && len(values) == 1 {
				continue next
			}
		}
		if len(values) > 1 {
			return fault.Invalidf("parameter %s is given %d times", name, len(values))
		}
		return fault.Invalidf("there is no parameter %s here", name).Hinted("there are %s", strings.Join(known, ", "))
	}
	return nil
}

// duration reads a parameter such as "10s"; 0 where it is not given.
func (c *call) duration(param string) (time.Duration, error) {
	v := c.params.Get(param)
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fault.Invalidf("%s=%s is no duration", param, v).Hinted("write 500ms, 10s, 5m or 1h30m")
	}
	return d, nil
}

// readBody makes the body the call's input. No body is no value. What does not say what it is (curl calls it a form) is JSON, and
// JSON is checked here: it could only fail the run later.
func (c *call) readBody() error {
	if e := c.r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fault.Invalidf("Content-Encoding %s is not supported", e).Hinted("send the body as it is")
	}
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Now().Add(c.RequestTimeout)) // unsupported only where no network is waited for
	data, err := io.ReadAll(io.LimitReader(c.r.Body, c.MaxRequestBytes+1))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the request did not arrive")
	}
	if int64(len(data)) > c.MaxRequestBytes {
		return fault.New(fault.PayloadTooLarge, "the request holds more than %d bytes", c.MaxRequestBytes).
			Hinted("send less, or raise server.max_request_bytes")
	}
	if len(data) == 0 {
		return nil
	}
	contentType := c.r.Header.Get("Content-Type")
	switch media, _, _ := mime.ParseMediaType(contentType); {
	case contentType == "", media == "application/x-www-form-urlencoded", media == model.ContentTypeJSON:
		contentType = model.ContentTypeJSON
		if !json.Valid(data) {
			return fault.Wrap(fault.InvalidInput, json.Unmarshal(data, new(json.RawMessage)), "the body is not valid JSON").
				Hinted("send JSON, or say what else it is by Content-Type")
		}
	case len(contentType) > model.MaxIDBytes || !utf8.ValidString(contentType):
		return fault.Invalidf("the Content-Type is not valid text of at most %d bytes", model.MaxIDBytes)
	}
	c.input = model.Payload{ContentType: contentType, Data: data}
	return nil
}

// requestID is the caller's idempotency key.
func (c *call) requestID() model.RequestID {
	return model.RequestID(strings.ToValidUTF8(c.r.Header.Get("Idempotency-Key"), "\uFFFD"))
}

// trace is what of the request's headers travels with the run.
func (c *call) trace() map[string]string {
	var out map[string]string
	for _, name := range []string{"traceparent", "tracestate"} {
		if v := c.r.Header.Get(name); v != "" && utf8.ValidString(v) {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = v
		}
	}
	return out
}
