//go:build !(cgo && ((linux && (amd64 || arm64)) || (darwin && arm64)))

package libsql_test

import (
	"strings"
	"testing"

	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/domain/fault"
)

// A build without the driver says so, and names the other one.
func TestWithoutDriver(t *testing.T) {
	_, open := libsql.Open(t.Context(), sqlstore.Options{Path: "x.db"})
	_, status := libsql.Migrations(t.Context(), "x.db")
	_, migrate := libsql.Migrate(t.Context(), "x.db")
	for _, err := range []error{open, status, migrate} {
		if !fault.Has(err, fault.Unavailable) {
			t.Fatalf("a build without CGO gave %v, want unavailable", err)
		}
		for _, say := range []string{"without CGO", "store.backend=sqlite", "same file", "libsql"} {
			if !strings.Contains(err.Error(), say) {
				t.Errorf("the message %q does not say %q", err, say)
			}
		}
	}
	if libsql.Available {
		t.Error("the driver is said to be there")
	}
}
