package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Command says what to run. What it prints is appended to the file Log.
type Command struct {
	Name string // for people and messages
	Path string
	Args []string
	Dir  string
	Env  []string // beside that of this process, without its AION_ variables
	Log  string
}

// Process is a program that was started. Safe for concurrent use.
type Process struct {
	cmd    Command
	began  time.Time
	proc   *os.Process
	exited chan struct{}
	state  *os.ProcessState
}

// Start starts a program.
func Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	x := exec.Command(c.Path, c.Args...)
	x.Dir, x.Stdout, x.Stderr = c.Dir, log, log
	x.Env = append(cleanEnv(), c.Env...)
	endWithUs(x)
	p := &Process{cmd: c, began: time.Now(), exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The thread that starts the program waits for it: see endWithUs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := x.Start()
		p.proc = x.Process
		started <- err
		if err == nil {
			_ = x.Wait() // how it ended is in its state
			p.state = x.ProcessState
		}
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

// PID is the process's ID.
func (p *Process) PID() int { return p.proc.Pid }

// Age is how long ago it was started.
func (p *Process) Age() time.Duration { return time.Since(p.began) }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Kill ends the process with SIGKILL and waits until it is gone. It gives the moment before the signal was sent; ok says that the
// process was alive then.
func (p *Process) Kill() (at time.Time, ok bool) {
	at = time.Now()
	err := p.proc.Signal(syscall.SIGKILL)
	<-p.exited
	return at, err == nil
}

// Stop asks the process to end, and kills it when that takes longer than patience. It gives how it ended.
func (p *Process) Stop(patience time.Duration) error {
	_ = p.proc.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM; see %s", p.cmd.Name, patience, p.cmd.Log)
	}
	if !p.state.Success() {
		return fmt.Errorf("%s ended with %v; see %s", p.cmd.Name, p.state, p.cmd.Log)
	}
	return nil
}

// Run runs a program to its end and gives what it printed on stdout; the rest is in its Log. An error holds the end of the log.
func Run(ctx context.Context, c Command) ([]byte, error) {
	log, err := os.OpenFile(c.Log, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	x := exec.CommandContext(ctx, c.Path, c.Args...)
	x.Dir, x.Stderr = c.Dir, log
	x.Env = append(cleanEnv(), c.Env...)
	out, err := x.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s", c.Name, err, Tail(c.Log))
	}
	return out, nil
}

// Tail gives the last lines of a log.
func Tail(path string) string {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err.Error()
	}
	if len(b) > 4096 {
		b = b[len(b)-4096:]
	}
	return string(b)
}
