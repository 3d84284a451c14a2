// Package parked shows what waiting runs cost: disk, and no memory beyond the cache's budget [S-2, D-9].
package parked

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/parked/waiter"
	"github.com/aionrun/aion/test/process"
)

const (
	budgetMB  = 64
	slackMB   = 200
	manySteps = 45 // so many that hibernating is cheaper than replaying
)

// runs is how many runs are parked: 20,000, or 3,000 where only the way is to be shown.
func runs() int {
	if os.Getenv("PARKED_TEST") == "full" {
		return 20_000
	}
	return 3_000
}

// TestMemory parks runs in a server with a small cache, wakes them all, and reads the server's memory from /proc.
func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc: runs on Linux only")
	}
	n := runs()
	dir := t.TempDir()
	bin, err := process.Build(t.Context(), "./cmd/aion", dir)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := build.Package(t.Context(), "waiter", build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "waiter.aion")
	if err := os.WriteFile(archive, pkg.Archive, 0o600); err != nil {
		t.Fatal(err)
	}
	public, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "server.log")
	server, err := process.Start(process.Command{Name: "server", Path: bin, Args: []string{"server"}, Dir: dir, Log: log, Env: []string{
		"AION_SERVER__ADDRESS=" + public, "AION_SERVER__ADMIN_ADDRESS=" + admin, "AION_STORE__URL=file:" + filepath.Join(dir, "parked.db"),
		"AION_RUNTIME__CACHE_BYTES=" + fmt.Sprint(budgetMB) + "MiB", "AION_RUNTIME__PACKAGES=" + archive, "AION_LOG__LEVEL=warn"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	c := &client{t: t, base: "http://" + public + "/api/v1/namespaces/default/", admin: "http://" + admin}
	c.ready(server, log)

	each(n, func(i int) error {
		steps := 0
		if i%10 == 0 {
			steps = manySteps
		}
		_, err := c.post(fmt.Sprintf("workflow-types/Wait:start?workflow_id=w%d", i), fmt.Sprint(steps), 202)
		return err
	}, t.Errorf)
	if t.Failed() {
		t.Fatal(process.Tail(log))
	}
	parked := rss(t, server.PID())
	if m := c.metrics(); true {
		t.Logf("after parking: %v instances, %.0f MB of them; Go heap %.0f MB in use, %.0f MB from the system", m["aion_instances_live"], m["aion_instances_live_bytes"]/1e6, m["go_memstats_heap_inuse_bytes"]/1e6, m["go_memstats_sys_bytes"]/1e6)
	}
	each(n, func(i int) error {
		_, err := c.post(fmt.Sprintf("workflows/w%d:signal?name=go", i), "1000", 200)
		return err
	}, t.Errorf)
	wrong := atomic.Int64{}
	each(n, func(i int) error {
		want := "1000"
		if i%10 == 0 {
			want = fmt.Sprint(1000 + manySteps)
		}
		// A start with the same ID and the policy use-existing waits for the run that is there; it has ended or soon does.
		got, err := c.result(fmt.Sprintf("w%d", i))
		if err == nil && got != want {
			wrong.Add(1)
			err = fmt.Errorf("run w%d gave %s, want %s", i, got, want)
		}
		return err
	}, t.Errorf)
	woken := rss(t, server.PID())
	m := c.metrics()
	t.Logf("%d runs: %d MB after parking, %d MB after waking all; hibernated %v, dropped %v, restored %v, replayed %v", n, parked, woken,
		m["aion_runs_parked_total{how=\"hibernated\"}"], m["aion_runs_parked_total{how=\"dropped\"}"], m["aion_instances_found_total{from=\"restored\"}"], m["aion_instances_found_total{from=\"replayed\"}"])
	for what, mb := range map[string]int{"parking": parked, "waking": woken} {
		if mb > budgetMB+slackMB {
			t.Errorf("the server has %d MB after %s; the cache's budget and %d MB are %d MB", mb, what, slackMB, budgetMB+slackMB)
		}
	}
	for _, name := range []string{"aion_runs_parked_total{how=\"hibernated\"}", "aion_runs_parked_total{how=\"dropped\"}", "aion_instances_found_total{from=\"restored\"}", "aion_instances_found_total{from=\"replayed\"}"} {
		if m[name] == 0 {
			t.Errorf("%s is 0: this way was not taken", name)
		}
	}
}

// each calls f for 0 to n-1 from 32 goroutines and reports the first few errors.
func each(n int, f func(i int) error, report func(string, ...any)) {
	var wg sync.WaitGroup
	var next, failed atomic.Int64
	for range 32 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= n || failed.Load() > 5 {
					return
				}
				if err := f(i); err != nil {
					failed.Add(1)
					report("%v", err)
				}
			}
		}()
	}
	wg.Wait()
}

type client struct {
	t           *testing.T
	base, admin string
}

var transport = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}

func (c *client) do(method, url, body string, want int) (string, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := transport.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if want != 0 && res.StatusCode != want {
		return "", fmt.Errorf("%s %s: %s: %s", method, url, res.Status, bytes.TrimSpace(b))
	}
	return string(b), nil
}

func (c *client) post(path, body string, want int) (string, error) {
	return c.do(http.MethodPost, c.base+path, body, want)
}

