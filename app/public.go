package app

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/adapters/transport/rest"
	"github.com/aionrun/aion/adapters/transport/websocket"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/access"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *Server) listenPublic(ctx context.Context) error {
	return s.public.listen(ctx, "server.address", s.cfg.Server.Address)
}

// servePublic answers on the public port: everything before it has started.
func (s *Server) servePublic(context.Context) error {
	h, err := s.publicHandler()
	if err != nil {
		return err
	}
	server := connect.Server(h)
	if server.TLSConfig, err = serverTLS(s.cfg.Server.TLS); err != nil {
		return err
	}
	server.ErrorLog = quietLog(s.log)
	s.public.serve(server, "server.address", s.died)
	s.ready.Store(true)
	if s.cfg.Auth.AllowAnonymousNonLoopback {
		s.log.Warn("auth.allow_anonymous_non_loopback is set: everybody who reaches the port may do everything", "address", s.Address())
	}
	if s.cfg.Auth.Mode != config.AuthDev && s.cfg.Server.TLS.CertFile == "" && s.cfg.Exposed() {
		s.log.Warn("server.tls is not set: tokens travel in the clear, unless something in front of this port ends TLS", "address", s.Address())
	}
	return nil
}

// stopServing ends every call and stream in order: the engine answers those that wait, so that the port can be closed.
func (s *Server) stopServing() error {
	s.ready.Store(false)
	s.engine.Close()
	s.endSockets()
	return s.public.close()
}

// publicHandler puts every surface on one port.
func (s *Server) publicHandler() (http.Handler, error) {
	var service ports.Service = s.engine
	if !s.cfg.Deploy.Enabled {
		service = undeployable{service}
	}
	guard, auth := access.Options{Default: model.Namespace(s.cfg.Namespaces.Default)}, ports.Authenticator(s.auth)
	if s.audit != nil {
		guard.Audit, auth = s.audit, access.Audited(auth, s.audit)
	}
	service = access.New(service, guard)
	s.sockets, s.endSockets = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	calls := connect.Handler(connect.Options{
		Service: service, Auth: auth, Ready: s.Ready, Version: s.opt.Version, Log: s.log, Clock: s.opt.Clock,
		PageSize: s.cfg.Limits.PageSize, MaxRequestBytes: s.cfg.Server.MaxRequestBytes, MaxArchiveBytes: s.cfg.Deploy.MaxArchiveBytes,
	})
	mux.Handle(rest.Prefix, rest.Handler(rest.Options{
		Service: service, Auth: auth, Log: s.log, Origins: s.cfg.Server.CORSOrigins, MaxRequestBytes: s.cfg.Server.MaxRequestBytes,
	}))
	mux.Handle(websocket.Path, websocket.Handler(websocket.Options{
		Base: s.sockets, Service: service, Auth: auth, Clock: s.opt.Clock, Log: s.log, Origins: s.cfg.Server.CORSOrigins, Marshal: jsonform.Marshal, Buffer: s.cfg.Events.Buffer,
	}))
	mux.Handle("/", calls) // also says what it does not know
	return crossOrigin(s.cfg.Server.CORSOrigins, mux), nil
}

// undeployable is the service with deploy.enabled = false. runtime.packages are deployed past it.
type undeployable struct{ ports.Service }

// Deploy refuses.
func (undeployable) Deploy(context.Context, ports.DeployRequest) (ports.DeployResult, error) {
	return ports.DeployResult{}, switchedOff()
}

// Verify takes no archives: loading one costs as much as deploying it.
func (u undeployable) Verify(ctx context.Context, r ports.VerifyRequest) (ports.Verification, error) {
	if r.Archive != nil {
		return ports.Verification{}, switchedOff()
	}
	return u.Service.Verify(ctx, r)
}

func switchedOff() error {
	return fault.New(fault.PermissionDenied, "deploying is switched off on this server").Hinted("set deploy.enabled = true, or list the archive in runtime.packages")
}

// crossOrigin lets pages of the given web origins call h; "*" means any. Without origins it is h itself.
func crossOrigin(origins []string, h http.Handler) http.Handler {
	if len(origins) == 0 {
		return h
	}
	anyOrigin := slices.Contains(origins, "*")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		w.Header().Add("Vary", "Origin")
		if origin == "" || !anyOrigin && !slices.Contains(origins, origin) {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "Aion-Outcome, Aion-Workflow-Id, Aion-Run-Id, Aion-As-Of-Seq, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
		if asked := r.Header.Get("Access-Control-Request-Headers"); r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Methods", strings.Join([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}, ", "))
			w.Header().Set("Access-Control-Allow-Headers", asked)
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.ServeHTTP(w, r)
	})
}
