package wasm

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Options configure a Runtime; the zero value works, without files.
type Options struct {
	// CacheDir is a directory of the runtime's own for compiled code and hibernated instances; it is made (0700) if it is not there.
	// Empty: nothing is kept on disk, packages are compiled in every process, and instances cannot hibernate. One process at a time may
	// use it; nothing in it is needed, it may be deleted while no process runs.
	CacheDir string
	// HibernateBytes bounds the files of hibernated instances; the oldest go first. 0 means 1 GiB.
	HibernateBytes int64
	// MemoryBytes bounds the linear memory of an instance whose activation names no bound. 0 means 128 MiB. A bound that an activation
	// names counts up to four times as much: replay is given more than the first execution (D-2).
	MemoryBytes int64
	// WarmBytes bounds the pages of images that idle instances keep mapped; the kernel counts them in the resident size of the process, though
	// they are in memory once. 0 means 256 MiB.
	WarmBytes int64
	// Logger gets what an operator should know, e.g. a damaged cache; nil means none.
	Logger *slog.Logger
}

const (
	defaultMemoryBytes    = 128 << 20
	defaultHibernateBytes = 1 << 30
	defaultWarmBytes      = 256 << 20
	memoryHeadroom        = 4
	maxMemoryBytes        = 4<<30 - 1<<20 // below the 4 GiB that 32 bits address, whose size no longer fits
)

// features are what the guest ABI allows; everything else is refused by the parser before wazero sees it.
const features = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureBulkMemoryOperations

// Runtime implements ports.Runtime over wazero. Safe for concurrent use.
type Runtime struct {
	options Options
	log     *slog.Logger
	engine  wazero.Runtime
	cache   wazero.CompilationCache
	blobs   *blobStore // nil without CacheDir
	turns   chan struct{}
	compile chan struct{} // one compilation at a time: it takes a processor for seconds
	spaces  int64         // how many instances may live
	ctx     context.Context
	stop    context.CancelFunc
	loads   sync.WaitGroup

	mu       sync.Mutex
	programs map[model.PackageHash]*loading
	live     map[*Instance]struct{}
	closed   bool

	warm                                   *warm
	spare                                  spareRoom
	liveBytes                              atomic.Int64
	hibernated, restored, dropped, fuelled atomic.Int64
}

var (
	_ ports.Runtime  = (*Runtime)(nil)
	_ ports.Program  = (*Program)(nil)
	_ ports.Instance = (*Instance)(nil)
)

// New makes a runtime. Errors: Internal when CacheDir cannot be made or read.
func New(options Options) (*Runtime, error) {
	if options.MemoryBytes <= 0 {
		options.MemoryBytes = defaultMemoryBytes
	}
	if options.HibernateBytes <= 0 {
		options.HibernateBytes = defaultHibernateBytes
	}
	options.MemoryBytes = min(options.MemoryBytes, maxMemoryBytes)
	r := &Runtime{
		options:  options,
		log:      options.Logger,
		turns:    make(chan struct{}, max(1, goruntime.GOMAXPROCS(0)-1)),
		compile:  make(chan struct{}, 1),
		spaces:   maxSpaces(),
		programs: map[model.PackageHash]*loading{},
		live:     map[*Instance]struct{}{},
	}
	if options.WarmBytes <= 0 {
		r.options.WarmBytes = defaultWarmBytes
	}
	r.warm = newWarm(r.options.WarmBytes)
	r.spare.init(r.options.HibernateBytes / 16)
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	if err := r.open(); err != nil {
		_ = r.Close(context.Background())
		return nil, err
	}
	return r, nil
}

// The folders in CacheDir.
const (
	compiledDir   = "compiled"
	hibernatedDir = "hibernated"
)

func (r *Runtime) open() (err error) {
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false)
	if dir := r.options.CacheDir; dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return cacheFault(err, dir)
		}
		if r.cache, err = wazero.NewCompilationCacheWithDir(filepath.Join(dir, compiledDir)); err != nil {
			return cacheFault(err, dir)
		}
		config = config.WithCompilationCache(r.cache)
		if r.blobs, err = openBlobs(filepath.Join(dir, hibernatedDir), r.options.HibernateBytes, func() { r.dropped.Add(1) }); err != nil {
			return cacheFault(err, dir)
		}
	}
	r.engine = wazero.NewRuntimeWithConfig(r.ctx, config)
	if err := instantiateHost(r.ctx, r.engine); err != nil {
		return fault.Wrap(fault.Internal, err, "the WebAssembly engine does not take the host's functions")
	}
	return nil
}

