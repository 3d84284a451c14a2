package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

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
	cmd.AddCommand(s.benchSuite())
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
			if err := checkBench(&o); err != nil {
				return err
			}
			if err := checkRuntimes(o.Runtime); name != "floor" && err != nil {
				return err
			}
			var p resultPrinter
			return errors.Join(bench.Run(cmd.Context(), name, o, p.to(s)), p.failed)
		},
	}
	benchPlace(cmd, &o)
	if name == "floor" {
		return cmd
	}
	benchSize(cmd, &o)
	f := cmd.Flags()
	f.StringVar(&o.Runtime, "runtime", "native", "native: workflows compiled into the server; wasm: a deployed package")
	f.StringVar(&o.Profile, "profile", "", "folder for CPU profiles of server, worker and client")
	f.IntVar(&o.Concurrency, "concurrency", 0, "how many callers; 0 = the workload's own number")
	return cmd
}

func (s *shell) benchSuite() *cobra.Command {
	o := bench.SuiteOptions{Options: bench.Options{Say: s.say, Env: s.Env, Open: openBenchStore}}
	var file string
	cmd := &cobra.Command{
		Use: "suite", Short: "Everything, several times: the middle results go into a file, with the machine and a plot", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkBench(&o.Options); err != nil {
				return err
			}
			if err := checkRuntimes(o.Runtimes...); err != nil {
				return err
			}
			if o.Repeat < 1 || o.Within < 0 {
				return usageError{fmt.Errorf("--repeat must be at least 1, and --within not negative")}
			}
			var p resultPrinter
			report, err := bench.Suite(cmd.Context(), o, time.Now, p.to(s))
			if err != nil || p.failed != nil {
				return errors.Join(err, p.failed)
			}
			if err := report.Write(file); err != nil {
				return err
			}
			s.say("the middle results of %s are in %s", plural(report.Repeat, "repetition"), file)
			return nil
		},
	}
	benchPlace(cmd, &o.Options)
	benchSize(cmd, &o.Options)
	f := cmd.Flags()
	f.StringSliceVar(&o.Runtimes, "runtime", []string{"native", "wasm"}, "which runtimes")
	f.IntVar(&o.Repeat, "repeat", 3, "how often everything is measured")
	f.DurationVar(&o.Within, "within", 5*time.Minute, "how long it may take: a repetition that would take longer is not begun; 0 = no limit")
	f.StringVar(&file, "file", "bench.json", "where the report is written")
	return cmd
}

// benchPlace are the flags that say where to measure.
func benchPlace(cmd *cobra.Command, o *bench.Options) {
	f := cmd.Flags()
	f.StringVar(&o.Store, "store", config.Default().Store.Backend, "store.backend of the server")
	f.StringVar(&o.Dir, "dir", "", "where the files are kept meanwhile, so which disk is measured (default: the system's place for temporary files)")
}

// benchSize are the flags that say how much to measure.
func benchSize(cmd *cobra.Command, o *bench.Options) {
	f := cmd.Flags()
	f.IntVar(&o.Count, "count", 0, "how many runs; 0 = the workload's own number")
	f.DurationVar(&o.Limit, "limit", 0, "how long one measurement may take, e.g. 20s; what is done by then counts (default 1m)")
}

// checkBench checks what the flags say and adds what they do not.
func checkBench(o *bench.Options) (err error) {
	if o.Count < 0 || o.Concurrency < 0 || o.Limit < 0 {
		return usageError{fmt.Errorf("--count, --concurrency and --limit must not be negative")}
	}
	if v := Version(); strings.HasPrefix(v, "v") {
		o.Version = v
	}
	o.Executable, err = os.Executable()
	return err
}

func checkRuntimes(names ...string) error {
	for _, name := range names {
		if !slices.Contains([]string{"native", "wasm"}, name) {
			return usageError{fmt.Errorf("--runtime %q: must be native or wasm", name)}
		}
	}
	return nil
}

// resultPrinter prints results as they come.
type resultPrinter struct {
	some   bool
	failed error
}

func (p *resultPrinter) to(s *shell) func(bench.Result) {
	return func(r bench.Result) {
		if err := s.measured(r, !p.some); p.failed == nil {
			p.failed = err
		}
		p.some = true
	}
}

func openBenchStore(ctx context.Context, backend, file string) (ports.Store, error) {
	return app.OpenStore(ctx, config.Store{Backend: backend, URL: "file:" + file}, slog.New(slog.DiscardHandler), nil)
}

// measured prints one result: the CPU time is that of server, worker and clients for one run, the share of others that of the whole machine.
func (s *shell) measured(r bench.Result, first bool) error {
	if s.asJSON() {
		return s.value(r)
	}
	if first {
		fmt.Fprintf(s.Out, "%-13s %-7s %-7s %8s %7s %10s %9s %9s %9s %9s %10s %6s %10s %9s %6s\n",
			"NAME", "RUNTIME", "STORE", "COUNT", "CALLERS", "PER SECOND", "P50 MS", "P95 MS", "P99 MS", "MAX MS", "CPU MS/RUN", "OTHERS", "SERVER RSS", "FLOOR MS", "RATIO")
	}
	cpu, others, rss := "-", "-", "-"
	if r.ServerRSS > 0 {
		cpu = fmt.Sprintf("%.3f", 1000*(r.ServerCPU+r.WorkerCPU+r.ClientCPU)/float64(r.Count))
		others = fmt.Sprintf("%.0f%%", 100*r.OthersCPU/r.WallS/float64(runtime.NumCPU()))
		rss = bytesText(r.ServerRSS)
	}
	_, err := fmt.Fprintf(s.Out, "%-13s %-7s %-7s %8d %7d %10.0f %9.3f %9.3f %9.3f %9.3f %10s %6s %10s %9.3f %6.2f\n",
		r.Name, dash(r.Runtime), dash(r.Store), r.Count, r.Concurrency, r.Rate, r.P50, r.P95, r.P99, r.Max, cpu, others, rss, r.FloorMS, r.Ratio)
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
