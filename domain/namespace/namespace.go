// Package namespace resolves the namespace that a call means: which ones exist, and what a name stands for.
package namespace

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Options configure the resolver. Zero fields take the defaults.
type Options struct {
	Default    model.Namespace // used where a call names none; default "default"
	Single     bool            // every call uses Default; naming another is NotFound
	AutoCreate bool            // a namespace comes into being when something is started in it
	Retention  time.Duration   // of namespaces that are created; default 720 h
}

// Resolver knows the namespaces. Safe for concurrent use.
type Resolver struct {
	store ports.Store
	clock ports.Clock
	opt   Options

	changing sync.Mutex // held while a record is written

	mu    sync.RWMutex
	known map[model.Namespace]ports.NamespaceRecord
}

// New makes a resolver; Load fills it.
func New(store ports.Store, clock ports.Clock, opt Options) *Resolver {
	if opt.Default == "" {
		opt.Default = "default"
	}
	if opt.Retention <= 0 {
		opt.Retention = 720 * time.Hour
	}
	return &Resolver{store: store, clock: clock, opt: opt, known: map[model.Namespace]ports.NamespaceRecord{}}
}

// Load reads the namespaces and makes sure that the default one exists.
func (r *Resolver) Load(ctx context.Context) error {
	all, err := r.store.Namespaces(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	for _, n := range all {
		r.known[n.Name] = n
	}
	r.mu.Unlock()
	_, err = r.create(ctx, r.opt.Default)
	return err
}

// Resolve gives the namespace that a call means. create says that the call may bring it into being. Errors: InvalidInput, NotFound.
func (r *Resolver) Resolve(ctx context.Context, ns model.Namespace, create bool) (model.Namespace, error) {
	if ns == "" {
		return r.opt.Default, nil
	}
	r.mu.RLock()
	_, ok := r.known[ns]
	r.mu.RUnlock()
	if r.opt.Single && ns != r.opt.Default {
		return "", notFound(ns)
	}
	if ok {
		return ns, nil
	}
	if err := model.ValidateNamespace(ns); err != nil {
		return "", err
	}
	if !create || !r.opt.AutoCreate {
		return "", notFound(ns)
	}
	return r.create(ctx, ns)
}

func (r *Resolver) create(ctx context.Context, ns model.Namespace) (model.Namespace, error) {
	r.mu.RLock()
	_, ok := r.known[ns]
	r.mu.RUnlock()
	if ok {
		return ns, nil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if _, err := r.Get(ns); err == nil {
		return ns, nil
	}
	rec := ports.NamespaceRecord{Name: ns, Version: 1, CreatedAt: r.clock.Now(), Retention: r.opt.Retention}
	if err := r.store.PutNamespace(ctx, rec); err != nil {
		return "", err
	}
	r.mu.Lock()
	r.known[ns] = rec
	r.mu.Unlock()
	return ns, nil
}

// Retention is how long closed runs of a namespace are kept.
func (r *Resolver) Retention(ns model.Namespace) time.Duration {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if n, ok := r.known[ns]; ok && n.Retention > 0 {
		return n.Retention
	}
	return r.opt.Retention
}

// Names lists the namespaces in order.
func (r *Resolver) Names() []model.Namespace {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]model.Namespace, 0, len(r.known))
	for n := range r.known {
		out = append(out, n)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

func notFound(ns model.Namespace) error {
	return fault.NotFoundf("namespace %q does not exist", ns).Hinted("check the name; namespaces.auto_create lets starts create them")
}
