package cli

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/app/dev"
	"github.com/aionrun/aion/domain/fault"
)

func (s *shell) devCommand() *cobra.Command {
	var o settings
	var listen string
	var ephemeral, reset bool
	cmd := &cobra.Command{
		Use: "dev [DIR]", Short: "Develop: a server that builds, deploys and runs the code of a folder, and again at every change", Args: cobra.MaximumNArgs(1),
		Long: `Run a server for the folder's workflow package and its worker (./worker). At every change both are built again, new runs use the new code,
and the worker is restarted; code that does not build leaves what runs alone. The data is kept in DIR/.aion: stopping it, in whatever way, loses nothing.
A folder without Go code gets only a server.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return s.develop(cmd.Context(), &o, dir, listen, ephemeral, reset)
		},
	}
	o.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&listen, "address", "", "where to listen, host:port (server.address)")
	f.BoolVar(&ephemeral, "ephemeral", false, "keep nothing: a store in memory")
	f.BoolVar(&reset, "reset", false, "begin with an empty store")
	cmd.MarkFlagsMutuallyExclusive("ephemeral", "reset")
	return cmd
}

func (s *shell) develop(ctx context.Context, o *settings, dir, listen string, ephemeral, reset bool) (err error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.NotFoundf("%s is no folder", dir).Hinted("name the folder of your workflow package; aion new NAME makes one")
	}
	state, undo, err := devState(dir, ephemeral)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, undo()) }()
	cfg, err := s.devConfig(o, state, listen, ephemeral)
	if err != nil {
		return err
	}
	if reset {
		if err := resetStore(ctx, cfg.Store, state); err != nil {
			return err
		}
	}
	parts := s.Server
	parts.Version, parts.Logger, parts.Fatal = Version(), app.NewLogger(cfg.Log, s.Err), s.die
	server, err := app.New(cfg, parts)
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return portTaken(err)
	}
	err = dev.Run(ctx, dev.Options{Dir: dir, State: state, Server: server, Version: Version(), Kept: server.StoreInfo().Durable, Env: s.goEnv(), Out: s.Out, Err: s.Err})
	return errors.Join(err, s.shutDown(server, cfg, parts))
}

// devState is the folder for what the server keeps. undo removes one that is not to be kept.
func devState(dir string, ephemeral bool) (state string, undo func() error, err error) {
	if ephemeral {
		state, err = os.MkdirTemp("", "aion-dev-")
		return state, func() error { return os.RemoveAll(state) }, err
	}
	state, err = dev.StateFolder(dir)
	return state, func() error { return nil }, err
}

// devConfig is the configuration with a developer's defaults where nobody said anything.
func (s *shell) devConfig(o *settings, state, listen string, ephemeral bool) (config.Config, error) {
	more := map[string]string{}
	if listen != "" {
		more["server.address"] = listen
	}
	in, err := o.input(s.Env, more)
	if err != nil {
		return config.Config{}, err
	}
	e, err := config.Read(in)
	if err != nil {
		return config.Config{}, err
	}
	defaults := map[string]string{"store.url": "file:" + dev.Database(state), "log.level": "warn", "log.format": "text"}
	if listen != "" {
		defaults["server.admin_address"] = "127.0.0.1:0" // a second server beside another
	}
	for _, entry := range e.Entries {
		if v, ok := defaults[entry.Key]; ok && entry.Source == "default" {
			more[entry.Key] = v
		}
	}
	if ephemeral {
		more["store.backend"] = config.BackendMemory
	}
	e, err = o.load(s.Env, more)
	return e.Config, err
}

// resetStore clears the store of a folder, unless a server has it open.
func resetStore(ctx context.Context, c config.Store, state string) error {
	if _, _, err := app.Migrate(ctx, c); err != nil && strings.Contains(err.Error(), "is open in another server") {
		return err
	}
	return dev.Reset(state)
}

// portTaken adds the flag to an error about the port.
func portTaken(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && strings.HasPrefix(f.Message, "server.a") && strings.Contains(f.Message, " is in use by ") {
		f.Hint = "stop it, or listen elsewhere: aion dev --address 127.0.0.1:7480"
	}
	return err
}
