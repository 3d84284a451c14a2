// Package container builds the images and runs them the way a platform would: a user who is nobody, a root file system that cannot be written.
package container

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// root is the repository.
const root = "../.."

// bounded ends what hangs; it decides nothing.
func bounded(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(bounded(t, 10*time.Minute), name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "IMAGE_TOOL=buildah", "BUILD_FLAGS=--isolation chroot")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// podman runs a container in the host's network, read-only, without privileges.
func podman(args ...string) *exec.Cmd {
	all := append([]string{"--runtime", "runc", "run", "--rm", "--network", "host", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges",
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", "--tmpfs", "/tmp"}, args...)
	cmd := exec.Command("podman", all...)
	cmd.Dir = root
	return cmd
}

func TestImages(t *testing.T) {
	if os.Getenv("CONTAINER_TEST") != "full" {
		t.Log("the images are built and run only with CONTAINER_TEST=full, which .ci/run sets: it takes a minute, podman, buildah and runc")
		return
	}
	for _, tool := range []string{"podman", "buildah", "runc", "promtool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install podman buildah runc prometheus", tool)
		}
	}
	run(t, "make", "build")
	run(t, "deploy/image.sh", "localhost/aion-worker-example:test", "worker")
	for _, kind := range []string{"server", "pure"} {
		t.Run(kind, func(t *testing.T) {
			image := "localhost/aion-" + kind + ":test"
			run(t, "deploy/image.sh", image, kind)
			if out := run(t, "podman", "image", "inspect", image); !strings.Contains(out, `"65532:65532"`) || !strings.Contains(out, `"/aion"`) {
				t.Errorf("the image's user or entry point is another: %s", out)
			}
			withoutAuth(t, image)
			hello(t, image, map[string]string{"server": "libsql", "pure": "sqlite"}[kind])
		})
	}
}

// withoutAuth: on all interfaces and with nobody to tell friend from foe, the server says what to do and ends.
func withoutAuth(t *testing.T, image string) {
	out, err := podman(image).CombinedOutput()
	if err == nil {
		t.Fatalf("it started without authentication: %s", out)
	}
	for _, want := range []string{"aion token create", "auth.jwks.url", "AION_AUTH__ALLOW_ANONYMOUS_NON_LOOPBACK=true"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not among the ways out: %s", want, out)
		}
	}
}

// hello runs the README's example through a container with a token, kills it, and finds everything again.
func hello(t *testing.T, image, backend string) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	aion := func(env []string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(bounded(t, 2*time.Minute), "build/aion", args...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("aion %s: %v %s", strings.Join(args, " "), err, err.(*exec.ExitError).Stderr)
		}
		return strings.TrimSpace(string(out))
	}
	tokens := filepath.Join(dir, "tokens.toml")
	token := lastWord(aion(nil, "token", "create", "--set", "auth.tokens_file="+tokens, "--role", "admin", "--namespace", "*"))
	if err := os.Chmod(tokens, 0o644); err != nil { // the container's user reads it
		t.Fatal(err)
	}
	port, admin := freePort(t), freePort(t)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	name := fmt.Sprintf("aion-test-%d", port)
	start := func() *exec.Cmd {
		t.Helper()
		c := podman("--name", name, "-v", data+":/data", "-v", tokens+":/run/secrets/tokens.toml:ro",
			"-e", "AION_AUTH__MODE=token", "-e", "AION_AUTH__TOKENS_FILE=/run/secrets/tokens.toml",
			"-e", fmt.Sprintf("AION_SERVER__ADDRESS=0.0.0.0:%d", port), "-e", fmt.Sprintf("AION_SERVER__ADMIN_ADDRESS=127.0.0.1:%d", admin), image)
		log := &strings.Builder{}
		c.Stdout, c.Stderr = log, log
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ctx := bounded(t, time.Minute)
		for exec.CommandContext(ctx, "podman", "--runtime", "runc", "exec", name, "/aion", "health").Run() != nil {
			if ctx.Err() != nil {
				t.Fatalf("the container does not become healthy: %s", log)
			}
		}
		return c
	}
	server := start()
	t.Cleanup(func() { _ = exec.Command("podman", "rm", "-f", "-t", "0", name).Run() })
	env := []string{"AION_ADDRESS=" + address, "AION_TOKEN=" + token}
	aion(env, "deploy", "examples/hello")
	worker := podman("-e", "AION_ADDRESS="+address, "-e", "AION_TOKEN="+token, "--name", name+"-worker", "localhost/aion-worker-example:test")
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("podman", "rm", "-f", "-t", "0", name+"-worker").Run()
		_ = worker.Wait()
	})
	url := "http://" + address + "/api/v1/namespaces/default/workflow-types/Hello:start?wait=60s&workflow_id=ada"
	if status, body := post(t, url, "", `{"name":"Ada"}`); status != 401 || !strings.Contains(body, "REASON_UNAUTHENTICATED") {
		t.Errorf("without a token: %d %s", status, body)
	}
	if status, body := post(t, url, token, `{"name":"Ada"}`); status != 200 || strings.TrimSpace(body) != `"Hello, Ada"` {
		t.Fatalf("%d %s", status, body)
	}
	var v struct{ Stores []string }
	out, err := podman(image, "version", "-o", "json").Output()
	if err != nil || json.Unmarshal(out, &v) != nil || !strings.Contains(strings.Join(v.Stores, " "), backend) {
		t.Errorf("%s, %v", out, err)
	}

	// What Prometheus would scrape is well-formed and named by its rules.
	check := exec.CommandContext(bounded(t, time.Minute), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(get(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", admin)))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}

	// Whatever happens to the container, the volume has everything.
	if err := exec.Command("podman", "--runtime", "runc", "kill", "-s", "KILL", name).Run(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	server = start()
	if out := aion(env, "result", "ada"); out != `"Hello, Ada"` {
		t.Errorf("after a kill: %s", out)
	}
	// A polite end takes the container down with it.
	if err := exec.Command("podman", "--runtime", "runc", "stop", "-t", "30", name).Run(); err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func lastWord(s string) string {
	words := regexp.MustCompile(`\S+`).FindAllString(s, -1)
	return words[len(words)-1]
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(bounded(t, time.Minute), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, res.StatusCode, err)
	}
	return string(b)
}

func post(t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(bounded(t, 2*time.Minute), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
