package worker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/internal/link"
	"github.com/aionrun/aion/sdk/payload"
	"github.com/aionrun/aion/sdk/workflow"
)

// Options say what a worker takes and who it is. The zero value is useful: empty fields come from the environment or have defaults.
type Options struct {
	Namespace  string   // "" = AION_NAMESPACE, else "default"
	TaskQueues []string // none = "default"
	Slots      int      // how many attempts it runs at once; 0 = 100
	Identity   string   // shown in lists and histories; "" = host and process
	BuildID    string   // "" = the revision that the program was built from

	Token string      // "" = AION_TOKEN, or what AION_TOKEN_FILE holds at the time
	TLS   *tls.Config // nil = AION_TLS_*; see client.Options

	// DrainTimeout is how long attempts may go on when Run's context has ended. Then their contexts end too, and soon after that Run
	// returns without them. 0 = as long as they take.
	DrainTimeout time.Duration

	// Interceptors stand around every attempt; the first is the outermost.
	Interceptors []Interceptor

	// Codecs encode and decode values of the type payload.Opaque: the first writes, all of them read. Clients need the same ones.
	Codecs payload.Codecs

	// HTTPClient replaces the connection, for tests. It must speak HTTP/2.
	HTTPClient connect.HTTPClient

	Log *slog.Logger // nil = slog.Default()
}

// An Interceptor stands around an attempt: it calls next with the context that it is given, or one made of it. Info tells which
// attempt it is. The error is what the attempt ends with.
type Interceptor func(ctx context.Context, next func(ctx context.Context) error) error

// Worker runs activities. Make it with New, give it functions with Handle, then Run it once.
type Worker struct {
	addr     string
	options  Options
	log      *slog.Logger
	handlers map[string]handler
	misuse   error // of New and Handle, told by Run

	mu       sync.Mutex
	started  bool
	draining bool
	left     bool          // nothing is left
	gone     chan struct{} // closed then
	attempts map[attemptKey]*attempt
	outbox   outbox
	wake     chan struct{} // there is something to send or to notice
}

// handler runs one attempt of an activity.
type handler func(ctx context.Context, in guest.Payload) (guest.Payload, error)

