package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Log is a file of lines that several goroutines and processes append to. Safe for concurrent use.
type Log[T any] struct {
	mu   sync.Mutex
	file *os.File
}

// OpenLog opens the file for appending and makes it where it is not there.
func OpenLog[T any](path string) (*Log[T], error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &Log[T]{file: f}, nil
}

// Write appends values in one write, and returns when they are on disk.
func (l *Log[T]) Write(values ...T) error {
	if len(values) == 0 {
		return nil
	}
	var lines []byte
	for _, v := range values {
		line, err := json.Marshal(v)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	l.mu.Lock()
	_, err := l.file.Write(lines)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.file.Sync()
}

// Close closes the file.
func (l *Log[T]) Close() error { return l.file.Close() }

// ReadLog reads every line of a file. A file that is not there has none.
func ReadLog[T any](path string) ([]T, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []T
	n := 0
	for line := range bytes.Lines(b) {
		n++
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("%s:%d: %q: %w", filepath.Base(path), n, line, err)
		}
		out = append(out, v)
	}
	return out, nil
}
