package dev

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/aionrun/aion/domain/fault"
)

// settle is how long nothing must change before a change counts: editors and git write many files one after another.
const settle = 150 * time.Millisecond

// watch tells, until ctx ends, when code below dir has changed. A change during a slow consumer's work is told afterwards, once.
func watch(ctx context.Context, dir string) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "files cannot be watched")
	}
	if err := addFolders(w, dir); err != nil {
		_ = w.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "the files below %s cannot be watched", dir).Hinted("raise fs.inotify.max_user_watches, or start aion dev in a smaller folder")
	}
	changed := make(chan struct{}, 1)
	go func() {
		defer w.Close()
		quiet := time.NewTimer(time.Hour)
		quiet.Stop()
		defer quiet.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-w.Events:
				if !ok {
					return
				}
				if e.Has(fsnotify.Create) {
					_ = addFolders(w, e.Name) // a file, or gone already: nothing to watch
				}
				if isCode(e.Name) && e.Op != fsnotify.Chmod {
					quiet.Reset(settle)
				}
			case err := <-w.Errors:
				if err != nil { // events were lost: look as if something had changed
					quiet.Reset(settle)
				}
			case <-quiet.C:
				select {
				case changed <- struct{}{}:
				default:
				}
			}
		}
	}()
	return changed, nil
}

// addFolders watches a folder and those below it.
func addFolders(w *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil
		}
		if base := e.Name(); name != dir && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata") {
			return filepath.SkipDir
		}
		return w.Add(name)
	})
}

// isCode says whether a file can change what is built.
func isCode(name string) bool {
	switch base := filepath.Base(name); {
	case strings.HasPrefix(base, "."), strings.HasSuffix(base, "~"), strings.HasSuffix(base, "_test.go"):
		return false
	case base == "go.mod", base == "go.sum", base == "go.work":
		return true
	default:
		return filepath.Ext(base) == ".go"
	}
}
