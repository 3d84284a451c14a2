package wasm

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// blobStore keeps one file per hibernated run (D-9): no fsync and no rename, because a damaged file is found by its checksum and costs a
// replay, nothing else. The index, about 150 bytes a file, is bounded by what bounds the files. Safe for concurrent use; two calls for one
// run at the same time leave either of the two outcomes.
type blobStore struct {
	dir     string
	limit   int64
	dropped func() // a blob was evicted

	mu    sync.Mutex
	files map[blobName]*list.Element
	order *list.List // of *blobFile, the oldest first
	bytes int64
	scan  sync.WaitGroup
	stop  chan struct{}
}

// blobName is derived from the run, so that no identifier of a user reaches the file system.
type blobName [16]byte

type blobFile struct {
	name blobName
	size int64
}

func nameOf(run model.RunID) blobName {
	sum := sha256.Sum256([]byte(run))
	return blobName(sum[:16])
}

const blobSuffix = ".hib"

// path spreads the files over 256 folders.
func (s *blobStore) path(n blobName) string {
	text := hex.EncodeToString(n[:])
	return filepath.Join(s.dir, text[:2], text[2:]+blobSuffix)
}

// openBlobs opens a folder. Files of an earlier process stay usable: what they say about themselves decides, not where they come from.
// They are counted in the background, at two microseconds each.
func openBlobs(dir string, limit int64, dropped func()) (*blobStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil { // it may have been there, open to others
		return nil, err
	}
	for i := range 256 {
		if err := os.Mkdir(filepath.Join(dir, hex.EncodeToString([]byte{byte(i)})), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	s := &blobStore{dir: dir, limit: limit, dropped: dropped, files: map[blobName]*list.Element{}, order: list.New(), stop: make(chan struct{})}
	s.scan.Go(s.countOld)
	return s, nil
}

// countOld puts the files that were there before into the index, oldest first. Files that are no blobs are removed.
func (s *blobStore) countOld() {
	type old struct {
		blobFile
		at time.Time
	}
	var found []old
	for i := range 256 {
		select {
		case <-s.stop:
			return
		default:
		}
		folder := hex.EncodeToString([]byte{byte(i)})
		entries, err := os.ReadDir(filepath.Join(s.dir, folder))
		if err != nil {
			continue // what cannot be read is not used either
		}
		for _, e := range entries {
			var f old
			text, ok := folder+e.Name(), false
			if len(text) == 2*len(f.name)+len(blobSuffix) && text[2*len(f.name):] == blobSuffix {
				_, err := hex.Decode(f.name[:], []byte(text[:2*len(f.name)]))
				ok = err == nil
			}
			info, err := e.Info()
			if !ok || err != nil {
				_ = os.Remove(filepath.Join(s.dir, folder, e.Name()))
				continue
			}
			f.size, f.at = info.Size(), info.ModTime()
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b old) int { return a.at.Compare(b.at) })
	s.mu.Lock()
	for k := len(found) - 1; k >= 0; k-- { // in front of what was written meanwhile
		f := found[k].blobFile
		if _, known := s.files[f.name]; !known {
			s.files[f.name] = s.order.PushFront(&f)
			s.bytes += f.size
		}
	}
	victims := s.evict()
	s.mu.Unlock()
	s.remove(victims)
}

// close waits for the background.
func (s *blobStore) close() {
	close(s.stop)
	s.scan.Wait()
}

// write stores a run's blob in the place of an older one.
func (s *blobStore) write(run model.RunID, blob []byte) error {
	name := nameOf(run)
	if err := overwrite(s.path(name), blob); err != nil {
		s.forget(name)
		return err
	}
	s.mu.Lock()
	s.unlist(name)
	s.files[name] = s.order.PushBack(&blobFile{name, int64(len(blob))})
	s.bytes += int64(len(blob))
	victims := s.evict()
	s.mu.Unlock()
	s.remove(victims)
	return nil
}

// overwrite writes a file in place. Truncating it first would be simpler, but makes ext4 write it out when it is closed, which takes a
// millisecond, in case a program without fsync relies on it.
func overwrite(path string, b []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Truncate(int64(len(b)))
	}
	return errors.Join(err, f.Close())
}

// read gives a run's blob, or nil.
func (s *blobStore) read(run model.RunID) []byte {
	b, err := os.ReadFile(s.path(nameOf(run)))
	if err != nil {
		return nil
	}
	return b
}

// forget removes a blob, if it is there.
func (s *blobStore) forget(name blobName) {
	s.mu.Lock()
	s.unlist(name)
	s.mu.Unlock()
	_ = os.Remove(s.path(name)) // most often it is not there
}

// unlist takes a file out of the index; the caller holds the mutex.
func (s *blobStore) unlist(name blobName) {
	if e, ok := s.files[name]; ok {
		s.bytes -= s.order.Remove(e).(*blobFile).size
		delete(s.files, name)
	}
}

// evict takes the oldest files out of the index until the limit is kept, and gives them to be removed without the mutex.
func (s *blobStore) evict() (victims []blobName) {
	for s.bytes > s.limit && s.order.Len() > 0 {
		name := s.order.Front().Value.(*blobFile).name
		s.unlist(name)
		victims = append(victims, name)
	}
	return victims
}

func (s *blobStore) remove(victims []blobName) {
	for _, name := range victims {
		_ = os.Remove(s.path(name))
		s.dropped()
	}
}
