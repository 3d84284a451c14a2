package wasm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// scratch holds what all tests of the process share: the built guests, and a cache of compiled code.
var scratch string

func TestMain(m *testing.M) {
	if file := os.Getenv(bakeVariable); file != "" {
		bakeAndPrint(file)
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "aion-wasm-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, g := range []*guest{flow, conformance} {
		if g.runtime != nil {
			_ = g.runtime.Close(context.Background())
		}
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// guest is a workflow package in testdata/guests, built once in a process.
type guest struct {
	name  string
	build sync.Once
	code  []byte
	err   error

	open    sync.Mutex // of what follows
	runtime *wasm.Runtime
	program ports.Program
}

var (
	flow        = &guest{name: "flow"}        // written by hand
	conformance = &guest{name: "conformance"} // written with the SDK
)

func (g *guest) load(t testing.TB) (code []byte, hash model.PackageHash) {
	t.Helper()
	g.build.Do(func() {
		file := filepath.Join(scratch, g.name+".wasm")
		cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file, "./testdata/guests/"+g.name)
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if out, err := cmd.CombinedOutput(); err != nil {
			g.err = fmt.Errorf("go build: %w\n%s", err, out)
			return
		}
		g.code, g.err = os.ReadFile(file)
	})
	if g.err != nil {
		t.Fatal(g.err)
	}
	return g.code, hashOf(g.code)
}

// shared gives a runtime with the guest loaded, the same one to every test that asks, because loading takes long. Its counters are shared, too.
func (g *guest) shared(t testing.TB) (ports.Runtime, ports.Program) {
	t.Helper()
	code, _ := g.load(t)
	g.open.Lock()
	defer g.open.Unlock()
	if g.runtime == nil {
		dir := filepath.Join(scratch, "shared-"+g.name)
		shareCompiled(t, dir)
		rt, err := wasm.New(wasm.Options{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		g.runtime, g.program = rt, load(t, rt, code)
	}
	return g.runtime, g.program
}

func hashOf(code []byte) model.PackageHash {
	sum := sha256.Sum256(code)
	return model.PackageHash(hex.EncodeToString(sum[:]))
}

// open makes a runtime. Compiled code is shared by the tests of the process; hibernated instances are not.
func open(t testing.TB, o wasm.Options) *wasm.Runtime {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = cacheDir(t)
	}
	rt, err := wasm.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return rt
}

// cacheDir is a directory for a runtime that shares compiled code with the other tests.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	shareCompiled(t, dir)
	return dir
}

func shareCompiled(t testing.TB, dir string) {
	t.Helper()
	common := filepath.Join(scratch, "compiled")
	for _, d := range []string{common, dir} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(common, filepath.Join(dir, "compiled")); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, rt ports.Runtime, code []byte) ports.Program {
	t.Helper()
	p, err := rt.Load(context.Background(), hashOf(code), code)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
