package bench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/sdk/client"

	"connectrpc.com/connect"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

// system is a server and a worker, each a process of its own, and the clients of this one.
type system struct {
	server, worker    *child
	admin, workerPort string // where their profiles are
	clients           []*client.Client
}

// connectionsOfClients is over how many connections the callers are spread.
const connectionsOfClients = 4

// start starts server and worker on free ports and waits until the worker is connected.
func (b *bench) start(ctx context.Context) (_ *system, err error) {
	s := &system{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	args := []string{"server", "--address", "127.0.0.1:0",
		"--set", "server.admin_address=127.0.0.1:0", "--set", "store.backend=" + b.store, "--set", "store.url=file:" + filepath.Join(b.dir, "bench.db"),
		"--set", "log.format=json", "--set", "log.level=info"}
	var archive []byte
	if b.Runtime == "native" {
		args = append(args, "--bench-workflows")
	} else if archive, err = b.buildPackage(ctx); err != nil {
		return nil, err
	}
	b.Say("starting the server (%s, %s) and a worker", b.Runtime, b.store)
	env := slices.DeleteFunc(slices.Clone(b.Env), func(v string) bool { return strings.HasPrefix(v, "AION_") }) // what is measured is always the same
	if s.server, err = spawn(b.Executable, env, args...); err != nil {
		return nil, err
	}
	serving, err := s.server.line(ctx, `"msg":"serving"`)
	if err != nil {
		return nil, err
	}
	var at struct {
		Address string `json:"address"`
		Admin   string `json:"admin_address"`
	}
	if err := json.Unmarshal([]byte(serving), &at); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the server's first line cannot be read")
	}
	s.admin = at.Admin
	for range connectionsOfClients {
		c, err := client.Dial(at.Address, client.Options{Namespace: "default"})
		if err != nil {
			return nil, err
		}
		s.clients = append(s.clients, c)
	}
	if archive != nil {
		if _, err := s.clients[0].Packages().DeployPackage(ctx, connect.NewRequest(&aionv1.DeployPackageRequest{Archive: archive})); err != nil {
			return nil, err
		}
	}
	if s.worker, err = spawn(b.Executable, append(env, "AION_ADDRESS="+at.Address), "bench", "worker"); err != nil {
		return nil, err
	}
	line, err := s.worker.line(ctx, profilesAt)
	if err != nil {
		return nil, err
	}
	s.workerPort = strings.TrimPrefix(line, profilesAt)
	_, err = s.worker.line(ctx, "connected")
	return s, err
}

// stop kills both: nothing of what they keep is wanted.
func (s *system) stop() {
	for _, c := range s.clients {
		c.Close()
	}
	for _, c := range []*child{s.worker, s.server} {
		if c != nil {
			c.kill()
		}
	}
}

// usage is what a process has used.
type usage struct {
	cpu float64 // seconds
	rss int64   // bytes
}

// used is what the three processes have used.
type used struct {
	server, worker, client usage
	machine                float64 // seconds of CPU of all programs
}

// usage asks the system; everything is 0 on those that do not tell.
func (s *system) usage() (u used, err error) {
	var failed [4]error
	u.server, failed[0] = s.server.usage()
	u.worker, failed[1] = s.worker.usage()
	u.client, failed[2] = usageOf(os.Getpid())
	u.machine, failed[3] = busyCPU()
	return u, errors.Join(failed[:]...)
}

// costs says in a result what was used between two moments.
func (r *Result) costs(from, to used) {
	r.ServerCPU, r.WorkerCPU, r.ClientCPU = to.server.cpu-from.server.cpu, to.worker.cpu-from.worker.cpu, to.client.cpu-from.client.cpu
	r.OthersCPU = max(0, to.machine-from.machine-r.ServerCPU-r.WorkerCPU-r.ClientCPU)
	r.ServerRSS = to.server.rss
}

// drive calls f count times, concurrency at a time, and gives how long each call took. After the limit it begins no more.
func (s *system) drive(count, concurrency int, limit time.Duration, f func(c *client.Client, i int) error) ([]time.Duration, time.Duration, error) {
	all := make([]time.Duration, count)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	began := time.Now()
	for caller := range min(concurrency, count) {
		c := s.clients[caller%len(s.clients)]
		wg.Go(func() {
			for failed.Load() == nil {
				at := time.Now()
				if at.Sub(began) > limit {
					return
				}
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
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
	return all[:min(int(next.Load()), count)], time.Since(began), nil
}
