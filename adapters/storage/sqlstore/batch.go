package sqlstore

import (
	"database/sql/driver"
	"errors"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// together writes a batch with as few statements as possible: the guard of each append by itself, the rows that seldom
// come by themselves, and run and history rows of all winners many to a statement.
//
// It gives errOneByOne when something fails for what may be a reason of a single request; any other error is the database's.
func (w *writer) together(batch []*request) error {
	err := w.collect(batch)
	if err == nil {
		err = w.putRuns(w.runs)
	}
	if err == nil {
		err = w.putHistory(w.rows)
	}
	if err == nil {
		err = w.writeTallies()
	}
	if err != nil && w.own(err) && batch[0].alone == nil {
		return errOneByOne
	}
	return err
}

// own says whether a failure may be the fault of one request in a batch.
func (w *writer) own(err error) bool {
	class := w.s.driver.Classify(err)
	return class == ClassConstraint || class == ClassOther
}

// fewCreations is how many new chains are not worth a statement of their own for all of them.
const fewCreations = 4

// collect writes what requests do not share and puts the rows of winners together. Appends that create a chain come first,
// the others in the order of the queue: they were all waiting at the same time, so that any order is as good, except that
// of two appends to one chain the first must be seen by the second.
func (w *writer) collect(batch []*request) error {
	w.creations = w.creations[:0]
	for _, r := range batch {
		if !r.creates() {
			continue
		}
		if _, _, err := r.append.Check(); err != nil {
			r.err = err
			continue
		}
		w.creations = append(w.creations, r.append)
	}
	created := false
	if len(w.creations) >= fewCreations {
		var err error
		if created, err = w.create(w.creations); err != nil {
			return err
		}
	}
	for _, creations := range [...]bool{true, false} {
		for _, r := range batch {
			if r.err != nil || creations != r.creates() {
				continue
			}
			if err := w.collectOne(r, created && creations); err != nil {
				return err
			}
		}
	}
	return nil
}

// creates says whether the request is an append that creates a chain.
func (r *request) creates() bool {
	return r.append != nil && r.append.Expect == 0 && !r.append.OnlyConsumes()
}

// collectOne writes what one request does not share; guarded says that its chain's row is written.
func (w *writer) collectOne(r *request, guarded bool) error {
	switch {
	case r.put != nil:
		w.work++
		return r.put(w)
	case r.alone != nil:
		if r.err = r.alone(w); r.err != nil && !isFault(r.err) {
			return r.err
		}
		w.work++
		return nil
	}
	if !guarded {
		if err := w.guard(r.append); isFault(err) {
			r.err = err
			return nil
		} else if err != nil {
			return err
		}
	}
	if err := w.small(r.append); err != nil {
		return err
	}
	for i := range r.append.Runs {
		w.runs = append(w.runs, rowOf(r.append, i))
	}
	r.res = w.place(r.append)
	w.won(r.append)
	return nil
}

// rowOf gives the row of the append's run i.
func rowOf(a *ports.Append, i int) runRow {
	return runRow{&a.Runs[i], a.Runs[i].ID != a.Chain.CurrentRun}
}

// place gives the append's history rows their positions.
func (w *writer) place(a *ports.Append) (res ports.AppendResult) {
	for i := range a.History {
		w.next.history++
		w.rows = append(w.rows, newRow{&a.History[i], a.ID, w.next.history})
	}
	if n := int64(len(a.History)); n > 0 {
		res = ports.AppendResult{FirstPos: w.next.history - n + 1, LastPos: w.next.history}
	}
	return res
}

// won counts what an append changes besides its own rows.
func (w *writer) won(a *ports.Append) {
	for _, n := range a.Counts {
		w.counts.add(countKey{n.Namespace, n.Type, n.Status}, n.N)
	}
	for _, p := range a.Pins {
		w.pins.add(p.Package, p.N)
	}
	w.work += 1 + len(a.Runs) + len(a.History) + len(a.Dedup) + len(a.Take) + len(a.Send) + len(a.Tasks) + len(a.TasksDone) + len(a.Attributes)
}

// oneByOne writes a batch with a savepoint around each request, so that one that fails leaves nothing and harms nobody.
func (w *writer) oneByOne(batch []*request) error {
	for _, r := range batch {
		if _, err := w.c.exec("SAVEPOINT request", nil); err != nil {
			return err
		}
		before := w.next
		err := w.single(r)
		if err == nil {
			if r.append != nil {
				w.won(r.append)
			} else {
				w.work++
			}
			if _, err := w.c.exec("RELEASE request", nil); err != nil {
				return err
			}
			continue
		}
		if !isFault(err) && !w.own(err) {
			return err
		}
		w.next = before
		for _, sql := range [...]string{"ROLLBACK TO request", "RELEASE request"} {
			if _, err := w.c.exec(sql, nil); err != nil {
				return err
			}
		}
		r.res, r.err = ports.AppendResult{}, w.failed(err)
		if m := (*missingMessage)(nil); errors.As(err, &m) {
			is, _, err := w.chain(r.append.Key)
			if err != nil {
				return err
			}
			r.err = r.append.MessageMissing(m.ref, is.Version, is.HeadSeq)
		}
	}
	return w.writeTallies()
}

func isFault(err error) bool {
	var f *fault.Error
	return errors.As(err, &f)
}

// single writes one request completely.
func (w *writer) single(r *request) error {
	if r.put != nil {
		return r.put(w)
	}
	a := r.append
	if err := w.guard(a); err != nil {
		return err
	}
	clear(w.rows)
	w.rows = w.rows[:0]
	r.res = w.place(a)
	for i := range w.rows {
		if err := w.putHistory(w.rows[i : i+1]); err != nil {
			if w.s.driver.Classify(err) == ClassConstraint {
				return a.RunExists()
			}
			return err
		}
	}
	for i := range a.Runs {
		if err := w.replaceRun(a, rowOf(a, i)); err != nil {
			return err
		}
	}
	return w.small(a)
}

// replaceRun writes a run's row whatever it was before, unless it belongs to another chain.
func (w *writer) replaceRun(a *ports.Append, r runRow) error {
	key, found, err := w.chainOf(r.ID)
	if err != nil {
		return err
	}
	if found && key != a.Key {
		return a.RunElsewhere(r.ID)
	}
	if found {
		if _, err := w.c.exec(`DELETE FROM run WHERE run_id = ?`, w.args.reset().id(string(r.ID)).vals); err != nil {
			return err
		}
		if _, err := w.c.exec(sqlMoveAttributes, w.args.reset().time(r.StartedAt).id(string(r.ID)).vals); err != nil {
			return err
		}
	}
	return w.putRuns([]runRow{r})
}

func (w *writer) chainOf(id model.RunID) (key model.ChainKey, found bool, err error) {
	err = w.c.query(`SELECT ns, workflow_id FROM run WHERE run_id = ?`, w.args.reset().id(string(id)).vals, func(row []driver.Value) bool {
		c := columns{row: row}
		key, found = model.ChainKey{Namespace: model.Namespace(c.text()), WorkflowID: model.WorkflowID(c.text())}, true
		return false
	})
	return key, found, err
}
