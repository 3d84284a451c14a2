package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"
)

// faulty is a driver that does what the worse one of the real drivers does, so that code which relies on the better one
// fails here: it refuses what that one gets wrong, and it runs what a test puts between us and the database.
type faulty struct {
	t  testing.TB
	mu sync.Mutex
	// before is asked before each statement; an error is the statement's result. after is asked when it has succeeded.
	before, after func(sql string) error
}

// driverFor gives the sqlstore driver on top of modernc.org/sqlite.
func (f *faulty) driverFor() Driver {
	return Driver{Name: "faulty", KeepsStatements: false, Classify: func(err error) Class { return ClassifyText(err.Error()) },
		Connector: func(url string) (driver.Connector, error) {
			c, err := sqlite.NewConnector(url)
			return faultyConnector{f, c}, err
		}}
}

func (f *faulty) hooks(before, after func(sql string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

func (f *faulty) hook(after bool, sql string) error {
	f.mu.Lock()
	h := f.before
	if after {
		h = f.after
	}
	f.mu.Unlock()
	if h == nil {
		return nil
	}
	return h(sql)
}

type faultyConnector struct {
	f *faulty
	driver.Connector
}

func (c faultyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyConn{f: c.f, Conn: raw}, nil
}

type faultyConn struct {
	f *faulty
	driver.Conn
	patient bool
}

func (c *faultyConn) Prepare(sql string) (driver.Stmt, error) {
	c.f.t.Errorf("pitfall 9: %q is prepared, which costs and keeps nothing", sql)
	return c.Conn.Prepare(sql)
}

func (c *faultyConn) Begin() (driver.Tx, error) {
	c.f.t.Error("pitfall 8: Begin knows one kind of transaction only")
	return nil, errors.New("no")
}

// check fails the test for everything that go-libsql gets wrong.
func (c *faultyConn) check(ctx context.Context, sql string, args []driver.NamedValue) {
	t := c.f.t
	if trimmed := strings.TrimRight(sql, "; \n\t"); strings.Contains(trimmed, ";") {
		t.Errorf("pitfall 3: only the first statement of %q would run", sql)
	}
	if ctx.Done() != nil {
		t.Errorf("pitfall 7: %q would not end with its context", sql)
	}
	if !c.patient && !strings.HasPrefix(sql, "PRAGMA busy_timeout") {
		t.Errorf("pitfall 10: %q runs before busy_timeout is set", sql)
	}
	c.patient = true
	for _, a := range args {
		switch v := a.Value.(type) {
		case nil, int64, []byte:
		default:
			t.Errorf("pitfalls 1 and 2: an argument of %q is a %T, which may come back as something else", sql, v)
		}
		if a.Name != "" || strings.Contains(sql, "?1") {
			t.Errorf("pitfall 4: %q names its arguments", sql)
		}
	}
	if strings.Count(sql, "?") != len(args) {
		t.Errorf("%q has %d arguments", sql, len(args))
	}
}

func (c *faultyConn) ExecContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	c.check(ctx, sql, args)
	if strings.HasPrefix(sql, "PRAGMA") || strings.HasPrefix(sql, "SELECT") {
		c.f.t.Errorf("pitfall 5: Exec of %q fails", sql)
	}
	if err := c.f.hook(false, sql); err != nil {
		return nil, err
	}
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, sql, args)
	if err == nil {
		err = c.f.hook(true, sql)
	}
	return res, textOnly(err)
}

func (c *faultyConn) QueryContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	c.check(ctx, sql, args)
	if err := c.f.hook(false, sql); err != nil {
		return nil, err
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, sql, args)
	if err == nil {
		err = c.f.hook(true, sql)
	}
	if err != nil {
		return nil, textOnly(err)
	}
	return &faultyRows{c.f, sql, rows}, nil
}

// textOnly is pitfall 6: errors without codes.
func textOnly(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(err.Error())
}

type faultyRows struct {
	f   *faulty
	sql string
	driver.Rows
}

func (r *faultyRows) Next(row []driver.Value) error {
	if err := r.Rows.Next(row); err != nil {
		return err
	}
	for _, v := range row {
		switch v.(type) {
		case nil, int64, []byte:
		default:
			if !strings.HasPrefix(r.sql, "PRAGMA") && !strings.HasPrefix(r.sql, "EXPLAIN") {
				r.f.t.Errorf("pitfalls 1 and 2: %q reads a %T", r.sql, v)
			}
		}
	}
	return nil
}

// quick is the default tuning with a short patience.
func quick() tuning {
	q := defaultTuning
	q.busyTimeout = 20 * time.Millisecond
	return q
}

// openFaulty opens a store on a faulty driver in a directory of the test.
func openFaulty(t testing.TB, dir string, o Options, tune tuning) (*Store, *faulty) {
	t.Helper()
	f := &faulty{t: t}
	o.Path = dir + "/aion.db"
	st, err := open(context.Background(), f.driverFor(), o, tune)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.hooks(nil, nil)
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st, f
}

// failOn gives a hook that fails the n-th statement (from 1) that begins with prefix; n = 0 means each.
func failOn(prefix string, n int, err error) func(sql string) error {
	seen := 0
	return func(sql string) error {
		if !strings.HasPrefix(sql, prefix) {
			return nil
		}
		if seen++; n == 0 || seen == n {
			return err
		}
		return nil
	}
}

func failure(text string) error { return fmt.Errorf("SQLite failure: `%s`", text) }
