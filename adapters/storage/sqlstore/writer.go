package sqlstore

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// writer commits everything that changes the store: one goroutine on one connection.
type writer struct {
	s    *Store
	c    *conn
	done chan struct{}

	// pause is held during each transaction; the checkpointer takes it to work between two of them.
	pause sync.Mutex

	at, next positions // as committed, and as of the transaction in work
	counts   tally[countKey]
	pins     tally[model.PackageHash]

	args      args
	creations []*ports.Append
	runs      []runRow // of the winners of the transaction in work
	rows      []newRow
	work      int // rows written by the transaction in work
}

// positions are the last ones given out.
type positions struct{ history, message, task int64 }

// runRow is a run's row of a winner; prior says that it is not its chain's current run.
type runRow struct {
	*ports.Run
	prior bool
}

// newRow is a history row of a winner, with its position.
type newRow struct {
	*ports.HistoryRow
	id  ports.AppendID
	pos int64
}

func newWriter(s *Store) (*writer, error) {
	c, err := s.src.connect()
	if err != nil {
		return nil, err
	}
	w := &writer{s: s, c: c, done: make(chan struct{})}
	if err := w.load(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return w, nil
}

const sqlLastPosition = `SELECT max(pos) FROM history`

// load brings the file's schema and the writer's memory up to date. A file that must not be touched is refused before anything is written.
func (w *writer) load() error {
	if _, err := schemaVersion(w.c, w.s.file); err != nil {
		return err
	}
	if err := w.c.configure(w.s.file, writing); err != nil {
		return err
	}
	if _, err := migrate(w.c, w.s.file); err != nil {
		return err
	}
	// History positions are dense: whatever removes the newest rows must keep theirs from being given out again.
	last, _, err := w.c.number(sqlLastPosition, nil)
	if err != nil {
		return w.failed(err)
	}
	kept, _, err := w.c.number(sqlKeptPosition, nil)
	if err != nil {
		return w.failed(err)
	}
	last = max(last, kept)
	// Messages and tasks only need an order, and come and go: each opening begins far above the one before.
	opened, _, err := w.c.number("SELECT value FROM meta WHERE name = 'opened'", nil)
	if err != nil {
		return w.failed(err)
	}
	opened++
	if err := w.c.run(fmt.Sprintf("UPDATE meta SET value = %d WHERE name = 'opened'", opened)); err != nil {
		return w.failed(err)
	}
	w.at = positions{history: last, message: opened << 40, task: opened << 40}
	w.s.head.Store(last)
	if err := w.loadTallies(); err != nil {
		return w.failed(err)
	}
	return nil
}

func (w *writer) failed(err error) error { return w.s.file.failed(w.s.driver, "write to", err) }

// loop commits batch after batch until the queue is closed and empty.
func (w *writer) loop() {
	defer close(w.done)
	var batch []*request
	for {
		// Callers whose appends were just committed may have the next ones at hand: letting them run first makes larger
		// transactions. With nobody to run it costs nothing.
		runtime.Gosched()
		batch = w.s.queue.take(batch[:0])
		if len(batch) == 0 {
			return
		}
		w.pause.Lock()
		pages := w.commit(batch)
		w.pause.Unlock()
		w.s.wal.committed(pages)
		w.s.queue.finish(batch)
		clear(batch)
	}
}

// commit puts a batch into one transaction and sets the answer of each request. It gives about the number of pages written:
// one for each row, and more for large ones.
func (w *writer) commit(batch []*request) (pages int64) {
	if f := w.s.fatal.Load(); f != nil {
		refuseAll(batch, f)
		return 0
	}
	err := w.transact(batch, w.together)
	if errors.Is(err, errOneByOne) {
		err = w.transact(batch, w.oneByOne)
	}
	if err != nil {
		refuseAll(batch, err)
		return 0
	}
	for _, r := range batch {
		if r.err == nil {
			pages += r.size / 4096
		}
	}
	return pages + int64(w.work)
}

func refuseAll(batch []*request, err error) {
	for _, r := range batch {
		r.res, r.err = ports.AppendResult{}, err
	}
}

// errOneByOne says that something in a transaction failed for a reason of its own, so that the transaction must be tried
// again with each request on its own savepoint.
var errOneByOne = errors.New("a statement failed for a reason of its own")

// transact runs fill in a transaction. An error means that nothing was written, except when the store has stopped itself.
func (w *writer) transact(batch []*request, fill func([]*request) error) error {
	if _, err := w.c.exec("BEGIN IMMEDIATE", nil); err != nil {
		return w.failed(err)
	}
	w.begin()
	for _, r := range batch {
		r.res, r.err = ports.AppendResult{}, nil
	}
	err := fill(batch)
	if err == nil && !slices.ContainsFunc(batch, func(r *request) bool { return r.err == nil }) {
		return w.rollback() // everything was refused: each request has its answer
	}
	if err != nil {
		if rerr := w.rollback(); rerr != nil {
			return rerr
		}
		switch {
		case errors.Is(err, errOneByOne):
			return err
		case w.s.driver.Classify(err) == ClassFull:
			w.s.wal.cut() // what the write-ahead log gives back may be room enough
		}
		return w.failed(err)
	}
	if _, err := w.c.exec("COMMIT", nil); err != nil {
		return w.commitFailed(batch, err)
	}
	w.committed(batch)
	return nil
}

func (w *writer) begin() {
	w.next = w.at
	w.counts.begin()
	w.pins.begin()
	clear(w.creations)
	clear(w.runs)
	clear(w.rows)
	w.runs, w.rows, w.work = w.runs[:0], w.rows[:0], 0
}

func (w *writer) committed(batch []*request) {
	w.at = w.next
	w.s.head.Store(w.at.history)
	w.counts.committed()
	w.pins.committed()
	st := &w.s.stats
	for _, r := range batch {
		if r.append != nil && r.err == nil {
			st.appends.Add(1)
			st.bytesWritten.Add(int64(r.append.Size()))
		}
	}
	st.commits.Add(1)
	st.rows.Add(int64(w.work))
}

// rollback ends the transaction without a trace. The database may have ended it by itself, which is as good.
func (w *writer) rollback() error {
	_, err := w.c.exec("ROLLBACK", nil)
	if err == nil || w.s.driver.Classify(err) == ClassNoTx {
		return nil
	}
	// The connection is in a state that nobody knows. Nothing was committed, but nothing can be any more.
	return w.stop(fault.Wrap(fault.UnknownOutcome, err, "the store %s could not end a transaction", w.s.file.path))
}

// commitFailed decides what a failed COMMIT means. A full disk is found before the transaction's last page is in the
// write-ahead log, so that it is surely not committed, which is checked; a lock that was not given is the same. Anything
// else may or may not have reached the disk (C-8).
func (w *writer) commitFailed(batch []*request, err error) error {
	class := w.s.driver.Classify(err)
	if class != ClassFull && class != ClassBusy {
		return w.stop(fault.Wrap(fault.UnknownOutcome, err, "a commit to the store %s failed, and it is not known whether it took effect", w.s.file.path))
	}
	if rerr := w.rollback(); rerr != nil {
		return rerr
	}
	for _, r := range batch {
		if r.err != nil || r.append == nil {
			continue
		}
		version, _, rerr := w.version(r.append.Key)
		if rerr != nil || version > r.append.Expect {
			return w.stop(fault.Wrap(fault.UnknownOutcome, errors.Join(err, rerr), "a commit to the store %s failed and left a part of it behind", w.s.file.path))
		}
		break // one winner tells for all
	}
	if class == ClassFull {
		w.s.wal.cut()
	}
	return w.failed(err)
}

func (w *writer) stop(err *fault.Error) error {
	err = err.Hinted("the server must end now; what was committed is found by the next start")
	w.s.stop(err)
	return err
}

func (w *writer) version(key model.ChainKey) (version uint64, head model.Seq, err error) {
	c, _, err := w.chain(key)
	return c.Version, c.HeadSeq, err
}
