// Package outside shows that the modules work for people who are not in this repository's workspace: a release is tagged in a clone, and a
// fresh module gets the sdk, installs the binary and builds a package by it.
package outside

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const version = "v0.1.0-test.1"

func TestRelease(t *testing.T) {
	if os.Getenv("OUTSIDE_TEST") != "full" {
		t.Skip("fetches and compiles everything anew, which takes minutes: OUTSIDE_TEST=full runs it, and .ci/run does")
	}
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bare, src, user := filepath.Join(dir, "aion.git"), filepath.Join(dir, "src"), filepath.Join(dir, "user")
	cache := filepath.Join(dir, "modcache")
	env := append(os.Environ(),
		"GIT_CONFIG_COUNT=3",
		"GIT_CONFIG_KEY_0=url.file://"+bare+".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/aionrun/aion",
		"GIT_CONFIG_KEY_1=user.name", "GIT_CONFIG_VALUE_1=release",
		"GIT_CONFIG_KEY_2=user.email", "GIT_CONFIG_VALUE_2=release@localhost",
		// What others wrote comes from the modules that are on this machine already, or from where it always comes; ours from the clone alone.
		"GOPRIVATE=github.com/aionrun/aion", "GOWORK=off", "GOFLAGS=-modcacherw", "GOMODCACHE="+cache,
		"GOPROXY=file://"+goEnv(t, "GOMODCACHE")+"/cache/download,"+goEnv(t, "GOPROXY"), "GONOSUMDB=*", "GOBIN="+filepath.Join(dir, "bin"))
	run := func(in string, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = in, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run(dir, "git", "clone", "-q", "--bare", top, bare)
	run(dir, "git", "clone", "-q", bare, src)
	run(src, "bash", "deploy/release.sh", version)

	if err := os.Mkdir(user, 0o755); err != nil {
		t.Fatal(err)
	}
	run(user, "go", "mod", "init", "example.com/user")
	run(user, "go", "get", "github.com/aionrun/aion/sdk@"+version)
	run(dir, "go", "install", "github.com/aionrun/aion/cmd/aion@"+version)
	aion := filepath.Join(dir, "bin", "aion")
	if v := run(user, aion, "version"); !strings.Contains(v, version) {
		t.Errorf("aion version says %q, which does not name %s", v, version)
	}
	run(user, aion, "new", "greeter")
	module := filepath.Join(user, "greeter")
	run(module, "go", "mod", "tidy")
	run(module, "go", "build", "./...")
	if out := run(module, aion, "build", ".", "-o", "greeter.aion"); !strings.Contains(out, "Hello") {
		t.Errorf("aion build printed %q", out)
	}
	if _, err := os.Stat(filepath.Join(module, "greeter.aion")); err != nil {
		t.Error(err)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
