package process_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/test/process"
)

// TestMain is the child, too: what it does is in its first argument.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCESS_TEST") {
	case "":
		goleak.VerifyTestMain(m)
	case "quit":
		fmt.Println("quitting", len(os.Getenv("AION_ADDRESS")))
		os.Exit(3)
	case "wait":
		fmt.Println("waiting")
		select {}
	}
}

func child(t *testing.T, what string) process.Command {
	t.Helper()
	t.Setenv("AION_ADDRESS", "x")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Command{Name: what, Path: self, Env: []string{"PROCESS_TEST=" + what}, Log: filepath.Join(t.TempDir(), "log")}
}

func TestRun(t *testing.T) {
	c := child(t, "quit")
	out, err := process.Run(t.Context(), c)
	if string(out) != "quitting 0\n" || err == nil || !strings.Contains(err.Error(), "quit: exit status 3") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestKill(t *testing.T) {
	p, err := process.Start(child(t, "wait"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Kill(); !ok {
		t.Error("it was gone before")
	}
	if _, ok := p.Kill(); ok {
		t.Error("it was killed twice")
	}
}

// A kept program is there again after a kill, and when it ends by itself; one that cannot stay is given up.
func TestKeeper(t *testing.T) {
	t.Run("killed", func(t *testing.T) {
		k, err := process.Keep(child(t, "wait"), func(p *process.Process) { t.Error("it died by itself") })
		if err != nil {
			t.Fatal(err)
		}
		first := k.Process()
		killed, _, ok, err := k.Kill()
		if killed != first || !ok || err != nil || k.Process() == first {
			t.Error(killed, ok, err)
		}
		if err := k.Stop(time.Minute); err == nil { // the child does not listen to SIGTERM with a handler: it ends with the signal
			t.Error("ended orderly")
		}
	})
	t.Run("given up", func(t *testing.T) {
		deaths := make(chan *process.Process, 100)
		k, err := process.Keep(child(t, "quit"), func(p *process.Process) { deaths <- p })
		if err != nil {
			t.Fatal(err)
		}
		for k.Err() == nil {
			<-deaths
		}
		if err := k.Stop(time.Minute); err == nil || !strings.Contains(err.Error(), "times within") {
			t.Error(err)
		}
	})
}

func TestBuildAndRoot(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if line, _ := bufio.NewReader(f).ReadString('\n'); !strings.Contains(line, "github.com/aionrun/aion") {
		t.Error(line)
	}
	if _, err := process.Build(t.Context(), "./no/such/program", t.TempDir()); err == nil {
		t.Error("built nothing")
	}
}
