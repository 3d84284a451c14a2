package sqlstore

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// dbFile is the place of a database: one file on a local disk, named by its absolute path without symbolic links, so that
// all names of the file share one lock.
type dbFile struct{ path string }

// locate finds the file that a path or "file:" URL means. Everything that is no local file is refused with what to do.
func locate(path string) (dbFile, error) {
	scheme, rest, isURL := strings.Cut(path, ":")
	switch {
	case path == "":
		return dbFile{}, fault.Invalidf("store.url is empty").Hinted("name a file, e.g. file:aion.db")
	case strings.Contains(path, ":memory:") || strings.Contains(path, "mode=memory"):
		return dbFile{}, fault.Invalidf("store.url %q means a database in memory", path).Hinted("use store.backend=memory")
	case isURL && strings.HasPrefix(rest, "//") && scheme != "file":
		return dbFile{}, fault.Invalidf("store.url %q names a remote database: the store is an embedded file, guarded by a lock on this machine", path).
			Hinted("name a local file, e.g. file:aion.db, or use store.backend=postgres for a database that several servers share")
	case scheme == "file" && isURL:
		if strings.ContainsAny(rest, "?#") {
			return dbFile{}, fault.Invalidf("store.url %q carries parameters: there are none to set", path).Hinted("name the file only, e.g. file:aion.db")
		}
		if host, ok := strings.CutPrefix(rest, "//"); ok {
			at := strings.IndexByte(host, '/')
			if at < 0 || at > 0 && host[:at] != "localhost" {
				return dbFile{}, fault.Invalidf("store.url %q names another machine", path).Hinted("write file:relative/path or file:///absolute/path")
			}
			rest = host[at:]
		}
		plain, err := url.PathUnescape(rest)
		if err != nil || plain == "" || strings.ContainsRune(plain, 0) {
			return dbFile{}, fault.Invalidf("store.url %q is no file name", path).Hinted("write file:relative/path or file:///absolute/path")
		}
		path = plain
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return dbFile{}, fault.Wrap(fault.Unavailable, err, "store.url %q", path)
	}
	return resolve(abs)
}

// resolve follows symbolic links: of the file where it exists, else of its directory.
func resolve(abs string) (dbFile, error) {
	real, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		dir, derr := filepath.EvalSymlinks(filepath.Dir(abs))
		if errors.Is(derr, fs.ErrNotExist) {
			return dbFile{}, fault.New(fault.Unavailable, "the directory %s of the store does not exist", filepath.Dir(abs)).Hinted("create it, or name another file in store.url")
		}
		real, err = filepath.Join(dir, filepath.Base(abs)), derr
	}
	if err != nil {
		return dbFile{}, fault.Wrap(fault.Unavailable, err, "the store %s cannot be reached", abs)
	}
	if st, err := os.Stat(real); err == nil && !st.Mode().IsRegular() {
		return dbFile{}, fault.New(fault.Unavailable, "the store %s is no regular file", real).Hinted("name a file in store.url")
	}
	return dbFile{real}, nil
}

// url is the file's name for a driver.
func (f dbFile) url() string {
	p := filepath.ToSlash(f.path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	return "file:" + (&url.URL{Path: p}).EscapedPath()
}

// fileSystemOf is replaced by a test.
var fileSystemOf = networkFileSystem

// prepare makes sure that this process may use the file as its only server: it checks the file system, takes the lock, and
// makes the file, readable by its owner only, where there is none. The lock is held until it is released.
func (f dbFile) prepare() (*lock, error) {
	dir := filepath.Dir(f.path)
	if kind := fileSystemOf(dir); kind != "" {
		return nil, fault.New(fault.Unavailable, "%s is on a network file system (%s), where neither locks nor shared memory can be trusted", dir, kind).
			Hinted("put the store on a local disk, or use store.backend=postgres")
	}
	l, err := f.lock()
	if err != nil {
		return nil, err
	}
	made, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		err = made.Close()
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if err != nil {
		return nil, errors.Join(f.unwritable(err), l.release())
	}
	return l, nil
}

// unwritable is the error of a directory or file that refuses us.
func (f dbFile) unwritable(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the store %s cannot be written", f.path).
		Hinted("the server needs a directory that it may write to, also for the files %s.lock, -wal and -shm", filepath.Base(f.path))
}

// failed is the error of an operation on the file, for people: what was tried, on which file, and what to do about it.
func (f dbFile) failed(d *Driver, what string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	wrap := func(r fault.Reason, hint string) error {
		return fault.Wrap(r, err, "cannot %s the store %s (%s)", what, f.path, d.Name).Hinted("%s", hint)
	}
	switch d.Classify(err) {
	case ClassBusy:
		return wrap(fault.Unavailable, "another process, such as a sqlite3 shell or a backup, holds a lock on the file: end its transaction")
	case ClassFull:
		return wrap(fault.Unavailable, "the disk is full: make room; nothing was written, and the call may be tried again")
	case ClassReadOnly, ClassCantOpen:
		return wrap(fault.Unavailable, "the server needs a file and a directory that it may write to")
	case ClassNotADB:
		return wrap(fault.Unavailable, "the file is no database; nothing was changed: name another file in store.url")
	case ClassCorrupt:
		return wrap(fault.Internal, "the file is damaged: stop the server, keep a copy of the file with its -wal, and restore a backup")
	case ClassIO:
		return wrap(fault.Unavailable, "the disk failed: look at the system's log")
	}
	return wrap(fault.Internal, "this is a defect: please report it with the server's log")
}
