//go:build unix

package shop

import (
	"os"
	"syscall"
)

// lock waits until no other process holds the file. The lock ends with the process, however that ends.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}

func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
