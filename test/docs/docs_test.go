// Package docs runs what the README and docs/ tell people to type: every console and go block marked `run`.
package docs

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A block is a fenced block of a page, marked `run`. Console blocks of one page run in one shell, one after another; lines that begin
// with "$ " are typed, the lines behind them are the output to expect, in which "…" stands for anything. A go block marked
// `run file=NAME` is written to that file in the shell's present folder; other go blocks must compile on their own.
type block struct {
	page, kind, file string
	line             int
	text             []string
}

var made = regexp.MustCompile(`aion new (\w+)`)

var fence = regexp.MustCompile("^```(console|go) run(?: file=(\\S+))?$")

func blocks(t *testing.T, page string) []block {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	var cur *block
	for i, line := range strings.Split(string(b), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case cur == nil && m != nil:
			cur = &block{page: page, kind: m[1], file: m[2], line: i + 1}
		case cur != nil && line == "```":
			out = append(out, *cur)
			cur = nil
		case cur != nil:
			cur.text = append(cur.text, line)
		}
	}
	return out
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPages(t *testing.T) {
	top := root(t)
	pages, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "aion"), "./cmd/aion")
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	ran := 0
	for _, page := range append([]string{filepath.Join(top, "README.md")}, pages...) {
		all := blocks(t, page)
		if len(all) == 0 {
			continue
		}
		ran += len(all)
		t.Run(filepath.Base(page), func(t *testing.T) {
			sh := newShell(t, top, bin, all)
			for _, b := range all {
				sh.run(t, b)
			}
		})
	}
	if ran == 0 {
		t.Fatal("no block is marked `run`: the README's tutorial should be")
	}
}

// shell is one bash that a page is typed into.
type shell struct {
	in      io.WriteCloser
	out     *bufio.Reader
	address string
}

func newShell(t *testing.T, top, bin string, all []block) *shell {
	t.Helper()
	dir := t.TempDir()
	// A module that the page makes finds the sdk of this checkout by a workspace; outside, a released version of it is fetched.
	work := filepath.Join(dir, "go.work")
	text := fmt.Sprintf("go 1.26.0\nuse (\n\t%s\n\t%s/api\n\t%s/sdk\n", top, top, top)
	for _, b := range all {
		for _, m := range made.FindAllStringSubmatch(strings.Join(b.text, "\n"), -1) {
			text += "\t./" + m[1] + "\n"
		}
	}
	if err := os.WriteFile(work, []byte(text+")\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--norc")
	cmd.Dir = dir
	public, admin := freePort(t), freePort(t)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "PS1=", "AION_ADDRESS="+public,
		"AION_SERVER__ADDRESS="+public, "AION_SERVER__ADMIN_ADDRESS="+admin, "GOWORK="+work, "GOFLAGS=-mod=readonly")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
	})
	return &shell{in: in, out: bufio.NewReader(out), address: public}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func (s *shell) run(t *testing.T, b block) {
	t.Helper()
	where := fmt.Sprintf("%s:%d", filepath.Base(b.page), b.line)
	if b.kind == "go" {
		file := b.file
		if file == "" {
			t.Fatalf("%s: a go block marked run names its file: ```go run file=NAME", where)
		}
		s.typed(t, where, fmt.Sprintf("cat > %s <<'END_OF_BLOCK'\n%s\nEND_OF_BLOCK", file, strings.Join(b.text, "\n")), nil)
		return
	}
	var cmd string
	var want []string
	flush := func() {
		if cmd != "" {
			s.typed(t, where, cmd, want)
		}
		cmd, want = "", nil
	}
	for _, line := range b.text {
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			flush()
			cmd = c
		} else if cmd != "" && strings.HasSuffix(cmd, "\\") {
			cmd += "\n" + line
		} else {
			want = append(want, line)
		}
	}
	flush()
}

// typed types a command and compares what it prints.
func (s *shell) typed(t *testing.T, where, cmd string, want []string) {
	t.Helper()
	for _, a := range []string{"127.0.0.1:7470", "localhost:7470"} {
		cmd = strings.ReplaceAll(cmd, a, s.address)
	}
	const end = "__the_end__"
	if _, err := fmt.Fprintf(s.in, "%s\necho %s $?\n", cmd, end); err != nil {
		t.Fatalf("%s: %s: %v", where, cmd, err)
	}
	var got []string
	status := ""
	done := make(chan error, 1)
	go func() {
		for {
			line, err := s.out.ReadString('\n')
			if rest, ok := strings.CutPrefix(line, end); ok {
				status = strings.TrimSpace(rest)
				done <- nil
				return
			}
			if err != nil {
				done <- err
				return
			}
			got = append(got, strings.TrimRight(line, "\n"))
		}
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("%s: the shell ended: %v\n%s", where, err, strings.Join(got, "\n"))
		}
	case <-time.After(3 * time.Minute):
		t.Fatalf("%s: %q did not end\n%s", where, cmd, strings.Join(got, "\n"))
	}
	if status != "0" {
		t.Fatalf("%s: %q ended with status %s\n%s", where, cmd, status, strings.Join(got, "\n"))
	}
	if len(want) == 0 {
		return
	}
	pattern := regexp.QuoteMeta(strings.Join(want, "\n"))
	pattern = strings.ReplaceAll(pattern, "…", `[\s\S]*?`)
	text := strings.ReplaceAll(strings.Join(got, "\n"), s.address, "127.0.0.1:7470")
	if !regexp.MustCompile(`^` + pattern + `\n*$`).MatchString(text) {
		t.Fatalf("%s: %q printed\n%s\n\nwant\n%s", where, cmd, text, strings.Join(want, "\n"))
	}
}
