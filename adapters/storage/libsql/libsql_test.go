//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package libsql_test

import (
	"context"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/adapters/storage/sqlstore/sqlstoretest"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/storetest"
)

func TestMain(m *testing.M) {
	storetest.CrashChild(openIn)
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
