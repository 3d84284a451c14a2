package dev

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// worker builds and runs the program in the worker folder. It belongs to one goroutine.
type worker struct {
	dir     string // of the code; the program is dir/worker
	state   string
	env     []string
	out     io.Writer
	running *process
	sum     [32]byte // of the program that runs
}

// process is a program that was started.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // how it ended; read it after ended
}

// workerStop is how long a worker may take to end before it is killed.
const workerStop = 10 * time.Second

func (w *worker) program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(w.state, name)
}

// build compiles the program beside the one that runs. Its error is what the compiler said.
func (w *worker) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", w.program("worker.new"), "./worker")
	cmd.Dir, cmd.Env = w.dir, w.env
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil {
		if text.Len() == 0 {
			return fault.Wrap(fault.Unavailable, err, "the worker cannot be built").Hinted("is go installed?")
		}
		return fault.Invalidf("the worker cannot be built:\n%s", strings.TrimSpace(text.String()))
	}
	return nil
}

// renew makes what was built run, in place of what runs. changed is false when it is the same program, which goes on.
func (w *worker) renew() (changed bool, err error) {
	built := w.program("worker.new")
	b, err := os.ReadFile(built)
	if err != nil {
		return false, fault.Wrap(fault.Internal, err, "the built worker cannot be read")
	}
	sum := sha256.Sum256(b)
	if w.running != nil && sum == w.sum && !w.running.over() {
		return false, nil
	}
	w.stop()
	if err := os.Rename(built, w.program("worker")); err != nil {
		return false, fault.Wrap(fault.Internal, err, "the built worker cannot be put in place")
	}
	w.sum = sum
	w.running, err = w.start()
	return true, err
}

// start runs the program. It ends with this process, also when this is killed, as far as the system can see to that.
func (w *worker) start() (*process, error) {
	cmd := exec.Command(w.program("worker"))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, w.out, w.out
	cmd.WaitDelay = time.Second // for children of its own that keep its output open
	endWithUs(cmd)
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The system ends the program with the thread that started it, so that thread waits for it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the worker cannot be started")
	}
	return p, nil
}

// over says whether the program has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// exit is closed when the running program has ended; nil when none runs.
func (w *worker) exit() <-chan struct{} {
	if w.running == nil {
		return nil
	}
	return w.running.ended
}

// stop asks the program to end, which drains it, and kills it if it does not.
func (w *worker) stop() {
	p := w.running
	w.running = nil
	if p == nil {
		return
	}
	if err := askToEnd(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = p.cmd.Process.Kill() // it can only have ended by itself
	}
	late := time.AfterFunc(workerStop, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	<-p.ended
}
