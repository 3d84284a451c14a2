package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Options say what to measure.
type Options struct {
	Runtime     string // native or wasm
	Store       string // a store.backend
	Count       int    // how many runs; 0 = the workload's own number
	Concurrency int    // how many callers; 0 = the workload's own number
	Dir         string // where the files are kept while it runs, so which disk is measured; "" = the system's place for temporary files
	Executable  string // the binary of which servers and workers are started
	Version     string // of the SDK, for building the package; "" = only from this repository
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
		r, err := measureLog(b.dir, floorTime)
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

func orElse(n, otherwise int) int {
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

// waitLimit is how long a caller waits for a run that takes milliseconds.
const waitLimit = time.Minute

func number(n int) model.Payload {
	return model.Payload{ContentType: model.ContentTypeJSON, Data: fmt.Append(nil, n)}
}

func (b *bench) startAndWait(ctx context.Context, s *system, name string, count, concurrency int) (Result, error) {
	one := func(c *connect.Remote, i int) error {
		res, err := c.Start(ctx, ports.StartRequest{Type: "BenchOne", Input: number(i), Wait: waitLimit})
		if err != nil {
			return err
		}
		return completed(res.Outcome)
	}
	b.Say("%s: %d runs, %d at a time", name, count, concurrency)
	if _, _, err := s.drive(max(count/20, concurrency), concurrency, one); err != nil { // warm up
		return Result{}, err
	}
	before, err := s.usage(ctx)
	if err != nil {
		return Result{}, err
	}
	all, wall, err := s.drive(count, concurrency, one)
	if err != nil {
		return Result{}, err
	}
	after, err := s.usage(ctx)
	if err != nil {
		return Result{}, err
	}
	r := b.result(name, concurrency)
	r.times(all, wall)
	r.ServerCPU, r.ServerRSS = after.cpu-before.cpu, after.rss
	return r, nil
}

func completed(o *ports.Outcome) error {
	if o == nil || o.Status != model.StatusCompleted {
		return fault.Internalf("a run did not complete: %+v", o)
	}
	return nil
}

// wakeSample is how many parked runs are woken one after another.
const wakeSample = 1000

// parked is many runs that wait for a signal: what they cost, and how long it takes to wake one.
func (b *bench) parked(ctx context.Context, s *system, report func(Result)) error {
	count, concurrency := orElse(b.Count, 10_000), orElse(b.Concurrency, 64)
	b.Say("parked: starting %d runs", count)
	before, err := s.usage(ctx)
	if err != nil {
		return err
	}
	id := func(i int) model.WorkflowID { return model.WorkflowID(fmt.Sprintf("parked-%d", i)) }
	all, wall, err := s.drive(count, concurrency, func(c *connect.Remote, i int) error {
		_, err := c.Start(ctx, ports.StartRequest{Type: "BenchPark", WorkflowID: id(i), Input: number(i)})
		return err
	})
	if err != nil {
		return err
	}
	after, err := s.usage(ctx)
	if err != nil {
		return err
	}
	r := b.result("parked start", concurrency)
	r.times(all, wall)
	r.ServerCPU, r.ServerRSS = after.cpu-before.cpu, after.rss
	r.against(b.floor.share(), 1000/r.Rate)
	report(r)

	sample := min(count, wakeSample)
	b.Say("parked: waking %d of them", sample)
	all, wall, err = s.drive(sample, 1, func(c *connect.Remote, i int) error {
		ref := ports.WorkflowRef{WorkflowID: id(i * (count / sample))}
		if _, err := c.Signal(ctx, ports.SignalRequest{Ref: ref, Name: "wake", Input: number(i)}); err != nil {
			return err
		}
		o, err := c.Result(ctx, ports.ResultRequest{Ref: ref, Wait: waitLimit})
		if err != nil {
			return err
		}
		return completed(&o)
	})
	if err != nil {
		return err
	}
	last, err := s.usage(ctx)
	if err != nil {
		return err
	}
	r = b.result("parked wake", 1)
	r.times(all, wall)
	r.ServerCPU, r.ServerRSS = last.cpu-after.cpu, last.rss
	r.against(b.floor.signal(), r.P50)
	report(r)
	return nil
}

// drive calls f count times, concurrency at a time, and gives how long each call took.
func (s *system) drive(count, concurrency int, f func(c *connect.Remote, i int) error) ([]time.Duration, time.Duration, error) {
	all := make([]time.Duration, count)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	began := time.Now()
	for caller := range min(concurrency, count) {
		c := s.clients[caller%len(s.clients)]
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				at := time.Now()
				if err := f(c, i); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				all[i] = time.Since(at)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, 0, *err
	}
	return all, time.Since(began), nil
}
