package sqlstoretest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/domain/fault"
)

// tmpfs mounts a small file system of its own, or skips where that is not allowed.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("NOT TESTED HERE: this case mounts a small tmpfs, which needs root (%v). Run it as root.", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}

func readOnlyDirectory(t *testing.T, d sqlstore.Driver) {
	dir := tmpfs(t, "1m")
	path := filepath.Join(dir, "aion.db")
	st := open(t, d, path)
	ok(t, appendTo(st, "wf", 10))
	ok(t, st.Close())
	settled(t, path)
	remount := func(flags uintptr) { ok(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "")) }
	remount(syscall.MS_RDONLY)
	contains(t, refused(t, d, path, fault.Unavailable), path, "cannot be written", "needs a directory")
	contains(t, refused(t, d, filepath.Join(dir, "new.db"), fault.Unavailable), "new.db", "cannot be written")
	remount(0)
	if st = open(t, d, path); !has(t, st, "wf") {
		t.Error("the data is gone")
	}
}

// fullDisk: SQLITE_FULL is a clean refusal (C-8). What was acknowledged stays, and with room again the store goes on.
func fullDisk(t *testing.T, d sqlstore.Driver) {
	dir := tmpfs(t, "3m")
	path := filepath.Join(dir, "aion.db")
	fatal := make(chan error, 1)
	st, err := sqlstore.Open(t.Context(), d, sqlstore.Options{Path: path, OnFatal: func(err error) { fatal <- err }})
	ok(t, err)
	closed := false
	defer func() {
		if !closed {
			_ = st.Close()
		}
	}()
	ballast := filepath.Join(dir, "ballast")
	ok(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600))
	for round := range 3 {
		acked, failures := 0, 0
		// Some large appends and some small ones, so that the disk fills up at different places of a transaction.
		for i := 0; failures < 8; i++ {
			if i == 5000 {
				t.Fatal("the disk does not fill up")
			}
			name := fmt.Sprintf("r%d-%d", round, i)
			err := appendTo(st, name, []int{100_000, 10, 3000}[i%3])
			switch {
			case err == nil:
				acked++
			case fault.Has(err, fault.Unavailable):
				failures++
				contains(t, err.Error(), path, "disk is full", "make room")
			default:
				t.Fatalf("append %s on a full disk gave %v, want unavailable", name, err)
			}
			if here := has(t, st, name); here != (err == nil) {
				t.Fatalf("append %s answered %v, and its chain is there: %v", name, err, here)
			}
		}
		t.Logf("round %d: %d appends before and between %d failures", round, acked, failures)
		if round == 0 {
			ok(t, os.Remove(ballast))
		}
	}
	select {
	case err := <-fatal:
		t.Fatalf("the store stopped itself on a full disk: %v", err)
	default:
	}
	before := st.Stats().Appends
	closed = true
	_ = st.Close() // the last checkpoint may find no room; the data is in the log then

	ok(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=20m"))
	again := open(t, d, path)
	rows, err := again.Feed(t.Context(), 0, 0, 1<<30)
	ok(t, err)
	if int64(len(rows)) != before {
		t.Errorf("%d history rows after reopening, %d appends were acknowledged", len(rows), before)
	}
	ok(t, appendTo(again, "room-again", 100_000))
}
