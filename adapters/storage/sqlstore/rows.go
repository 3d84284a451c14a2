package sqlstore

import (
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	sqlChain = `SELECT version, current_run, head_seq, wake_at, checkpoint_seq FROM chain WHERE ns = ? AND workflow_id = ?`

	sqlUpdateChain = `UPDATE chain SET version = ?, current_run = ?, head_seq = ?, wake_at = ?, checkpoint_seq = ?
		WHERE ns = ? AND workflow_id = ? AND version = ?`
	sqlContinueChain = sqlUpdateChain + ` AND current_run = ? AND head_seq = ?`

	sqlPriorRun = `UPDATE run SET prior = 1 WHERE run_id = ? AND prior = 0`

	sqlTake     = `DELETE FROM inbox WHERE ns = ? AND workflow_id = ? AND dedup_key = ?`
	sqlSend     = `INSERT INTO inbox (ns, workflow_id, pos, dedup_key, bytes) VALUES (?, ?, ?, ?, ?) ON CONFLICT (ns, workflow_id, dedup_key) DO NOTHING`
	sqlPutDedup = `INSERT INTO dedup (ns, workflow_id, request_id, digest, run, expires) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (ns, workflow_id, request_id) DO UPDATE SET digest = excluded.digest, run = excluded.run, expires = excluded.expires`
	sqlTaskDone = `DELETE FROM task WHERE run = ? AND ordinal = ? AND attempt = ?`
	sqlPutTask  = `INSERT INTO task (ns, queue, ord, workflow_id, run, ordinal, attempt) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (run, ordinal, attempt) DO NOTHING`
)

// manyRows is an insert statement for several rows, in a few sizes.
type manyRows struct {
	columns int
	sql     [len(manySizes)]string
}

var manySizes = [...]int{64, 16, 4, 1}

func newManyRows(head string, columns int, tail string) manyRows {
	m := manyRows{columns: columns}
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	for i, n := range manySizes {
		m.sql[i] = head + " VALUES " + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + tail
	}
	return m
}

var (
	manyChains = newManyRows(`INSERT INTO chain (version, current_run, head_seq, wake_at, checkpoint_seq, ns, workflow_id)`, 7,
		` ON CONFLICT (ns, workflow_id) DO NOTHING`)
	// A row that is there is replaced, but only if what the indexes of its place in lists are made of stays: then they need
	// not be touched. Whatever else a caller wants to replace is done one by one.
	manyRuns = newManyRows(`INSERT INTO run (run_id, ns, workflow_id, type, status, blocked, started_at, prior, detail, closed_at)`, 10,
		` ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, blocked = excluded.blocked, prior = excluded.prior, detail = excluded.detail, closed_at = excluded.closed_at
		WHERE ns = excluded.ns AND workflow_id = excluded.workflow_id AND type = excluded.type AND started_at = excluded.started_at`)
	manyHistory = newManyRows(`INSERT INTO history (pos, run, first_seq, last_seq, append_id, bytes)`, 6, ``)
)

// errShort says that a statement changed fewer rows than it was given.
var errShort = errors.New("fewer rows were written than were given")

// put writes n rows in statements as large as possible; bind adds the columns of row i.
func (w *writer) put(m *manyRows, n int, bind func(i int)) error {
	for i := 0; i < n; {
		for k, size := range manySizes {
			if n-i < size {
				continue
			}
			w.args.reset()
			for j := range size {
				bind(i + j)
			}
			changed, err := w.c.exec(m.sql[k], w.args.vals)
			if err != nil {
				return err
			}
			if changed != int64(size) {
				return errShort
			}
			i += size
			break
		}
	}
	return nil
}

func (w *writer) putRuns(runs []runRow) error {
	return w.put(&manyRuns, len(runs), func(i int) {
		r := runs[i]
		w.args.id(string(r.ID)).text(string(r.Key.Namespace)).text(string(r.Key.WorkflowID)).text(string(r.Type)).int(int64(r.Status)).
			text(r.Blocked).time(r.StartedAt).flag(r.prior).detail(r.Run)
		if r.Status.Open() || r.ClosedAt.IsZero() {
			w.args.null()
		} else {
			w.args.time(r.ClosedAt)
		}
	})
}

func (w *writer) putHistory(rows []newRow) error {
	return w.put(&manyHistory, len(rows), func(i int) {
		h := &rows[i]
		w.args.int(h.pos).id(string(h.Run)).int(int64(h.First)).int(int64(h.Last)).blob(h.id[:]).blob(h.Bytes)
	})
}

// chainRow adds the columns of the chain's row afterwards, in the order of manyChains.
func (w *writer) chainRow(a *ports.Append) {
	c := &a.Chain
	w.args.int(int64(c.Version)).id(string(c.CurrentRun)).int(int64(c.HeadSeq))
	if c.WakeAt.IsZero() {
		w.args.null()
	} else {
		w.args.time(c.WakeAt)
	}
	w.args.int(int64(c.CheckpointSeq)).text(string(a.Key.Namespace)).text(string(a.Key.WorkflowID))
}