// New makes a worker for the server at addr: host:port, http://host:port or https://host:port; "" is AION_ADDRESS, else
// 127.0.0.1:7470. Whatever is wrong with the options is told by Run.
func New(addr string, o Options) *Worker {
	w := &Worker{
		addr: addr, options: o, log: o.Log, handlers: map[string]handler{}, gone: make(chan struct{}), attempts: map[attemptKey]*attempt{},
		outbox: newOutbox(), wake: make(chan struct{}, 1),
	}
	if w.log == nil {
		w.log = slog.Default()
	}
	if o.Slots < 0 {
		w.misuse = fmt.Errorf("worker: Slots is %d", o.Slots)
	}
	w.options.Slots = cmp.Or(o.Slots, 100)
	if len(o.TaskQueues) == 0 {
		w.options.TaskQueues = []string{"default"}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	w.options.Identity = cmp.Or(o.Identity, fmt.Sprintf("%s:%d", host, os.Getpid()))
	return w
}

// Handle gives the worker the function that runs an activity. An error of the function is recorded: of an activity.Type, it is known
// to the workflow by it. A panic ends the attempt with the type "aion.panic". Call it before Run, once for each activity.
func Handle[I, O any](w *Worker, a activity.Activity[I, O], fn func(ctx context.Context, in I) (O, error)) {
	if _, twice := w.handlers[a.Name()]; twice || a.Name() == "" || fn == nil {
		w.misuse = errors.Join(w.misuse, fmt.Errorf("worker: activity %q needs a name and one function: Handle it once", a.Name()))
		return
	}
	w.handlers[a.Name()] = func(ctx context.Context, p guest.Payload) (guest.Payload, error) {
		in, err := a.DecodeInput(p)
		if err != nil {
			return guest.Payload{}, guest.BadPayload(fmt.Errorf("input of activity %s: %w", a.Name(), err))
		}
		out, err := fn(ctx, in)
		if err != nil {
			return guest.Payload{}, err
		}
		if p, err = a.EncodeResult(out); err != nil {
			return guest.Payload{}, guest.BadPayload(fmt.Errorf("result of activity %s: %w", a.Name(), err))
		}
		return p, nil
	}
}

// The pauses between connections that fail, twice as long each time. Variables for tests only.
var (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second     // a server's reattach window is a few of them
	lastGrace    = 5 * time.Second // what attempts have left when DrainTimeout has passed, and a server to end a stream
)

// Run connects and works until ctx ends, then drains: attempts that run are finished, their results delivered, and Run returns nil.
// It connects again whenever the connection is lost, for ever; attempts go on meanwhile, and keep their place on the server for its
// reattach window. It ends with an error when the server refuses the worker itself (credentials, namespace, protocol), when the
// worker was set up wrongly, or when DrainTimeout passed.
func (w *Worker) Run(ctx context.Context) error {
	l, err := w.open()
	if err != nil {
		return err
	}
	defer l.Close()
	hard, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	defer w.cancelAll(errStopped)
	defer context.AfterFunc(ctx, func() { w.drain(hard, abandon) })()

	accepted := false
	for failures := 0; ; failures++ {
		s := &session{w: w, link: l}
		err := s.run(hard)
		accepted = accepted || s.registered
		select {
		case <-w.nothingLeft():
			return nil
		default:
		}
		if hard.Err() != nil {
			return fmt.Errorf("worker: %d attempts were abandoned: DrainTimeout (%v) has passed", w.unfinished(), w.options.DrainTimeout)
		}
		if refused(err, accepted, l.Renewable()) {
			return fmt.Errorf("worker: the server refuses this worker: %w", err)
		}
		if s.registered {
			failures = 0
		}
		pause := jitter(min(firstPause<<min(failures, 10), longestPause))
		if err != nil {
			w.log.Warn("no connection to the server, trying again", "address", l.URL, "error", err, "in", pause)
		}
		w.sleep(hard, pause)
	}
}

func (w *Worker) open() (*link.Link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started {
		return nil, errors.New("worker: Run was called before; make a new worker")
	}
	w.started = true
	if w.misuse == nil && len(w.handlers) == 0 {
		w.misuse = errors.New("worker: it has no activities; give it some with worker.Handle")
	}
	if w.misuse != nil {
		return nil, w.misuse
	}
	l, err := link.Open(link.Settings{
		Address: w.addr, Namespace: w.options.Namespace, Token: w.options.Token, Identity: w.options.Identity, TLS: w.options.TLS,
		HTTPClient: w.options.HTTPClient,
	})
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	return l, nil
}

// drain begins to drain. With a DrainTimeout attempts are told to stop when it passes, and abandoned when they do not.
func (w *Worker) drain(ctx context.Context, abandon context.CancelFunc) {
	w.mu.Lock()
	w.draining = true
	w.notice()
	left := len(w.attempts)
	w.mu.Unlock()
	w.log.Info("draining: finishing what runs, taking nothing new", "attempts", left)
	if d := w.options.DrainTimeout; d > 0 {
		stop := time.AfterFunc(d, func() { w.cancelAll(errDrained) })
		end := time.AfterFunc(d+lastGrace, abandon)
		context.AfterFunc(ctx, func() { stop.Stop(); end.Stop() })
	}
}

// notice wakes the sender, and those who wait for nothing to be left. With the lock held.
func (w *Worker) notice() {
	if w.draining && len(w.attempts) == 0 && w.outbox.empty() && !w.left {
		w.left = true
		close(w.gone)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// nothingLeft is closed when the worker drains and has nothing left to do. A task that was on its way may still change that.
func (w *Worker) nothingLeft() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

// unfinished counts the attempts whose results the server does not have.
func (w *Worker) unfinished() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.attempts) + w.outbox.len()
}

func (w *Worker) cancelAll(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.attempts {
		a.cancel(cause)
	}
}

// sleep waits until d has passed, ctx ends or nothing is left to do.
func (w *Worker) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-w.nothingLeft():
	}
}

// register is what the worker says of itself, with the tokens of everything whose end the server does not know.
func (w *Worker) register(namespace string) *aionv1.Register {
	r := &aionv1.Register{
		Namespaces: []string{namespace}, TaskQueues: w.options.TaskQueues, ActivityTypes: slices.Sorted(maps.Keys(w.handlers)),
		Slots: uint32(min(w.options.Slots, 1<<31)), Identity: w.options.Identity, Sdk: sdkVersion(), BuildId: w.buildID(),
		ProtocolVersion: protocolVersion,
	}
	for _, a := range w.attempts {
		r.Executing = append(r.Executing, a.token)
	}
	r.Executing = w.outbox.tokens(r.Executing)
	return r
}

func sdkVersion() string {
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, m := range b.Deps {
			if m.Path == "github.com/aionrun/aion/sdk" {
				return "go/" + m.Version
			}
		}
	}
	return "go/(devel)"
}

func (w *Worker) buildID() string {
	if w.options.BuildID != "" {
		return w.options.BuildID
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}

var (
	errStopped = fmt.Errorf("%w: the worker has stopped", workflow.ErrCanceled)
	errDrained = fmt.Errorf("%w: the worker drains and waits no longer", workflow.ErrCanceled)
	errLost    = fmt.Errorf("%w: the server no longer waits for this attempt", workflow.ErrCanceled)
)
