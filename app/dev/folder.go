package dev

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// stateFolder is where a developer's server keeps everything, inside the folder of the code.
const stateFolder = ".aion"

// StateFolder makes dir/.aion, which git ignores by itself, and gives its absolute path.
func StateFolder(dir string) (string, error) {
	state, err := filepath.Abs(filepath.Join(dir, stateFolder))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "the folder %s cannot be found", dir)
	}
	if err := os.MkdirAll(state, 0o755); err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "the folder for the server's data cannot be made").Hinted("use a folder that you may write to, or --ephemeral")
	}
	ignore := filepath.Join(state, ".gitignore")
	if err := os.WriteFile(ignore, []byte("*\n"), 0o644); err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "the folder for the server's data cannot be written").Hinted("use a folder that you may write to, or --ephemeral")
	}
	return state, nil
}

// Database is the file of the store in a state folder.
func Database(state string) string { return filepath.Join(state, "dev.db") }

// Reset removes the store of a state folder and what belongs to it. The file that a running server holds its lock on stays.
func Reset(state string) error {
	db := Database(state)
	for _, name := range []string{db, db + "-wal", db + "-shm", db + "-cache"} {
		if err := os.RemoveAll(name); err != nil {
			return fault.Wrap(fault.Unavailable, err, "the store cannot be cleared")
		}
	}
	return nil
}

// hasCode says whether a folder has Go files of a package, tests aside.
func hasCode(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, fault.Wrap(fault.NotFound, err, "dev").Hinted("name a folder that exists")
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			return true, nil
		}
	}
	return false, nil
}

// workerFolder is the program that serves the activities, beside the code that declares them.
func workerFolder(dir string) (string, bool) {
	name := filepath.Join(dir, "worker")
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return "", false
	}
	code, err := hasCode(name)
	return name, err == nil && code
}
