package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// floor is what the machine alone takes.
type floor struct {
	fsync time.Duration // F: an append of 4 KiB with fdatasync, p50
	call  time.Duration // R: an empty unary call over loopback, p50
	rows  float64       // G: rows per second of the store's group commit with 256 callers
}

// run is the least time of a run with one activity: two commits, the start-and-wait call, a task and its result.
func (f floor) run() float64 { return 2*ms(f.fsync) + 2*ms(f.call) }

// signal is the least time from a signal to a completion: one commit, the signal's call and the waiting one.
func (f floor) signal() float64 { return ms(f.fsync) + 2*ms(f.call) }

// rowsPerRun is what a run with one activity writes.
const rowsPerRun = 6

// share is the time that the store alone needs for a run when it has much to do, in milliseconds.
func (f floor) share() float64 {
	if f.rows == 0 {
		return 0
	}
	return 1000 * rowsPerRun / f.rows
}

// measureFloor measures F, R and G, and reports each.
func (b *bench) measureFloor(ctx context.Context, report func(Result)) (floor, error) {
	var f floor
	r, err := measureFsync(b.dir, 500)
	if err != nil {
		return f, err
	}
	if b.store == "memory" {
		f.fsync = 0
	} else {
		f.fsync = time.Duration(r.P50 * float64(time.Millisecond))
	}
	report(r)
	if r, err = measureCalls(ctx, 2000); err != nil {
		return f, err
	}
	f.call = time.Duration(r.P50 * float64(time.Millisecond))
	report(r)
	if r, err = b.measureStore(ctx, b.floorTime()); err != nil {
		return f, err
	}
	f.rows = r.Rate
	report(r)
	return f, nil
}

func measureFsync(dir string, n int) (r Result, err error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 4096)
	all := make([]time.Duration, n)
	began := time.Now()
	for i := range all {
		at := time.Now()
		if _, err := f.Write(block); err != nil {
			return r, err
		}
		if err := dataSync(f); err != nil {
			return r, err
		}
		all[i] = time.Since(at)
	}
	r = Result{Name: "floor fsync", Durability: "fsync", Concurrency: 1}
	r.times(all, time.Since(began))
	r.against(r.P50, r.P50)
	return r, nil
}

// measureCalls times an empty unary call to a server in this process.
func measureCalls(ctx context.Context, n int) (r Result, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	server := connect.Server(connect.Handler(connect.Options{Auth: dev.Auth{}}))
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	c := connect.HTTPClient()
	defer func() {
		c.CloseIdleConnections()
		err = errors.Join(err, server.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}()
	remote := connect.NewRemote(c, "http://"+l.Addr().String())
	all := make([]time.Duration, 0, n)
	var began time.Time
	for i := range n + n/10 {
		if i == n/10 { // warm now
			began = time.Now()
		}
		at := time.Now()
		if _, err := remote.WhoAmI(ctx); err != nil {
			return r, err
		}
		if !began.IsZero() {
			all = append(all, time.Since(at))
		}
	}
	r = Result{Name: "floor call", Concurrency: 1}
	r.times(all, time.Since(began))
	r.against(r.P50, r.P50)
	return r, nil
}

// floorTime is how long store and log are measured, where the limit allows it.
func (b *bench) floorTime() time.Duration {
	return min(700*time.Millisecond, orElse(b.Limit, defaultLimit))
}

// floorCallers is how many callers fill the group commit.
const floorCallers = 256

// measureStore counts the rows that the store writes for many callers, each creating chains of one run.
func (b *bench) measureStore(ctx context.Context, d time.Duration) (r Result, err error) {
	store, err := b.openStore(ctx, filepath.Join(b.dir, "floor.db"))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	before := store.Stats().RowsWritten
	all, wall, err := hammer(d, floorCallers, func(caller, i int) error {
		_, err := store.Append(ctx, floorAppend(caller, i))
		return err
	})
	if err != nil {
		return r, err
	}
	r = Result{Name: "floor store", Store: b.store, Durability: durability(b.store), Concurrency: floorCallers}
	r.times(all, wall)
	r.Rate = float64(store.Stats().RowsWritten-before) / wall.Seconds()
	r.Count = int(store.Stats().RowsWritten - before)
	r.against(r.P50, r.P50)
	return r, nil
}

func floorAppend(caller, i int) *ports.Append {
	run := model.RunID(random.IDs{}.UUIDv7())
	key := model.ChainKey{Namespace: "default", WorkflowID: model.WorkflowID(fmt.Sprintf("%d-%d", caller, i))}
	now := time.Now()
	row := ports.Run{ID: run, Key: key, Type: "Floor", Status: model.StatusRunning, TaskQueue: "default", StartedAt: now, HeadSeq: 1}
	return &ports.Append{
		Key: key, Chain: ports.Chain{Version: 1, CurrentRun: run, HeadSeq: 1}, Runs: []ports.Run{row},
		History: []ports.HistoryRow{{Run: run, First: 1, Last: 1, Bytes: make([]byte, 200)}},
	}
}

func (b *bench) openStore(ctx context.Context, file string) (ports.Store, error) {
	if b.store == "memory" {
		return memory.New(), nil
	}
	return b.open(ctx, b.store, file)
}

// hammer calls f from many goroutines for d, and gives how long each call took.
func hammer(d time.Duration, callers int, f func(caller, i int) error) ([]time.Duration, time.Duration, error) {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	each := make([][]time.Duration, callers)
	began := time.Now()
	end := began.Add(d)
	for caller := range callers {
		wg.Go(func() {
			for i := 0; failed.Load() == nil; i++ {
				at := time.Now()
				if at.After(end) {
					return
				}
				if err := f(caller, i); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				each[caller] = append(each[caller], time.Since(at))
			}
		})
	}
	wg.Wait()
	wall := time.Since(began)
	if err := failed.Load(); err != nil {
		return nil, 0, *err
	}
	var all []time.Duration
	for _, one := range each {
		all = append(all, one...)
	}
	return all, wall, nil
}

// measureLog counts the records (L) that a file takes when whoever comes while it is synced is written together: the physical limit.
func measureLog(dir string, d time.Duration) (r Result, err error) {
	f, err := os.CreateTemp(dir, "log-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	const size, record = 64 << 20, 200
	if _, err := f.Write(make([]byte, size)); err != nil {
		return r, err
	}
	if err := f.Sync(); err != nil {
		return r, err
	}
	queue := make(chan chan error, floorCallers)
	done := make(chan struct{})
	go func() {
		defer close(done)
		at := int64(0)
		for first := range queue {
			batch := []chan error{first}
			for more := true; more; {
				select {
				case next, ok := <-queue:
					if more = ok; ok {
						batch = append(batch, next)
					}
				default:
					more = false
				}
			}
			n := int64(record * len(batch))
			if at+n > size {
				at = 0
			}
			_, err := f.WriteAt(make([]byte, n), at)
			if at += n; err == nil {
				err = dataSync(f)
			}
			for _, waiter := range batch {
				waiter <- err
			}
		}
	}()
	all, wall, err := hammer(d, floorCallers, func(int, int) error {
		reply := make(chan error, 1)
		queue <- reply
		return <-reply
	})
	close(queue)
	<-done
	if err != nil {
		return r, err
	}
	r = Result{Name: "floor log", Durability: "fsync", Concurrency: floorCallers}
	r.times(all, wall)
	r.against(r.P50, r.P50)
	return r, nil
}
