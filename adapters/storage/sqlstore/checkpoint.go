package sqlstore

import (
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// checkpointer moves the write-ahead log into the database file (S-6), on a connection of its own. Nothing does it
// automatically: a commit would have to wait for it.
//
// A checkpoint beside the writer (PASSIVE) takes a while, and what is committed meanwhile keeps the log from beginning at its
// start again: under steady load it would only grow. So the rest, which is small then, is moved while the writer holds still
// between two transactions.
type checkpointer struct {
	s    *Store
	c    *conn
	wake chan struct{}
	quit chan struct{}
	done chan struct{}
	once sync.Once

	pages atomic.Int64 // written since the last checkpoint began, as the writer guesses
	due   atomic.Int64 // the number at which the next one begins
	full  atomic.Bool  // the log must be cut

	perPage float64 // bytes in the log for each guessed page, as measured
}

func newCheckpointer(s *Store) (*checkpointer, error) {
	c, err := s.src.connect()
	if err != nil {
		return nil, err
	}
	if err := c.configure(s.file, checkpointing); err != nil {
		return nil, errors.Join(err, c.close())
	}
	w := &checkpointer{s: s, c: c, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), perPage: pageBytes}
	w.plan()
	return w, nil
}

// plan says after how many guessed pages the next checkpoint begins.
func (w *checkpointer) plan() {
	w.due.Store(max(1, int64(float64(w.s.tune.passiveBytes)/w.perPage)))
}

// committed is told by the writer about how many pages it has written.
func (w *checkpointer) committed(pages int64) {
	if pages == 0 {
		return
	}
	is := w.pages.Add(pages)
	// The first commit starts the wait for idleness.
	if is == pages || is >= w.due.Load() {
		w.notify()
	}
}

// cut asks for the log to be cut as soon as possible: the disk is full.
func (w *checkpointer) cut() {
	w.full.Store(true)
	w.notify()
}

func (w *checkpointer) notify() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *checkpointer) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

// loop waits for work. While nothing is committed it waits for nothing else: no timer runs.
func (w *checkpointer) loop() {
	defer close(w.done)
	idle := time.NewTimer(w.s.tune.idle)
	idle.Stop()
	var seen int64 // commits when the wait for idleness began
	waiting := false
	for {
		select {
		case <-w.quit:
			return
		case <-w.wake:
			switch {
			case w.full.Swap(false):
				w.truncate()
			case w.pages.Load() >= w.due.Load():
				w.passive()
			}
			if !waiting {
				waiting, seen = true, w.s.stats.commits.Load()
				idle.Reset(w.s.tune.idle)
			}
		case <-idle.C:
			now := w.s.stats.commits.Load()
			if now == seen {
				// From here on the next commit wakes the loop again; one that came in between has not.
				w.pages.Store(0)
				now = w.s.stats.commits.Load()
			}
			if now != seen {
				seen = now
				idle.Reset(w.s.tune.idle)
				continue
			}
			waiting = false
			w.truncate()
		}
	}
}

// passive moves the log into the file beside the writer, then the rest between two transactions, and cuts a log that has grown too large.
func (w *checkpointer) passive() {
	guessed := w.pages.Swap(0)
	frames, ok := w.checkpoint("PASSIVE")
	if !ok {
		return
	}
	w.s.writer.pause.Lock()
	_, ok = w.checkpoint("PASSIVE")
	w.s.writer.pause.Unlock()
	if !ok {
		return
	}
	if guessed > 0 && frames > 0 {
		w.perPage = (w.perPage + float64(frames*pageBytes)/float64(guessed)) / 2
	}
	w.plan()
	st, err := os.Stat(w.s.file.path + "-wal")
	switch {
	case err == nil && st.Size() > w.s.tune.truncateBytes:
		w.truncate()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		w.s.log.Warn("the write-ahead log cannot be looked at", "file", w.s.file.path, "error", err)
	}
}

// pageBytes is what one page takes in the log.
const pageBytes = 4096 + 24

// truncate moves the log into the file and cuts it, between two transactions.
func (w *checkpointer) truncate() {
	w.s.writer.pause.Lock()
	defer w.s.writer.pause.Unlock()
	w.checkpoint("TRUNCATE")
}

// checkpoint runs one and gives the number of pages in the log. A failure harms nobody: the data is in the log, and the next
// checkpoint takes it up.
func (w *checkpointer) checkpoint(mode string) (frames int64, ok bool) {
	var busy int64
	var bad error
	err := w.c.query("PRAGMA wal_checkpoint("+mode+")", nil, func(row []driver.Value) bool {
		c := columns{row: row}
		busy, frames = c.int(), c.int()
		bad = c.err
		return false
	})
	err = firstError(err, bad)
	if err == nil && busy != 0 {
		err = fault.New(fault.Unavailable, "a reader held it up")
	}
	if err != nil {
		w.s.log.Warn("a checkpoint of the write-ahead log failed; it will be tried again", "file", w.s.file.path, "mode", mode, "error", err)
	}
	w.s.tune.checkpointed(mode, err)
	return frames, err == nil
}
