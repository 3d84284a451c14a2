package sqlstore

import (
	"database/sql/driver"

	"github.com/aionrun/aion/domain/model"
)

// tally keeps counters that change with every transaction. They are few, so the writer knows their committed values: a
// transaction adds up its changes and writes each changed counter once, with its new value.
type tally[K comparable] struct {
	value  map[K]int64
	change map[K]int64
}

func (t *tally[K]) begin() {
	if t.change == nil {
		t.change = map[K]int64{}
	}
	clear(t.change)
}

func (t *tally[K]) add(k K, n int64) { t.change[k] += n }

func (t *tally[K]) committed() {
	for k, n := range t.change {
		if n = max(t.value[k]+n, 0); n > 0 {
			t.value[k] = n
		} else {
			delete(t.value, k)
		}
	}
}

type countKey struct {
	ns     model.Namespace
	typ    model.WorkflowType
	status model.Status
}

func (k countKey) bind(a *args) { a.text(string(k.ns)).text(string(k.typ)).int(int64(k.status)) }

const (
	sqlPutCount    = `INSERT INTO counter (ns, type, status, n) VALUES (?, ?, ?, ?) ON CONFLICT (ns, type, status) DO UPDATE SET n = excluded.n`
	sqlDeleteCount = `DELETE FROM counter WHERE ns = ? AND type = ? AND status = ?`
	sqlPutPin      = `INSERT INTO pin (package, n) VALUES (?, ?) ON CONFLICT (package) DO UPDATE SET n = excluded.n`
	sqlDeletePin   = `DELETE FROM pin WHERE package = ?`
)

// writeTallies writes the counters that the transaction changes. One that is not above zero has no row.
func (w *writer) writeTallies() error {
	if err := writeTally(w, &w.counts, sqlPutCount, sqlDeleteCount, countKey.bind); err != nil {
		return err
	}
	return writeTally(w, &w.pins, sqlPutPin, sqlDeletePin, func(p model.PackageHash, a *args) { a.id(string(p)) })
}

func writeTally[K comparable](w *writer, t *tally[K], put, remove string, bind func(K, *args)) error {
	for k, change := range t.change {
		was := t.value[k]
		is := max(was+change, 0)
		sql := put
		switch is {
		case was:
			continue
		case 0:
			sql = remove
		}
		bind(k, w.args.reset())
		if is > 0 {
			w.args.int(is)
		}
		if _, err := w.c.exec(sql, w.args.vals); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) loadTallies() error {
	w.counts.value, w.pins.value = map[countKey]int64{}, map[model.PackageHash]int64{}
	var bad error
	err := w.c.query("SELECT ns, type, status, n FROM counter", nil, func(row []driver.Value) bool {
		c := columns{row: row}
		k := countKey{model.Namespace(c.text()), model.WorkflowType(c.text()), model.Status(c.int())}
		w.counts.value[k] = c.int()
		bad = c.err
		return bad == nil
	})
	if err != nil || bad != nil {
		return firstError(err, bad)
	}
	err = w.c.query("SELECT package, n FROM pin", nil, func(row []driver.Value) bool {
		c := columns{row: row}
		k := model.PackageHash(c.id())
		w.pins.value[k] = c.int()
		bad = c.err
		return bad == nil
	})
	return firstError(err, bad)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
