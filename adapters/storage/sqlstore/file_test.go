package sqlstore

import (
	"os"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
)

// [S-6] A network file system is refused, with its name and what to do, and nothing is written to it.
func TestNetworkFileSystemIsRefused(t *testing.T) {
	fileSystemOf = func(string) string { return "NFS" }
	t.Cleanup(func() { fileSystemOf = networkFileSystem })
	dir := t.TempDir()
	_, err := open(t.Context(), (&faulty{t: t}).driverFor(), Options{Path: dir + "/aion.db"}, defaultTuning)
	if !fault.Has(err, fault.Unavailable) {
		t.Fatalf("a network file system gave %v, want unavailable", err)
	}
	for _, say := range []string{dir, "NFS", "local disk", "postgres"} {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("the message %q does not say %q", err, say)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the directory holds %v (%v)", entries, err)
	}
}
