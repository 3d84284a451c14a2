//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package sqlstore

import (
	"os"
	"sync"
)

var (
	openMu sync.Mutex
	opened = map[string]bool{}
)

// lockFile has no file locks to use here: it refuses a second open in this process only. Two server PROCESSES on one file
// are not kept apart on this operating system; SQLite's own locks still keep the file whole, but the second server would
// not see what the first one holds in memory. Run one server per file.
func lockFile(f *os.File) error {
	openMu.Lock()
	defer openMu.Unlock()
	if opened[f.Name()] {
		return errLocked
	}
	opened[f.Name()] = true
	return nil
}

func unlockFile(f *os.File) {
	openMu.Lock()
	defer openMu.Unlock()
	delete(opened, f.Name())
}
