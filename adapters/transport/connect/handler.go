package connect

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// Options says what a Handler serves. Service and Auth are required: without Auth every call is refused.
type Options struct {
	Service ports.Service
	Auth    ports.Authenticator
	Ready   func() bool  // what the health service answers; nil = always
	Version string       // of the server, for WhoAmI
	Log     *slog.Logger // gets internal errors and panics; nil = slog.Default()
	Clock   ports.Clock  // nil = the wall clock

	PageSize        int   // the largest page of a list; 0 = 1000
	MaxRequestBytes int64 // of one request, or one frame of a stream, also after decompression; 0 = 8 MiB
	MaxArchiveBytes int64 // of a deployed archive; 0 = 64 MiB

	// RequestTimeout bounds how long a request's body, or the first frame of a stream, may take to arrive; 0 = 1 minute (a
	// deployment has ten times as long). SendTimeout bounds how long a frame to a worker may take to leave; 0 = 30 s.
	RequestTimeout time.Duration
	SendTimeout    time.Duration
}

func (o Options) withDefaults() Options {
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	if o.PageSize == 0 {
		o.PageSize = 1000
	}
	if o.MaxRequestBytes == 0 {
		o.MaxRequestBytes = 8 << 20
	}
	if o.MaxArchiveBytes == 0 {
		o.MaxArchiveBytes = 64 << 20
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = time.Minute
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = 30 * time.Second
	}
	return o
}

// Handler serves all services of the contract, gRPC reflection and the standard health service. Worker streams need HTTP/2: see
// Server. A caller is authenticated before any of its request's body is read, and is in the context of every call of the service.
// Reflection and health ask nobody who they are.
func Handler(o Options) http.Handler {
	s := &server{Options: o.withDefaults(), methods: map[string]http.Handler{}, refuse: connect.NewErrorWriter()}
	options := connect.WithHandlerOptions(
		connect.WithRequestGate(s.authenticate),
		connect.WithInterceptors(outermost{s}),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithConditionalHandlerOptions(s.bounds),
	)
	s.mount(aionv1connect.NewWorkflowServiceHandler(workflows{s}, options))
	s.mount(aionv1connect.NewPackageServiceHandler(packages{s}, options))
	s.mount(aionv1connect.NewWorkerServiceHandler(workers{s}, options))
	s.mount(aionv1connect.NewOperatorServiceHandler(operator{s}, options))
	s.mount(aionv1connect.NewNamespaceServiceHandler(namespaces{s}, options))
	s.mount(aionv1connect.NewScheduleServiceHandler(schedules{s}, options))
	s.mount(aionv1connect.NewEventServiceHandler(events{s}, options))

	small := connect.WithReadMaxBytes(64 << 10)
	reflector := grpcreflect.NewStaticReflector(append(serviceNames(), grpchealth.HealthV1ServiceName)...)
	s.public.Handle(grpcreflect.NewHandlerV1(reflector, small))
	s.public.Handle(grpcreflect.NewHandlerV1Alpha(reflector, small))
	s.public.Handle(grpchealth.NewHandler(health(s.Ready), small))
	return s
}

// Patterns are the patterns of http.ServeMux under which to mount a Handler that shares its port with others.
func Patterns() []string {
	out := []string{"/" + grpcreflect.ReflectV1ServiceName + "/", "/" + grpcreflect.ReflectV1AlphaServiceName + "/", "/" + grpchealth.HealthV1ServiceName + "/"}
	for _, name := range serviceNames() {
		out = append(out, "/"+name+"/")
	}
	return out
}

func serviceNames() []string {
	return []string{
		aionv1connect.WorkflowServiceName, aionv1connect.PackageServiceName, aionv1connect.WorkerServiceName, aionv1connect.OperatorServiceName,
		aionv1connect.NamespaceServiceName, aionv1connect.ScheduleServiceName,
		aionv1connect.EventServiceName,
	}
}

// server is what the handlers of all services share.
type server struct {
	Options
	methods map[string]http.Handler // by path, e.g. /aion.v1.WorkflowService/StartWorkflow
	public  http.ServeMux
	refuse  *connect.ErrorWriter
}

