package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/bench"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/ports"
)

func (s *shell) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server on this machine, against what the machine alone can do", Args: cobra.NoArgs, RunE: help,
	}
	about := map[string]string{
		"floor":      "What the machine alone takes: an fsync, a call, the store's group commit, a bare log",
		"latency":    "One caller starts a run with one activity and waits for it, again and again",
		"throughput": "The same with 64 and then 256 callers",
		"parked":     "Many runs that wait for a signal: their memory, and how long it takes to wake one",
	}
	for _, name := range bench.Workloads() {
		cmd.AddCommand(s.benchWorkload(name, about[name]))
	}
	cmd.AddCommand(&cobra.Command{
		Use: "worker", Short: "Serve the benchmarks' activity", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return bench.Worker(cmd.Context(), s.Err) },
	})
	return cmd
}

func (s *shell) benchWorkload(name, about string) *cobra.Command {
	o := bench.Options{Say: s.say, Env: s.Env, Open: openBenchStore}
	cmd := &cobra.Command{
		Use: name, Short: about, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Runtime != "native" && o.Runtime != "wasm" && name != "floor" {
				return usageError{fmt.Errorf("--runtime %q: must be native or wasm", o.Runtime)}
			}
			if o.Count < 0 || o.Concurrency < 0 || o.Limit < 0 {
				return usageError{fmt.Errorf("--count, --concurrency and --limit must not be negative")}
			}
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			o.Executable = exe
			if v := Version(); strings.HasPrefix(v, "v") {
				o.Version = v
			}
			var failed error
			first := true
			err = bench.Run(cmd.Context(), name, o, func(r bench.Result) {
				if e := s.measured(r, first); failed == nil {
					failed = e
				}
				first = false
			})
			if err != nil {
				return err
			}
			return failed
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Store, "store", config.Default().Store.Backend, "store.backend of the server")
	f.StringVar(&o.Dir, "dir", "", "where the files are kept meanwhile, so which disk is measured (default: the system's place for temporary files)")
	if name == "floor" {
		return cmd
	}
	f.StringVar(&o.Runtime, "runtime", "native", "native: workflows compiled into the server; wasm: a deployed package")
	f.IntVar(&o.Count, "count", 0, "how many runs; 0 = the workload's own number")
	f.DurationVar(&o.Limit, "limit", 0, "how long one measurement may take, e.g. 20s; what is done by then counts (default 1m)")
	f.StringVar(&o.Profile, "profile", "", "folder for CPU profiles of server, worker and client")
	f.IntVar(&o.Concurrency, "concurrency", 0, "how many callers; 0 = the workload's own number")
	return cmd
}

func openBenchStore(ctx context.Context, backend, file string) (ports.Store, error) {
	return app.OpenStore(ctx, config.Store{Backend: backend, URL: "file:" + file}, slog.New(slog.DiscardHandler), nil)
}

// measured prints one result.
func (s *shell) measured(r bench.Result, first bool) error {
	if s.asJSON() {
		return s.value(r)
	}
	if first {
		fmt.Fprintf(s.Out, "%-13s %-7s %-7s %8s %7s %10s %9s %9s %9s %9s %7s %9s %9s %6s\n",
			"NAME", "RUNTIME", "STORE", "COUNT", "CALLERS", "PER SECOND", "P50 MS", "P95 MS", "P99 MS", "MAX MS", "CPU S", "RSS", "FLOOR MS", "RATIO")
	}
	_, err := fmt.Fprintf(s.Out, "%-13s %-7s %-7s %8d %7d %10.0f %9.3f %9.3f %9.3f %9.3f %7.2f %9s %9.3f %6.2f\n",
		r.Name, dash(r.Runtime), dash(r.Store), r.Count, r.Concurrency, r.Rate, r.P50, r.P95, r.P99, r.Max, r.ServerCPU, bytesText(r.ServerRSS), r.FloorMS, r.Ratio)
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
