package inprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/workflow"
)

// Options say what a worker takes. The zero value is useful.
type Options struct {
	Namespaces []string // none = the engine's default namespace
	TaskQueues []string // none = "default"
	Slots      int      // how many attempts run at once; 0 = 100
	Identity   string   // shown in lists and histories; "" = "inprocess"
	Log        *slog.Logger
	// Pause waits before a session that broke is begun again; nil = a tenth of a second by the machine's clock. It ends early with ctx.
	Pause func(ctx context.Context)
	// Underway is told, by +1 and -1, of attempts that run, and of the worker itself while it has no session, as engine.Options.Underway is
	// told of everything else. May be nil.
	Underway func(delta int)
}

// Worker runs activities. Make it with New, give it functions with Handle, then Run it once.
type Worker struct {
	engine   ports.Workers
	options  Options
	handlers map[string]handler
	misuse   error // of Handle, told by Run

	mu       sync.Mutex
	session  ports.WorkerSession // nil while there is none
	attempts map[string]*attempt // by token
	results  map[string]result   // those that are not acknowledged, by token
	order    uint64
	gone     chan struct{} // closed when no attempt runs and no result waits; nil while nobody waits for it
	killed   bool
	stop     context.CancelFunc

	once  sync.Once
	ready chan struct{} // closed at the first registration, and when Run ends
}

// result is how an attempt ended; order is that in which results came.
type result struct {
	ports.TaskResult
	order uint64
}

// handler runs one attempt of an activity.
type handler func(ctx context.Context, in workflow.Payload) (workflow.Payload, error)

// New makes a worker of an engine.
func New(engine ports.Workers, o Options) *Worker {
	if len(o.TaskQueues) == 0 {
		o.TaskQueues = []string{string(model.DefaultTaskQueue)}
	}
	o.Slots = cmp.Or(o.Slots, 100)
	o.Identity = cmp.Or(o.Identity, "inprocess")
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Underway == nil {
		o.Underway = func(int) {}
	}
	if o.Pause == nil {
		o.Pause = func(ctx context.Context) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	return &Worker{engine: engine, options: o, handlers: map[string]handler{}, attempts: map[string]*attempt{}, results: map[string]result{}, stop: func() {},
		ready: make(chan struct{})}
}

// Registered waits until the worker is known to the engine, Run has ended, or ctx ends.
func (w *Worker) Registered(ctx context.Context) {
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
}

func (w *Worker) isReady() { w.once.Do(func() { close(w.ready) }) }

// Handle gives the worker the function that runs an activity. An error of the function is recorded: of an activity.Type, it is known
// to the workflow by it. A panic ends the attempt with the type "aion.panic". Call it before Run, once for each activity.
func Handle[I, O any](w *Worker, a activity.Activity[I, O], fn func(ctx context.Context, in I) (O, error)) {
	if _, twice := w.handlers[a.Name()]; twice || a.Name() == "" || fn == nil {
		w.misuse = errors.Join(w.misuse, fmt.Errorf("inprocess: activity %q needs a name and one function: Handle it once", a.Name()))
		return
	}
	w.handlers[a.Name()] = func(ctx context.Context, p workflow.Payload) (workflow.Payload, error) {
		in, err := a.DecodeInput(p)
		if err != nil {
			return workflow.Payload{}, guest.BadPayload(fmt.Errorf("input of activity %s: %w", a.Name(), err))
		}
		out, err := fn(ctx, in)
		if err != nil {
			return workflow.Payload{}, err
		}
		if p, err = a.EncodeResult(out); err != nil {
			return workflow.Payload{}, guest.BadPayload(fmt.Errorf("result of activity %s: %w", a.Name(), err))
		}
		return p, nil
	}
}

// Run works until ctx ends, then drains: attempts that run are finished, their results recorded, and Run returns nil. It returns nil too
// when the engine ends, and an error when the engine refuses the worker or the worker was set up wrongly.
func (w *Worker) Run(ctx context.Context) error {
	defer w.isReady()
	if w.misuse != nil {
		return w.misuse
	}
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	w.mu.Lock()
	w.stop = stop
	killed := w.killed
	w.mu.Unlock()
	if killed {
		return nil
	}
	defer context.AfterFunc(ctx, func() {
		w.drain(hard)
		stop()
	})()
	w.options.Underway(1)
	defer w.options.Underway(-1)
	for {
		err := w.serve(ctx, hard)
		switch {
		case hard.Err() != nil:
			return nil
		case fault.Has(err, fault.Draining):
			return nil // the engine ends: nobody is left to report to
		case fault.Has(err, fault.InvalidInput), fault.Has(err, fault.NotFound), fault.Has(err, fault.PermissionDenied):
			return err
		}
		w.options.Log.Warn("an in-process worker begins again", "identity", w.options.Identity, "error", err)
		w.options.Pause(hard)
	}
}

// drain waits until nothing runs and every result is recorded, or ctx ends.
func (w *Worker) drain(ctx context.Context) {
	w.mu.Lock()
	if w.session != nil {
		w.session.Drain()
	}
	gone := make(chan struct{})
	w.gone = gone
	w.checkGone()
	w.mu.Unlock()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}

func (w *Worker) checkGone() {
	if w.gone != nil && len(w.attempts) == 0 && len(w.results) == 0 {
		close(w.gone)
		w.gone = nil
	}
}

// Kill ends the worker as the end of its process would: the contexts of attempts end, and what they return is dropped. For tests.
func (w *Worker) Kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killed = true
	w.stop()
	for _, a := range w.attempts {
		a.end(errKilled)
	}
}

var errKilled = errors.New("the worker was killed")

func (w *Worker) registration() ports.WorkerRegistration {
	r := ports.WorkerRegistration{Slots: w.options.Slots, Identity: w.options.Identity, SDK: guest.SDK, InProcess: true}
	for _, ns := range w.options.Namespaces {
		r.Namespaces = append(r.Namespaces, model.Namespace(ns))
	}
	for _, q := range w.options.TaskQueues {
		r.Queues = append(r.Queues, model.TaskQueue(q))
	}
	for _, t := range slices.Sorted(maps.Keys(w.handlers)) {
		r.ActivityTypes = append(r.ActivityTypes, model.ActivityType(t))
	}
	return r
}
