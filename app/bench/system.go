package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/domain/fault"
)

// system is a server and a worker, each a process of its own, and the clients of this one.
type system struct {
	server, worker *child
	admin          string
	clients        []*connect.Remote
	connections    []*http.Client
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
	if s.server, err = spawn(b.Executable, b.Env, args...); err != nil {
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
		c := connect.HTTPClient()
		s.connections = append(s.connections, c)
		s.clients = append(s.clients, connect.NewRemote(c, "http://"+at.Address))
	}
	if archive != nil {
		if _, err := s.clients[0].Deploy(ctx, archive, false); err != nil {
			return nil, err
		}
	}
	if s.worker, err = spawn(b.Executable, append(slices.Clone(b.Env), "AION_ADDRESS="+at.Address), "bench", "worker"); err != nil {
		return nil, err
	}
	_, err = s.worker.line(ctx, "connected")
	return s, err
}

// stop kills both: nothing of what they keep is wanted.
func (s *system) stop() {
	for _, c := range s.connections {
		c.CloseIdleConnections()
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

// usage asks the server's private port. Both are 0 on systems that do not tell.
func (s *system) usage(ctx context.Context) (u usage, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/metrics", nil)
	if err != nil {
		return u, err
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		return u, fault.Wrap(fault.Unavailable, err, "the server's private port")
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "process_cpu_seconds_total":
			u.cpu = v
		case "process_resident_memory_bytes":
			u.rss = int64(v)
		}
	}
	return u, nil
}

// child is a process whose standard error is read.
type child struct {
	cmd   *exec.Cmd
	lines chan string // closed when the process has ended

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
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "aion %s cannot be started", args[0])
	}
	c := &child{cmd: cmd, lines: make(chan string, 16)}
	go c.read(out)
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
				c.mu.Lock()
				defer c.mu.Unlock()
				return "", fault.New(fault.Unavailable, "%s ended: %s", c.name(), strings.Join(c.last, "; "))
			}
			if strings.Contains(line, text) {
				return line, nil
			}
		case <-ctx.Done():
			return "", fault.Wrap(fault.Unavailable, ctx.Err(), "%s did not begin to serve", c.name())
		}
	}
}

func (c *child) name() string { return fmt.Sprintf("aion %s", c.cmd.Args[1]) }

func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it can only have ended by itself
	for range c.lines {      // until the last one has been read, as Wait demands
	}
	_ = c.cmd.Wait() // killed, as is said
}
