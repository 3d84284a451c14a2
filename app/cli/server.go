package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/bench/workload"
	"github.com/aionrun/aion/app/config"
)

func (s *shell) serverCommand() *cobra.Command {
	var o settings
	var listen string
	var forBench bool
	cmd := &cobra.Command{
		Use: "server", Short: "Run a server", Args: cobra.NoArgs,
		Long: `Run a server in the foreground. It needs no configuration: by default it listens on 127.0.0.1:7470 and keeps its data in ./aion.db.
SIGTERM or Ctrl-C lets steps under way end and then stops; a second one stops at once. Either way nothing that was acknowledged is lost.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			more := map[string]string{}
			if listen != "" {
				more["server.address"] = listen
			}
			e, err := o.load(s.Env, more)
			if err != nil {
				return err
			}
			parts := s.Server
			if forBench {
				parts.Native = append(parts.Native, workload.Workflows()...)
			}
			return s.serve(cmd.Context(), e.Config, parts)
		},
	}
	o.bind(cmd)
	cmd.Flags().StringVar(&listen, "address", "", "where to listen, host:port (server.address)")
	cmd.Flags().BoolVar(&forBench, "bench-workflows", false, "serve the workflows of aion bench, compiled into the binary")
	// The only error is a flag that does not exist.
	_ = cmd.Flags().MarkHidden("bench-workflows")
	return cmd
}

// serve runs a server until a signal.
func (s *shell) serve(ctx context.Context, cfg config.Config, parts app.Options) error {
	makeRoomForGarbage()
	parts.Version, parts.Logger, parts.Fatal = Version(), app.NewLogger(cfg.Log, s.Err), s.die
	server, err := app.New(cfg, parts)
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	info := server.StoreInfo()
	parts.Logger.Info("serving", "address", server.Address(), "admin_address", server.AdminAddress(), "store", info.Backend, "data", info.Detail,
		"durable", info.Durable, "version", Version(), "pid", os.Getpid())
	<-ctx.Done()
	return s.shutDown(server, cfg, parts)
}

// shutDown drains and closes a server. A second signal ends the process at once.
func (s *shell) shutDown(server *app.Server, cfg config.Config, parts app.Options) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-again:
			s.say("stopped at once; what was acknowledged is in the store")
			os.Exit(exitFailure)
		case <-ended:
		}
	}()
	parts.Logger.Info("draining", "timeout", cfg.Drain.Timeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Drain.Timeout)
	defer cancel()
	if err := server.Drain(ctx); err != nil {
		parts.Logger.Warn("steps were still under way when drain.timeout had passed; they go on after the next start", "error", err)
	}
	err := server.Close()
	parts.Logger.Info("stopped")
	return err
}

// die ends the process: nothing may be acknowledged any more.
func (s *shell) die(err error) {
	message, hint, _ := explain(err)
	s.say("fatal: %s", message)
	if hint != "" {
		s.say("  hint: %s", hint)
	}
	s.say("  the server ends itself so that nothing wrong is acknowledged; start it again, it goes on where it was")
	os.Exit(exitFatal)
}