func cacheFault(err error, dir string) error {
	return fault.Wrap(fault.Internal, err, "the runtime's cache directory %s cannot be used", dir).Hinted("make it writable for this user, or set runtime.cache_dir to another one")
}

// loading is a program, or one that is being made.
type loading struct {
	done    chan struct{}
	program *Program
	err     error
}

// Load implements ports.Runtime. It may take seconds for code that was never compiled on this machine, and tens of milliseconds
// otherwise. Several loads of one hash do the work once; a caller that gives up does not stop it for the others.
func (r *Runtime) Load(ctx context.Context, hash model.PackageHash, code []byte) (ports.Program, error) {
	if err := model.ValidatePackageHash(hash); err != nil {
		return nil, err
	}
	if hash == model.NativePackage {
		return nil, fault.NotFoundf("native workflow code does not run in the WebAssembly runtime")
	}
	r.mu.Lock()
	l := r.programs[hash]
	switch {
	case r.closed:
		r.mu.Unlock()
		return nil, errClosed()
	case l == nil && code == nil:
		r.mu.Unlock()
		return nil, fault.NotFoundf("package %s is not loaded, and no code was given", hash)
	case l == nil:
		l = &loading{done: make(chan struct{})}
		r.programs[hash] = l
		r.loads.Go(func() { r.load(l, hash, code) })
	}
	r.mu.Unlock()
	select {
	case <-l.done:
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "package %s was still being compiled", hash).Hinted("try again: it goes on")
	}
	if l.err != nil {
		return nil, l.err
	}
	return l.program, nil
}

func (r *Runtime) load(l *loading, hash model.PackageHash, code []byte) {
	defer close(l.done)
	l.program, l.err = r.prepare(hash, code)
	if l.err != nil {
		r.mu.Lock()
		delete(r.programs, hash) // a later load tries again
		r.mu.Unlock()
	}
}

// Stats implements ports.Runtime.
func (r *Runtime) Stats() ports.RuntimeStats {
	r.mu.Lock()
	live := len(r.live)
	r.mu.Unlock()
	return ports.RuntimeStats{
		LiveInstances: int64(live),
		LiveBytes:     r.liveBytes.Load() + r.spare.used(),
		Hibernated:    r.hibernated.Load(),
		Restored:      r.restored.Load(),
		Dropped:       r.dropped.Load(),
		FuelUsed:      r.fuelled.Load(),
	}
}

// Close implements ports.Runtime. It ends running calls at their next yield and waits for them and for loads.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	already := r.closed
	r.closed = true
	r.mu.Unlock()
	if already {
		return nil
	}
	r.stop()
	r.loads.Wait()
	for range cap(r.turns) { // whoever has a turn gives it back soon; nobody gets a new one
		r.turns <- struct{}{}
	}
	r.mu.Lock()
	live := make([]*Instance, 0, len(r.live))
	for i := range r.live {
		live = append(live, i)
	}
	r.mu.Unlock()
	for _, i := range live {
		i.Close(ctx)
	}
	for _, l := range r.programs {
		if l.program != nil {
			l.program.close(ctx)
		}
	}
	var err error
	if r.engine != nil {
		err = r.engine.Close(ctx)
	}
	if r.cache != nil {
		err = firstError(err, r.cache.Close(ctx))
	}
	if r.blobs != nil {
		r.blobs.close()
	}
	return err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func errClosed() error { return fault.New(fault.Draining, "the workflow runtime is closed") }

// turn waits for the right to run guest code; the caller gives it back with done.
func (r *Runtime) turn(ctx context.Context) (done func(), err error) {
	select {
	case r.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "the workflow code was stopped before it ran")
	case <-r.ctx.Done():
		return nil, errClosed()
	}
	if r.ctx.Err() != nil {
		<-r.turns
		return nil, errClosed()
	}
	return r.endTurn, nil
}

func (r *Runtime) endTurn() { <-r.turns }

// add counts an instance as live, before it has its memory. Errors: Draining, Overloaded.
func (r *Runtime) add(i *Instance) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed()
	}
	if int64(len(r.live)) >= r.spaces {
		return fault.New(fault.Overloaded, "%d instances of workflow code are live, as many as the kernel has mappings for", len(r.live)).
			Hinted("raise vm.max_map_count, or lower runtime.cache_bytes so that more of them hibernate")
	}
	r.live[i] = struct{}{}
	return nil
}

func (r *Runtime) remove(i *Instance) {
	r.mu.Lock()
	delete(r.live, i)
	r.mu.Unlock()
}
