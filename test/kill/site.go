package kill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/process"
)

// workers is how many worker processes there are.
const workers = 2

// patience is how long a process may take to end when it is asked to.
const patience = 30 * time.Second

// site is where the test takes place: the processes, and the folder in which they leave evidence.
type site struct {
	dir     string
	server  *process.Server
	workers []*process.Keeper
	client  *client.Client

	starts   *evidence.Log[evidence.Start]
	messages *evidence.Log[evidence.Message]
	kills    *evidence.Log[evidence.Kill]

	mu      sync.Mutex
	crashes []error // processes that ended although nobody killed them
}

// packageName is the built workflow package in the folder.
const packageName = "load.aion"

// open builds the programs and starts them.
func open(ctx context.Context, dir string) (s *site, err error) {
	s = &site{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(filepath.Join(dir, evidence.Histories), 0o755); err != nil {
		return s, err
	}
	if s.starts, err = evidence.OpenLog[evidence.Start](filepath.Join(dir, evidence.StartsFile)); err != nil {
		return s, err
	}
	if s.messages, err = evidence.OpenLog[evidence.Message](filepath.Join(dir, evidence.MessagesFile)); err != nil {
		return s, err
	}
	if s.kills, err = evidence.OpenLog[evidence.Kill](filepath.Join(dir, evidence.KillsFile)); err != nil {
		return s, err
	}
	root, err := process.Root()
	if err != nil {
		return s, err
	}
	bin := filepath.Join(dir, "bin")
	aion, err := process.Build(ctx, "./cmd/aion", bin)
	if err != nil {
		return s, err
	}
	worker, err := process.Build(ctx, "./test/kill/worker", bin)
	if err != nil {
		return s, err
	}
	pkg := filepath.Join(dir, packageName)
	run := func(args ...string) error {
		c := process.Command{Name: "aion " + args[0], Path: aion, Args: args, Log: filepath.Join(dir, "build.log")}
		if s.server != nil {
			c.Env = []string{"AION_ADDRESS=" + s.server.Address}
		}
		_, err := process.Run(ctx, c)
		return err
	}
	if err := run("build", filepath.Join(root, "test", "kill", "load"), "-o", pkg); err != nil {
		return s, err
	}
	env := []string{
		"AION_WORKER__REATTACH_WINDOW=1s", // a worker that was killed is given up soon: it comes back at once here, or not at all
		// So little memory that runs are unloaded and their code hibernates, all the time.
		"AION_RUNTIME__CACHE_BYTES=16MiB", "AION_ENGINE__RESIDENT_BYTES=1MiB",
	}
	if backend := os.Getenv("KILL_STORE"); backend != "" {
		env = append(env, "AION_STORE__BACKEND="+backend)
	}
	if s.server, err = process.KeepServer(aion, dir, []string{"server"}, env, s.crashed("server")); err != nil {
		return s, err
	}
	if err := s.server.Ready(ctx); err != nil {
		return s, err
	}
	if err := run("deploy", pkg); err != nil {
		return s, err
	}
	if s.client, err = client.Dial(s.server.Address); err != nil {
		return s, err
	}
	for i := range workers {
		name := fmt.Sprintf("worker-%d", i)
		k, err := process.Keep(process.Command{
			Name: name, Path: worker, Dir: dir, Log: filepath.Join(dir, name+".log"),
			Args: []string{"-server", s.server.Address, "-ledger", filepath.Join(dir, evidence.LedgerFile)},
		}, s.crashed(name))
		if err != nil {
			return s, err
		}
		s.workers = append(s.workers, k)
	}
	return s, nil
}

func (s *site) crashed(name string) func(p *process.Process) {
	return func(p *process.Process) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.crashes = append(s.crashes, fmt.Errorf("%s (process %d) ended by itself:\n%s", name, p.PID(), process.Tail(filepath.Join(s.dir, name+".log"))))
	}
}

// close ends the processes, and says which of them ended badly.
func (s *site) close() error {
	var all []error
	if s.client != nil {
		s.client.Close()
	}
	for _, w := range s.workers {
		all = append(all, w.Stop(patience))
	}
	if s.server != nil {
		all = append(all, s.server.Stop(patience))
	}
	s.workers, s.server = nil, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(append(all, s.crashes...)...)
}

// kill kills a process, which comes back at once, and writes down when.
func (s *site) kill(victim evidence.Victim, k *process.Keeper) (at time.Time, err error) {
	p, at, alive, err := k.Kill()
	if err != nil || !alive {
		return at, err
	}
	return at, s.kills.Write(evidence.Kill{Time: at, Victim: victim, PID: p.PID()})
}
