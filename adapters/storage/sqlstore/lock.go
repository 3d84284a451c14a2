package sqlstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// lock is held on a side file for as long as the store is open, so that a second server on the same file is refused. The
// operating system gives it back when the process ends, however it ends. The file stays: removing it would let two
// servers hold locks on two files of the same name.
type lock struct{ f *os.File }

func (f dbFile) lock() (*lock, error) {
	name := f.path + ".lock"
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, f.unwritable(err)
	}
	if err := lockFile(file); err != nil {
		held := errors.Is(err, errLocked)
		by := ""
		if owner, rerr := io.ReadAll(io.LimitReader(file, 64)); rerr == nil && len(owner) > 0 {
			by = " (process " + strings.TrimSpace(string(owner)) + ")"
		}
		err = errors.Join(err, file.Close())
		if held {
			return nil, fault.New(fault.Unavailable, "the store %s is open in another server%s", f.path, by).
				Hinted("stop that server, or give this one another file in store.url; %s is held while a server runs", name)
		}
		return nil, fault.Wrap(fault.Unavailable, err, "cannot lock %s", name).Hinted("the server needs a local file system with file locks")
	}
	// The process ID is only for the message above: a server that cannot write it is locked all the same.
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	return &lock{file}, nil
}

func (l *lock) release() error {
	unlockFile(l.f)
	return l.f.Close()
}

var errLocked = errors.New("the lock is held")
