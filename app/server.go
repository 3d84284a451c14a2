package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/telemetry/prometheus"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/access"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/namespace"
	"github.com/aionrun/aion/ports"
)

// Server is a whole server: store, engine and listeners. Make it with New, then Start it, and in the end Drain and Close it; these are
// called one after another. Ready and the addresses may be asked at any time.
type Server struct {
	cfg     config.Config
	opt     Options
	log     *slog.Logger
	metrics *prometheus.Metrics

	auth    located
	audit   *access.Recorder // nil = nothing is audited
	life    lifecycle
	store   ports.Store
	runtime runtimes
	undo    func() error // of what the runtimes used
	engine  *aion.Engine
	admin   *web
	public  *web

	sockets    context.Context // ends the event sockets
	endSockets context.CancelFunc

	ready atomic.Bool
	fatal sync.Once
}

// New makes a server; nothing is opened before Start. The configuration is taken as valid (config.Load). Errors: InvalidInput for what this
// build cannot do.
func New(cfg config.Config, o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = system.Clock{}
	}
	if o.IDs == nil {
		o.IDs = random.IDs{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Telemetry.Traces {
		return nil, config.Fault("telemetry.traces", "traces are not available in this build: set it to false")
	}
	s := &Server{cfg: cfg, opt: o, log: o.Logger, admin: &web{}, public: &web{}}
	if cfg.Telemetry.Metrics {
		s.metrics = prometheus.New()
	}
	// What may fail for a reason outside comes first, so that a taken port leaves no trace in the store.
	s.life.parts = []part{
		{"admin port", s.startAdmin, s.stopAdmin},
		{"public port", s.listenPublic, s.public.close},
		{"authentication", s.openAuth, s.closeAuth},
		{"store", s.openStore, s.closeStore},
		{"runtime", s.openRuntime, s.closeRuntime},
		{"engine", s.openEngine, s.closeEngine},
		{"packages", s.loadPackages, nil},
		{"audit", s.openAudit, s.closeAudit},
		{"requests", s.servePublic, s.stopServing},
	}
	return s, nil
}

// Start opens everything and begins to serve; it is ready when Start returns nil. Its errors say what to change; nothing stays open then.
func (s *Server) Start(ctx context.Context) error { return s.life.start(ctx) }

// Ready says whether the server serves: not while it starts, drains or is closed.
func (s *Server) Ready() bool { return s.ready.Load() }

// Drain refuses new work and waits until no step is under way, or ctx ends. What is open stays as it is, durable. Call Close afterwards.
func (s *Server) Drain(ctx context.Context) error {
	s.ready.Store(false)
	if s.engine == nil {
		return nil
	}
	return s.engine.Drain(ctx)
}

// Close ends every call and stream, then closes the parts in reverse order. It is safe at any moment: what was acknowledged is durable.
func (s *Server) Close() error {
	s.ready.Store(false)
	return s.life.stop()
}

// Address is where the public port listens, host:port; empty before Start.
func (s *Server) Address() string { return s.public.address() }

// AdminAddress is where the private port listens, host:port; empty before Start.
func (s *Server) AdminAddress() string { return s.admin.address() }

// Service is what the transports call, for use in this process; nil before Start.
func (s *Server) Service() ports.Service {
	if s.engine == nil {
		return nil
	}
	return s.engine
}

// StoreInfo tells where the data is; zero before Start.
func (s *Server) StoreInfo() ports.StoreInfo {
	if s.store == nil {
		return ports.StoreInfo{}
	}
	return s.store.Info()
}

func (s *Server) openAuth(ctx context.Context) (err error) {
	auth := s.opt.Auth
	if auth == nil {
		if auth, err = openAuth(ctx, s.cfg.Auth, s.opt.Clock, s.log); err != nil {
			return err
		}
	}
	s.auth = located{auth}
	return nil
}

func (s *Server) closeAuth() error {
	if s.opt.Auth != nil {
		return nil // the caller's
	}
	return s.auth.Close()
}

func (s *Server) openAudit(context.Context) error {
	if s.cfg.Audited() {
		o := access.RecorderOptions{Store: s.store, Log: s.log, Clock: s.opt.Clock, Keep: s.cfg.Audit.Retention, Rows: int64(s.cfg.Audit.MaxRecords)}
		if s.metrics != nil {
			o.Dropped = s.metrics.AuditDropped
		}
		s.audit = access.NewRecorder(o)
	}
	return nil
}

func (s *Server) closeAudit() error {
	if s.audit != nil {
		s.audit.Close()
	}
	return nil
}

// died reports what ends the server, once.
func (s *Server) died(err error) {
	s.fatal.Do(func() {
		s.ready.Store(false)
		s.log.Error("the server cannot go on", "error", err)
		if s.opt.Fatal != nil {
			s.opt.Fatal(err)
		}
	})
}

func (s *Server) openStore(ctx context.Context) error {
	store := s.opt.Store
	if store == nil {
		var err error
		if store, err = OpenStore(ctx, s.cfg.Store, s.log, s.died); err != nil {
			return err
		}
	}
	s.store = store
	if s.metrics != nil {
		s.store = s.metrics.Store(store)
	}
	return nil
}

func (s *Server) closeStore() error { return s.store.Close() }

func (s *Server) openRuntime(context.Context) (err error) {
	s.runtime, s.undo, err = openRuntimes(s.cfg.Runtime, s.opt, s.store.Info(), s.log)
	return err
}

func (s *Server) closeRuntime() error {
	return errors.Join(s.runtime.Close(context.Background()), s.undo())
}

func (s *Server) openEngine(ctx context.Context) error {
	c := s.cfg
	o := aion.Options{
		Store: s.store, Runtime: s.runtime, Clock: s.opt.Clock, IDs: s.opt.IDs, Logger: s.log, Fatal: s.died,
		Limits: aion.Limits{
			PayloadBytes: int(c.Limits.PayloadBytes), PendingActivities: c.Limits.PendingActivities,
			StepFuel: c.Runtime.StepFuel, MemoryBytes: c.Runtime.MemoryBytes,
		},
		QueryTimeout: c.Engine.QueryTimeout, HeartbeatWindow: c.Worker.HeartbeatWindow, ReattachWindow: c.Worker.ReattachWindow,
		CacheBytes: c.Runtime.CacheBytes, ResidentBytes: c.Engine.ResidentBytes,
		Namespaces: namespace.Options{
			Default: model.Namespace(c.Namespaces.Default), Single: c.Namespaces.Mode == config.NamespacesSingle,
			AutoCreate: c.Namespaces.AutoCreate, Retention: c.Retention.Default,
		},
		Packages: engine.PackageOptions{
			MaxArchive: c.Deploy.MaxArchiveBytes, MaxInflated: c.Deploy.MaxInflatedBytes, Native: s.runtime.native != nil,
		},
	}
	if s.metrics != nil {
		o.Telemetry = s.metrics
	}
	e, err := aion.New(o)
	if err != nil {
		return err
	}
	if err := e.Open(ctx); err != nil {
		e.Close()
		return err
	}
	s.engine = e
	if s.metrics != nil {
		s.metrics.Watch(prometheus.Sources{
			Store: s.store, Runtime: s.runtime, Operator: e,
			Version: s.opt.Version, Anonymous: s.cfg.Auth.AllowAnonymousNonLoopback,
		})
	}
	return nil
}

func (s *Server) closeEngine() error {
	s.engine.Close()
	return nil
}

// web is one listener and what serves on it.
type web struct {
	mu       sync.Mutex
	listener net.Listener
	server   *http.Server
}

func (w *web) listen(ctx context.Context, key, address string) error {
	l, err := listen(ctx, key, address)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.listener = l
	w.mu.Unlock()
	return nil
}

func (w *web) address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener == nil {
		return ""
	}
	return w.listener.Addr().String()
}

// serve answers requests until close; failed hears when that ends for another reason.
func (w *web) serve(h *http.Server, key string, failed func(error)) {
	w.server = h
	go func() {
		serve := h.Serve
		if h.TLSConfig != nil {
			serve = func(l net.Listener) error { return h.ServeTLS(l, "", "") }
		}
		if err := serve(w.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			failed(fault.Wrap(fault.Unavailable, err, "the port of %s broke", key))
		}
	}()
}

// close stops listening. Requests under way get a moment to end; those that do not are cut off.
func (w *web) close() error {
	err := w.listener.Close()
	if w.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err = w.server.Shutdown(ctx); err != nil {
			err = w.server.Close()
		}
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
