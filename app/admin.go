package app

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"
)

// startAdmin serves the private port. It is there first, so that /readyz answers while the rest starts.
func (s *Server) startAdmin(ctx context.Context) error {
	if err := s.admin.listen(ctx, "server.admin_address", s.cfg.Server.AdminAddress); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.Ready() {
			answer(w, http.StatusOK, "ready")
			return
		}
		answer(w, http.StatusServiceUnavailable, "not ready: starting or draining")
	})
	if s.metrics != nil {
		mux.Handle("GET /metrics", s.metrics.Handler())
	}
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, ErrorLog: quietLog(s.log)}
	s.admin.serve(server, "server.admin_address", s.died)
	return nil
}

func (s *Server) stopAdmin() error { return s.admin.close() }

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a caller that is gone misses nothing
}

// quietLog is where net/http reports what its peers did wrong: worth a line for somebody who looks for it.
func quietLog(l *slog.Logger) *log.Logger {
	return log.New(debugLines{l}, "", 0)
}

type debugLines struct{ log *slog.Logger }

func (d debugLines) Write(b []byte) (int, error) {
	d.log.Debug("http: " + strings.TrimSpace(string(b)))
	return len(b), nil
}
