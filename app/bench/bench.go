package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aionrun/aion/app/bench/workload"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/client"
)

// Options say what to measure.
type Options struct {
	Runtime     string        // native or wasm
	Store       string        // a store.backend
	Count       int           // how many runs; 0 = the workload's own number
	Concurrency int           // how many callers; 0 = the workload's own number
	Limit       time.Duration // how long one measurement may take: what is done by then counts; 0 = a minute
	Profile     string        // a folder for CPU profiles of all three processes; "" = none are made
	Dir         string        // where the files are kept while it runs, so which disk is measured; "" = the system's place for temporary files
	Executable  string        // the binary of which servers and workers are started
	Version     string        // of the SDK, for building the package; "" = only from this repository
	Env         []string
	// Open opens a store of a backend in a file, for the floor.
	Open func(ctx context.Context, backend, file string) (ports.Store, error)
	// Say tells people how far it is.
	Say func(format string, a ...any)
}

// Workloads lists what Run measures, beside the floor.
func Workloads() []string { return []string{"floor", "latency", "throughput", "parked"} }

// bench is one measurement under way.
type bench struct {
	Options
	store string
	dir   string
	open  func(ctx context.Context, backend, file string) (ports.Store, error)
	floor floor
}

// Run measures the floor, then a workload, and reports each result as soon as it is there. For "floor" only that is reported.
func Run(ctx context.Context, workload string, o Options, report func(Result)) (err error) {
	b := &bench{Options: o, store: o.Store, open: o.Open}
	if b.dir, err = os.MkdirTemp(o.Dir, "aion-bench-"); err != nil {
		return fault.Wrap(fault.Unavailable, err, "there is no room for the benchmark's files").Hinted("name a folder with --dir")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.Say("measuring the floor in %s", b.dir)
	if workload == "floor" {
		if _, err = b.measureFloor(ctx, report); err != nil {
			return err
		}
		r, err := measureLog(b.dir, b.floorTime())
		if err == nil {
			report(r)
		}
		return err
	}
	if b.floor, err = b.measureFloor(ctx, func(Result) {}); err != nil {
		return err
	}
	s, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	switch workload {
	case "latency":
		return b.latency(ctx, s, report)
	case "throughput":
		return b.throughput(ctx, s, report)
	case "parked":
		return b.parked(ctx, s, report)
	}
	return fault.Invalidf("there is no workload %q", workload)
}

func durability(store string) string {
	if store == "memory" {
		return "none"
	}
	return "fsync"
}

func (b *bench) result(name string, concurrency int) Result {
	return Result{Name: name, Runtime: b.Runtime, Store: b.store, Durability: durability(b.store), Concurrency: concurrency}
}

func orElse[T int | time.Duration](n, otherwise T) T {
	if n > 0 {
		return n
	}
	return otherwise
}

// latency is one caller that starts a run with one activity and waits for its result, again and again.
func (b *bench) latency(ctx context.Context, s *system, report func(Result)) error {
	concurrency := orElse(b.Concurrency, 1)
	r, err := b.startAndWait(ctx, s, "latency", orElse(b.Count, 1000), concurrency)
	if err != nil {
		return err
	}
	r.against(b.floor.run(), r.P50)
	report(r)
	return nil
}

// throughput is the same with many callers. Its floor is what the store alone needs for a run.
func (b *bench) throughput(ctx context.Context, s *system, report func(Result)) error {
	callers := []int{64, 256}
	if b.Concurrency > 0 {
		callers = []int{b.Concurrency}
	}
	for _, n := range callers {
		r, err := b.startAndWait(ctx, s, "throughput", orElse(b.Count, 20_000), n)
		if err != nil {
			return err
		}
		r.against(b.floor.share(), 1000/r.Rate)
		report(r)
	}
	return nil
}

// defaultLimit is how long a measurement may take.
const defaultLimit = time.Minute

// warmup is how many runs are made before those that count, at most for so long.
const (
	warmup      = 1000
	warmupLimit = 5 * time.Second
)

func (b *bench) startAndWait(ctx context.Context, s *system, name string, count, concurrency int) (Result, error) {
	one := func(c *client.Client, i int) error {
		n, err := client.Execute(ctx, c, workload.One, i, client.StartOptions{})
		if err == nil && n != i {
			err = fault.Internalf("the run that should give %d gave %d", i, n)
		}
		return err
	}
	b.Say("%s: %d runs, %d at a time", name, count, concurrency)
	if _, _, err := s.drive(min(count, warmup), concurrency, warmupLimit, one); err != nil {
		return Result{}, err
	}
	r := b.result(name, concurrency)
	return r, b.measure(ctx, s, &r, fmt.Sprintf("%s-%d", name, concurrency), count, one)
}

// measure drives the system and says in r what that took.
func (b *bench) measure(ctx context.Context, s *system, r *Result, label string, count int, f func(c *client.Client, i int) error) error {
	before, err := s.usage()
	if err != nil {
		return err
	}
	var all []time.Duration
	var wall time.Duration
	err = b.profiled(ctx, s, label, func() (err error) {
		all, wall, err = s.drive(count, r.Concurrency, orElse(b.Limit, defaultLimit), f)
		return err
	})
	if err != nil {
		return err
	}
	after, err := s.usage()
	if err != nil {
		return err
	}
	r.times(all, wall)
	r.costs(before, after)
	if r.Count < count {
		b.Say("%s: %d of %d in %v, which is as long as it may take", label, r.Count, count, wall.Round(time.Millisecond))
	}
	return nil
}

// wakeSample is how many parked runs are woken one after another.
const wakeSample = 1000

// parked is many runs that wait for a signal: what they cost, and how long it takes to wake one.
func (b *bench) parked(ctx context.Context, s *system, report func(Result)) error {
	count := orElse(b.Count, 10_000)
	b.Say("parked: starting %d runs", count)
	id := func(i int) string { return fmt.Sprintf("parked-%d", i) }
	r := b.result("parked start", orElse(b.Concurrency, 64))
	err := b.measure(ctx, s, &r, "parked-start", count, func(c *client.Client, i int) error {
		_, err := client.Start(ctx, c, workload.Park, i, client.StartOptions{ID: id(i)})
		return err
	})
	if err != nil {
		return err
	}
	r.against(b.floor.share(), 1000/r.Rate)
	report(r)

	count = r.Count
	sample := min(count, wakeSample)
	b.Say("parked: waking %d of them", sample)
	r = b.result("parked wake", 1)
	err = b.measure(ctx, s, &r, "parked-wake", sample, func(c *client.Client, i int) error {
		ref := client.ID(id(i * (count / sample)))
		if err := client.Signal(ctx, c, ref, workload.Wake, i); err != nil {
			return err
		}
		n, err := client.Get(c, workload.Park, ref).Result(ctx)
		if err == nil && n != i {
			err = fault.Internalf("the run that was sent %d gave %d", i, n)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.against(b.floor.signal(), r.P50)
	report(r)
	return nil
}