// mount registers the methods of the service at path one by one, so that an unknown one can be told from them.
func (s *server) mount(path string, h http.Handler) {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.Trim(path, "/")))
	service, ok := d.(protoreflect.ServiceDescriptor)
	if err != nil || !ok {
		panic("the generated code of " + path + " is not linked in") // a defect of the build, met at start or never
	}
	for i := range service.Methods().Len() {
		s.methods[path+string(service.Methods().Get(i).Name())] = h
	}
}

// ServeHTTP answers calls of the services, and tells callers of anything else that it is not here.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := s.methods[r.URL.Path]; h != nil {
		s.serveBounded(h, w, r)
		return
	}
	if h, pattern := s.public.Handler(r); pattern != "" {
		s.serveBounded(h, w, r)
		return
	}
	if r.Method == http.MethodPost && s.refuse.IsSupported(r) {
		err := fault.New(fault.Unimplemented, "this server has no method %s", r.URL.Path).
			Hinted("the client may be newer than the server: OperatorService.WhoAmI tells the server's version")
		_ = s.refuse.Write(w, r, wire.ConnectError(err)) // a caller that is gone misses nothing
		return
	}
	http.NotFound(w, r)
}

// Answers below this size are sent as they are: compressing them costs more than it saves.
const compressFrom = 4 << 10

// authenticate puts the caller into the context. It runs when the headers are there and the body is not.
func (s *server) authenticate(ctx context.Context, _ connect.Spec, peer connect.Peer, h http.Header) (context.Context, error) {
	if s.Auth == nil {
		err := fault.New(fault.Unauthenticated, "the server has no authentication configured").Hinted("set auth.mode")
		return nil, wire.ConnectError(err)
	}
	p, err := s.Auth.Authenticate(ctx, wire.Credentials(h, peer.Addr, h.Get("Host")))
	if err != nil {
		return nil, s.refusal(ctx, "authenticate", err)
	}
	return ports.WithPrincipal(ctx, p), nil
}

// refusal makes the error that goes over the wire. What is internal is logged here, in full, because the caller gets to see
// less than that.
func (s *server) refusal(ctx context.Context, procedure string, err error) error {
	if err == nil {
		return nil
	}
	out := wire.ConnectError(err)
	if connect.CodeOf(out) == connect.CodeInternal {
		s.Log.ErrorContext(ctx, "a call ended in an internal error", "procedure", procedure, "error", err)
	}
	return out
}

// outermost stands between the protocol and every handler: errors leave through it with their ErrorInfo, panics as internal
// errors, and a message that could not be decoded does not get past it.
type outermost struct{ s *server }

func (i outermost) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (res connect.AnyResponse, err error) {
		defer i.recovered(ctx, req.Spec().Procedure, &err)
		if m, ok := req.Any().(proto.Message); ok {
			if err := malformed(m); err != nil {
				return nil, wire.ConnectError(err)
			}
		}
		res, err = next(ctx, req)
		return res, i.s.refusal(ctx, req.Spec().Procedure, err)
	}
}

func (i outermost) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		defer i.recovered(ctx, conn.Spec().Procedure, &err)
		return i.s.refusal(ctx, conn.Spec().Procedure, next(ctx, conn))
	}
}

func (i outermost) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (i outermost) recovered(ctx context.Context, procedure string, err *error) {
	switch r := recover(); r {
	case nil:
	case http.ErrAbortHandler:
		panic(r)
	default:
		i.s.Log.ErrorContext(ctx, "a call panicked", "procedure", procedure, "panic", r, "stack", string(debug.Stack()))
		*err = wire.ConnectError(fault.Internalf("the server met a defect while it served %s", procedure).Hinted("the server's log has the stack"))
	}
}

// health answers for the whole server and for each service alike.
type health func() bool

func (h health) Check(_ context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	known := r.Service == "" || slices.Contains(serviceNames(), r.Service)
	switch {
	case !known:
		return nil, wire.ConnectError(fault.NotFoundf("this server has no service %q", r.Service))
	case h():
		return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now().UTC() }
func (wallClock) AfterFunc(d time.Duration, f func()) ports.Timer {
	return time.AfterFunc(d, f)
}
