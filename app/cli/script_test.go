package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name == "race" {
				return raced, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Setup: func(e *testscript.Env) error {
			public, err := freePort()
			if err != nil {
				return err
			}
			admin, err := freePort()
			if err != nil {
				return err
			}
			e.Setenv("ADDRESS", public)
			e.Setenv("ADMIN", admin)
			e.Setenv("AION_ADDRESS", public)
			e.Setenv("AION_SERVER__ADDRESS", public)
			e.Setenv("AION_SERVER__ADMIN_ADDRESS", admin)
			e.Setenv("AION_LOG__FORMAT", "text")
			e.Setenv("TZ", "UTC")
			e.Setenv("REPO", repository())
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "HOME", "GOFLAGS", "GOPROXY"} {
				if v := os.Getenv(name); v != "" {
					e.Setenv(name, v)
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":      ready,
			"get":        get,
			"lookup":     lookup,
			"eventually": eventually,
			"logged":     logged,
			"truncate":   truncate,
			"newer":      newer,
			"lock":       lock,
			"capture":    capture,
		},
	})
}

var takenPorts sync.Map

// freePort gives an address of this machine that nobody listens on; within these tests each only once.
func freePort() (string, error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			return "", err
		}
		if _, taken := takenPorts.LoadOrStore(address, true); !taken {
			return address, nil
		}
	}
}

// ready [HOST:PORT] waits until the server's private port says that it is ready; ! ready until it no longer does.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	admin := ts.Getenv("ADMIN")
	if len(args) > 0 {
		admin = args[0]
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for {
		status, _, err := fetch(ctx, "http://"+admin+"/readyz")
		if is := err == nil && status == http.StatusOK; is != neg && ctx.Err() == nil {
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			ts.Fatalf("the server at %s did not get there: status %d, %v", admin, status, err)
		}
	}
}

// get URL prints what is there to standard output; ! get expects another status than 200.
func get(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	status, body, err := fetch(ctx, args[0])
	ts.Check(err)
	if neg == (status == http.StatusOK) {
		ts.Fatalf("%s answered %d: %s", args[0], status, body)
	}
	_, err = fmt.Fprint(ts.Stdout(), body)
	ts.Check(err)
}

func fetch(ctx context.Context, url string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// lookup VARIABLE FILE PREFIX sets an environment variable to the word behind PREFIX in a file.
func lookup(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[1])
	_, rest, ok := strings.Cut(text, args[2])
	if !ok {
		ts.Fatalf("%s has no %q:\n%s", args[1], args[2], text)
	}
	rest = strings.TrimLeft(rest, " ")
	if i := strings.IndexAny(rest, " \n\",}"); i >= 0 {
		rest = rest[:i]
	}
	ts.Setenv(args[0], rest)
}

// scripts reads all scripts.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	out := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(b)
	}
	return out
}

// repository is the root of the source tree.
func repository() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}

// patience bounds what a script waits for: builds, on a machine that does other things too.
const patience = 90 * time.Second

// eventually COMMAND ARGS... repeats a command until it succeeds; ! eventually until it fails.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	retry(ts, func() error {
		err := ts.Exec(args[0], args[1:]...)
		if neg && err == nil {
			return errors.New("it still succeeds")
		}
		if neg {
			return nil
		}
		return err
	})
}

// logged FILE PATTERN waits until a file that is being written holds the pattern.
func logged(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	name := ts.MkAbs(args[0])
	retry(ts, func() error {
		b, err := os.ReadFile(name)
		if err == nil && !pattern.Match(b) {
			err = fmt.Errorf("no %q in\n%s", args[1], b)
		}
		return err
	})
}

func retry(ts *testscript.TestScript, try func() error) {
	end := time.NewTimer(patience)
	defer end.Stop()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-every.C:
		case <-end.C:
			ts.Fatalf("not within %v: %v", patience, err)
		}
	}
}

// truncate FILE cuts a file in half.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	info, err := os.Stat(name)
	ts.Check(err)
	ts.Check(os.Truncate(name, info.Size()/2))
}

// newer FILE makes a database look as if a later version had written it.
func newer(ts *testscript.TestScript, _ bool, args []string) {
	db := openDatabase(ts, args[0])
	_, err := db.Exec("UPDATE meta SET value = 999 WHERE name = 'schema'")
	ts.Check(err)
	ts.Check(db.Close())
}

// lock FILE keeps a database locked, as another program would, until the script ends.
func lock(ts *testscript.TestScript, _ bool, args []string) {
	db := openDatabase(ts, args[0])
	db.SetMaxOpenConns(1)
	_, err := db.Exec("BEGIN EXCLUSIVE")
	ts.Check(err)
	ts.Defer(func() { ts.Check(db.Close()) })
}

func openDatabase(ts *testscript.TestScript, name string) *sql.DB {
	db, err := sql.Open("sqlite", ts.MkAbs(name))
	ts.Check(err)
	return db
}
