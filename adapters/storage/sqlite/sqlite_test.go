package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) ports.Store {
		st, err := sqlite.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "aion.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		return st
	})
}