// guard is the compare-and-set of the chain's row (C-1), for a chain that is there or is to be created. A refusal, which is
// a fault, has written nothing.
func (w *writer) guard(a *ports.Append) error {
	head, must, err := a.Check()
	if err != nil {
		return err
	}
	if a.OnlyConsumes() {
		is, found, err := w.chain(a.Key)
		if err == nil && found {
			err = a.VersionConflict(is.Version, is.HeadSeq)
		}
		return err
	}
	if a.Expect > 0 && !must {
		// A new run takes the place of one that ended before: which one is not in the append.
		is, _, err := w.chain(a.Key)
		if err != nil {
			return err
		}
		head.Run = is.CurrentRun
	}
	w.args.reset()
	w.chainRow(a)
	sql := manyChains.sql[len(manySizes)-1]
	if a.Expect > 0 {
		w.args.int(int64(a.Expect))
		sql = sqlUpdateChain
		if must {
			w.args.id(string(head.Run)).int(int64(head.Seq))
			sql = sqlContinueChain
		}
	}
	changed, err := w.c.exec(sql, w.args.vals)
	if err != nil {
		return err
	}
	if changed == 1 {
		if a.Expect > 0 && head.Run != a.Chain.CurrentRun {
			_, err = w.c.exec(sqlPriorRun, w.args.reset().id(string(head.Run)).vals)
		}
		return err
	}
	is, _, err := w.chain(a.Key)
	switch {
	case err != nil:
		return err
	case is.Version != a.Expect:
		return a.VersionConflict(is.Version, is.HeadSeq)
	}
	return a.HeadMismatch(ports.Head{Run: is.CurrentRun, Seq: is.HeadSeq})
}

// create makes the chains of several appends with one statement, and says whether all of them were new. If not, it has
// written nothing.
func (w *writer) create(as []*ports.Append) (all bool, err error) {
	if _, err := w.c.exec("SAVEPOINT creation", nil); err != nil {
		return false, err
	}
	err = w.put(&manyChains, len(as), func(i int) { w.chainRow(as[i]) })
	if errors.Is(err, errShort) {
		if _, err := w.c.exec("ROLLBACK TO creation", nil); err != nil {
			return false, err
		}
	} else if err != nil {
		return false, err
	}
	all = err == nil
	_, err = w.c.exec("RELEASE creation", nil)
	return all, err
}

func (w *writer) chain(key model.ChainKey) (row ports.Chain, found bool, err error) {
	var bad error
	err = w.c.query(sqlChain, w.args.reset().text(string(key.Namespace)).text(string(key.WorkflowID)).vals, func(v []driver.Value) bool {
		c := columns{row: v}
		row, found = readChain(&c), true
		bad = c.err
		return false
	})
	return row, found, firstError(err, bad)
}

// missingMessage says that an append takes a message which is not there. The guard is written by then, so that the
// append must be undone before it is refused.
type missingMessage struct{ ref ports.MessageRef }

func (m *missingMessage) Error() string { return "no inbox message " + m.ref.DedupKey }

// small writes the rows of an append that seldom come.
func (w *writer) small(a *ports.Append) error {
	ns, wf := string(a.Key.Namespace), string(a.Key.WorkflowID)
	for _, ref := range a.Take {
		changed, err := w.c.exec(sqlTake, w.args.reset().text(ns).text(wf).text(ref.DedupKey).vals)
		if err != nil {
			return err
		}
		if changed != 1 {
			return &missingMessage{ref}
		}
	}
	for i := range a.Send {
		m := &a.Send[i]
		w.next.message++
		w.args.reset().text(string(m.Target.Namespace)).text(string(m.Target.WorkflowID)).int(w.next.message).text(m.DedupKey).blob(m.Bytes)
		if _, err := w.c.exec(sqlSend, w.args.vals); err != nil {
			return err
		}
	}
	if a.Entity != nil {
		if err := w.putEntity(a); err != nil {
			return err
		}
	}
	for i := range a.Dedup {
		d := &a.Dedup[i]
		w.args.reset().text(ns).text(wf).text(string(d.ID)).blob(d.Digest[:]).id(string(d.Run)).time(d.Expires)
		if _, err := w.c.exec(sqlPutDedup, w.args.vals); err != nil {
			return err
		}
	}
	for _, t := range a.TasksDone {
		if _, err := w.c.exec(sqlTaskDone, w.args.reset().id(string(t.Run)).int(int64(t.Ordinal)).int(int64(t.Attempt)).vals); err != nil {
			return err
		}
	}
	for i := range a.Tasks {
		t := &a.Tasks[i]
		w.next.task++
		w.args.reset().text(ns).text(string(t.Queue)).int(ports.TaskOrder(t.Priority, w.next.task)).text(wf).id(string(t.Run)).int(int64(t.Ordinal)).int(int64(t.Attempt))
		if _, err := w.c.exec(sqlPutTask, w.args.vals); err != nil {
			return err
		}
	}
	return w.attributes(a)
}