// result waits for a run by the Connect protocol's JSON form, which any HTTP client speaks.
func (c *client) result(id string) (string, error) {
	url := strings.TrimSuffix(c.base, "/api/v1/namespaces/default/") + "/aion.v1.WorkflowService/GetResult"
	b, err := c.do(http.MethodPost, url, fmt.Sprintf(`{"workflow":{"namespace":"default","workflow_id":%q},"wait":"30s"}`, id), 200)
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`"completed":\s*\{[^}]*"data":\s*"([^"]*)"`).FindStringSubmatch(b)
	if m == nil {
		return "", fmt.Errorf("run %s: %s", id, b)
	}
	v, err := base64.StdEncoding.DecodeString(m[1])
	return string(v), err
}

func (c *client) ready(p *process.Process, log string) {
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err := c.do(http.MethodGet, c.admin+"/readyz", "", 200); err == nil {
			return
		}
		select {
		case <-p.Exited():
			c.t.Fatal(process.Tail(log))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the server did not get ready: %s", process.Tail(log))
		}
	}
}

func (c *client) metrics() map[string]float64 {
	b, err := c.do(http.MethodGet, c.admin+"/metrics", "", 200)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]float64{}
	for _, line := range strings.Split(b, "\n") {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
				out[line[:i]] = v
			}
		}
	}
	return out
}

// rss is a process's resident memory in MB.
func rss(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", regexp.MustCompile(`Rss(Anon|File|Shmem):\s+\d+ kB`).FindAll(b, -1))
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no VmRSS in %s", b)
	}
	kb, _ := strconv.Atoi(string(m[1]))
	return kb / 1024
}

// TestBoot starts an engine on a store with 200,000 parked runs (20,000 where only the way is to be shown): it reads no history [S-2].
func TestBoot(t *testing.T) {
	n := 10 * runs()
	path := filepath.Join(t.TempDir(), "boot.db")
	ctx := t.Context()
	store, err := sqlite.Open(ctx, sqlstore.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	park(ctx, t, store, n)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if store, err = sqlite.Open(ctx, sqlstore.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	e, err := aion.New(aion.Options{Store: store, Runtime: native.New(waiter.Wait), Clock: system.Clock{}, IDs: random.IDs{}, Packages: engine.PackageOptions{Native: true}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := e.Open(ctx); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s := store.Stats()
	t.Logf("%d parked runs: ready after %v with %d reads of histories, %d of chains, %d other", n, time.Since(began).Round(time.Millisecond), s.HistoryReads, s.ChainReads, s.OtherReads)
	if s.HistoryReads != 0 || s.ChainReads != 0 || s.OtherReads > 10 {
		t.Errorf("boot made %d reads of histories, %d of chains and %d others; none, none and a handful are allowed", s.HistoryReads, s.ChainReads, s.OtherReads)
	}
	if got := e.Resident(); got != 0 {
		t.Errorf("%d runs are in memory after boot", got)
	}
	// One of them still wakes and ends.
	if _, err := e.Signal(ctx, ports.SignalRequest{Ref: ports.WorkflowRef{WorkflowID: "w7"}, Name: "go", Input: number(5)}); err != nil {
		t.Fatal(err)
	}
	o, err := e.Result(ctx, ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: "w7"}, Wait: time.Minute})
	if err != nil || string(o.Result.Data) != "5" {
		t.Fatalf("outcome %+v, %v", o, err)
	}
}

func number(n int) model.Payload {
	return model.Payload{ContentType: model.ContentTypeJSON, Data: fmt.Appendf(nil, "%d", n)}
}

// park writes runs as the engine leaves them: started, activated once, waiting for a signal.
func park(ctx context.Context, t *testing.T, store ports.Store, n int) {
	now := time.Now().UTC()
	seed := make([]byte, 32)
	each(n, func(i int) error {
		id, run := model.WorkflowID(fmt.Sprintf("w%d", i)), model.RunID(fmt.Sprintf("018f0000-0000-7000-8000-%012x", i))
		key := model.ChainKey{Namespace: "default", WorkflowID: id}
		var page []byte
		for seq, a := range []history.Attributes{
			&history.Started{Namespace: "default", WorkflowID: id, RunID: run, Type: "Wait", Input: number(0), TaskQueue: "default", Package: model.NativePackage, Seed: seed, ImageVersion: 1},
			&history.Activated{Through: 1},
		} {
			page = history.AppendEvent(page, &history.Event{Seq: model.Seq(seq + 1), Time: now.UnixNano(), Attr: a})
		}
		_, err := store.Append(ctx, &ports.Append{Key: key, Chain: ports.Chain{Version: 1, CurrentRun: run, HeadSeq: 2},
			Runs:    []ports.Run{{ID: run, Key: key, Type: "Wait", Status: model.StatusRunning, Package: model.NativePackage, TaskQueue: "default", StartedAt: now, HeadSeq: 2}},
			History: []ports.HistoryRow{{Run: run, First: 1, Last: 2, Bytes: page}},
			Counts:  []ports.RunCount{{Namespace: "default", Type: "Wait", Status: model.StatusRunning, N: 1}}})
		return err
	}, t.Errorf)
	if t.Failed() {
		t.FailNow()
	}
}
