package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// child is a process whose standard error is read. It is killed with this one, as far as the system can see to that.
type child struct {
	cmd   *exec.Cmd
	lines chan string   // closed when the process has ended
	ended chan struct{} // closed when nothing is left of it

	mu   sync.Mutex
	last []string
}

func spawn(executable string, env []string, args ...string) (*child, error) {
	cmd := exec.Command(executable, args...)
	cmd.Env = env
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	endWithUs(cmd)
	c := &child{cmd: cmd, lines: make(chan string, 16), ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The system ends the process with the thread that started it, so that thread waits for it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.read(out)
		_ = cmd.Wait() // killed, or it said itself what was wrong
		close(c.ended)
	}()
	if err := <-started; err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "aion %s cannot be started", args[0])
	}
	return c, nil
}

// read keeps the last lines, and hands on what somebody waits for.
func (c *child) read(out io.Reader) {
	defer close(c.lines)
	for s := bufio.NewScanner(out); s.Scan(); {
		c.mu.Lock()
		c.last = append(c.last, s.Text())
		c.last = c.last[max(0, len(c.last)-20):]
		c.mu.Unlock()
		select {
		case c.lines <- s.Text():
		default: // nobody waits any more
		}
	}
}

// startLimit bounds how long a process may take to say that it is there.
const startLimit = 30 * time.Second

// line waits for a line with some text.
func (c *child) line(ctx context.Context, text string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				return "", c.gone()
			}
			if strings.Contains(line, text) {
				return line, nil
			}
		case <-ctx.Done():
			return "", fault.Wrap(fault.Unavailable, ctx.Err(), "%s did not begin to serve", c.name())
		}
	}
}

// gone tells of a process that has ended by itself.
func (c *child) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fault.New(fault.Unavailable, "%s ended: %s", c.name(), strings.Join(c.last, "; "))
}

func (c *child) name() string { return fmt.Sprintf("aion %s", c.cmd.Args[1]) }

func (c *child) usage() (usage, error) {
	u, err := usageOf(c.cmd.Process.Pid)
	if err != nil {
		return u, fault.Wrap(fault.Unavailable, err, "what %s has used", c.name())
	}
	return u, nil
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it can only have ended by itself
	<-c.ended
}
