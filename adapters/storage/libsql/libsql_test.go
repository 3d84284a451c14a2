//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package libsql_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/adapters/storage/sqlstore/sqlstoretest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/storetest"
)

func TestMain(m *testing.M) {
	storetest.CrashChild(openIn)
	otherDriver()
	goleak.VerifyTestMain(m)
}

func openIn(dir string) (ports.Store, error) {
	return libsql.Open(context.Background(), sqlstore.Options{Path: filepath.Join(dir, "aion.db")})
}

func TestDriver(t *testing.T) { sqlstoretest.Run(t, libsql.Driver) }

func TestReopen(t *testing.T) { storetest.RunReopen(t, openIn) }

func TestCrash(t *testing.T) { storetest.RunCrash(t, openIn) }

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	st, err := libsql.Open(t.Context(), sqlstore.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) ports.Store { return open(t, filepath.Join(t.TempDir(), "aion.db")) })
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) ports.Store { return open(b, filepath.Join(b.TempDir(), "aion.db")) })
}

// otherDriver is a child process of TestSameFile: SQLite libraries must not meet on one file in one process.
func otherDriver() {
	path := os.Getenv("AION_SAME_FILE")
	if path == "" {
		return
	}
	err := func() error {
		st, err := sqlite.Open(context.Background(), sqlstore.Options{Path: path})
		if err != nil {
			return err
		}
		if _, _, err := st.Chain(context.Background(), create("by-libsql").Key); err != nil {
			return err
		}
		if _, err := st.Append(context.Background(), create("by-sqlite")); err != nil {
			return err
		}
		return st.Close()
	}()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func create(name string) *ports.Append {
	key, run := model.ChainKey{Namespace: "2024-01-02", WorkflowID: model.WorkflowID(name)}, model.RunID("run-"+name)
	return &ports.Append{Key: key, Chain: ports.Chain{Version: 1, CurrentRun: run, HeadSeq: 1}, Runs: []ports.Run{{ID: run, Key: key}},
		History: []ports.HistoryRow{{Run: run, First: 1, Last: 1, Bytes: []byte(name)}}}
}

// Both drivers read and write the same file.
func TestSameFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "aion.db")
	st := open(t, path)
	if _, err := st.Append(t.Context(), create("by-libsql")); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "AION_SAME_FILE="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the other driver: %v\n%s", err, out)
	}
	st = open(t, path)
	rows, err := st.Feed(t.Context(), 0, 0, 1<<20)
	if err != nil || len(rows) != 2 || string(rows[0].Bytes) != "by-libsql" || string(rows[1].Bytes) != "by-sqlite" || rows[1].Key.Namespace != "2024-01-02" {
		t.Errorf("the file holds %+v (%v)", rows, err)
	}
}

// Without CGO nothing of the driver is linked, and what is left compiles.
func TestWithoutCGO(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "github.com/aionrun/aion/adapters/storage/libsql")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "tursodatabase") {
		t.Error("a build without CGO depends on go-libsql")
	}
}
