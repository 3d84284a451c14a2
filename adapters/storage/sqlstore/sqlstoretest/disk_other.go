//go:build !linux

package sqlstoretest

import (
	"testing"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
)

func readOnlyDirectory(t *testing.T, _ sqlstore.Driver) {
	t.Skip("NOT TESTED HERE: this case mounts a read-only tmpfs, which Linux has. Run it there.")
}

func fullDisk(t *testing.T, _ sqlstore.Driver) {
	t.Skip("NOT TESTED HERE: this case mounts a small tmpfs, which Linux has. Run it there.")
}
