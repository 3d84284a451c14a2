package wasm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/wasm"
)

// bakeVariable makes the test binary bake the image of a module file and print its hash.
const bakeVariable = "AION_TEST_BAKE"

func bakeAndPrint(file string) {
	code, err := os.ReadFile(file)
	if err == nil {
		var rt *wasm.Runtime
		if rt, err = wasm.New(wasm.Options{CacheDir: os.Getenv(bakeVariable + "_CACHE")}); err == nil {
			p, loadErr := rt.Load(context.Background(), hashOf(code), code)
			if err = loadErr; err == nil {
				fmt.Println(p.ImageHash())
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// [D-1] Two processes bake the same image, whatever their clock, entropy, environment and heap are like.
func TestImageIsTheSameInEveryProcess(t *testing.T) {
	code, _ := flow.load(t)
	file := filepath.Join(t.TempDir(), "flow.wasm")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	_, p := flow.shared(t)
	want := p.ImageHash()
	for _, env := range []string{"GOMAXPROCS=1", "GOGC=20"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), bakeVariable+"="+file, bakeVariable+"_CACHE="+cacheDir(t), env)
		out, err := cmd.CombinedOutput()
		if have := strings.TrimSpace(string(out)); err != nil || have != want {
			t.Errorf("a process with %s bakes %q (%v); this one %q", env, have, err, want)
		}
	}
}
