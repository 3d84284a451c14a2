package shop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Entry is one line of the journal: something that happened in the world and cannot be taken back, only be made good by another.
type Entry struct {
	Time  time.Time `json:"time"`
	Kind  Kind      `json:"kind"`
	Key   string    `json:"key"` // what makes it one, however often it is asked for
	Order string    `json:"order"`
	Cents int64     `json:"cents"` // charge, refund: how much moved
	ID    string    `json:"id"`    // charge, ship: the payment, the parcel
	PID   int       `json:"pid"`   // the process that asked
}

// Kind says what happened.
type Kind string

// The kinds of entries.
const (
	Reserved Kind = "reserve"
	Released Kind = "release"
	Charged  Kind = "charge"
	Refunded Kind = "refund"
	Shipped  Kind = "ship"
)

type entryKey struct {
	kind Kind
	key  string
}

// Journal is a file of entries that several processes may share. Entries are on disk before anybody hears of them.
// Safe for concurrent use.
type Journal struct {
	mu      sync.Mutex
	file    *os.File
	read    int64 // how much of the file is in entries
	entries map[entryKey]Entry
}

// Open opens the journal in the folder dir, and makes both where they are not there.
func Open(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &Journal{file: f, entries: map[entryKey]Entry{}}, nil
}

// FileName is the journal's name inside its folder.
const FileName = "journal.jsonl"

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// look finds entries, under the journal's lock.
type look func(kind Kind, key string) (Entry, bool)

// decide lets fn look at the journal, with nobody else writing, and appends the entry that it answers, if any.
func (j *Journal) decide(fn func(look) (*Entry, error)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := lock(j.file); err != nil {
		return fmt.Errorf("lock the journal: %w", err)
	}
	defer unlock(j.file)
	if err := j.catchUp(); err != nil {
		return err
	}
	e, err := fn(func(kind Kind, key string) (Entry, bool) {
		e, ok := j.entries[entryKey{kind, key}]
		return e, ok
	})
	if err != nil || e == nil {
		return err
	}
	e.Time, e.PID = time.Now().UTC(), os.Getpid()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return j.file.Sync()
}

// catchUp reads what was written since the last time, by whichever process.
func (j *Journal) catchUp() error {
	added, err := io.ReadAll(io.NewSectionReader(j.file, j.read, 1<<62))
	if err != nil {
		return err
	}
	entries, err := parse(added)
	if err != nil {
		return err
	}
	for _, e := range entries {
		j.entries[entryKey{e.Kind, e.Key}] = e
	}
	j.read += int64(len(added))
	return nil
}

// ReadEntries reads the journal in the folder dir. One that is not there is empty.
func ReadEntries(dir string) ([]Entry, error) {
	b, err := os.ReadFile(filepath.Join(dir, FileName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parse(b)
}

func parse(b []byte) ([]Entry, error) {
	var out []Entry
	for line := range bytes.Lines(b) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("the journal is damaged: %q: %w", line, err)
		}
		out = append(out, e)
	}
	return out, nil
}
