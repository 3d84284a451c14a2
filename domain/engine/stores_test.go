package engine_test

import (
	"path/filepath"
	"testing"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/ports"
)

// everyStore runs a test on each store there is; use puts a fresh one into the engine's options.
func everyStore(t *testing.T, test func(t *testing.T, use func(o *aion.Options))) {
	opens := map[string]func(t *testing.T) (ports.Store, error){
		"memory": func(*testing.T) (ports.Store, error) { return memory.New(), nil },
		"sqlite": func(t *testing.T) (ports.Store, error) {
			return sqlite.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "test.db")})
		},
	}
	if libsql.Available {
		opens["libsql"] = func(t *testing.T) (ports.Store, error) {
			return libsql.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "test.db")})
		}
	}
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			store, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			test(t, func(o *aion.Options) { o.Store = store })
		})
	}
}
