package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
)

// Driver is what sqlstore needs to know about a database driver. The drivers are in adapters/storage/libsql and adapters/storage/sqlite.
type Driver struct {
	// Name is the backend's name in configuration and messages: libsql or sqlite.
	Name string
	// Connector gives a source of connections to the file of a "file:" URL, whose path is absolute and percent-encoded.
	// It is closed with the store if it is an io.Closer.
	Connector func(url string) (driver.Connector, error)
	// Classify tells what kind of failure an error of the driver is.
	Classify func(error) Class
	// KeepsStatements says that a prepared statement stays compiled. Where it does not, preparing only costs.
	KeepsStatements bool
}

// Class is a kind of failure that sqlstore treats differently from others.
type Class int

// The classes.
const (
	ClassOther      Class = iota
	ClassBusy             // somebody else holds a lock on the file
	ClassFull             // no space left
	ClassConstraint       // a unique key or a check was violated
	ClassReadOnly         // the file or its directory cannot be written
	ClassNotADB           // the file is no database
	ClassCorrupt          // the file is damaged
	ClassIO               // the operating system failed to read or write
	ClassCantOpen         // the file cannot be opened
	ClassNoTx             // there is no transaction to end
)

// conn is one connection, used by one goroutine at a time. It works on the driver directly: what database/sql adds per
// call is measurable on the commit path, and its pool, retries and conversions are not wanted here.
type conn struct {
	c      driver.Conn
	driver *Driver
	stmts  map[string]driver.Stmt
}

// background is the context of every statement: one of the drivers cannot be interrupted, and the other starts a goroutine
// per statement to be interruptible.
var background = context.Background()

// prepare compiles a statement once, on drivers that keep it.
func (c *conn) prepare(sql string) (driver.Stmt, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	s, err := c.c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	c.stmts[sql] = s
	return s, nil
}

// run runs one statement that is not worth keeping, and drops the rows that it may give.
func (c *conn) run(sql string) error {
	if !strings.HasPrefix(sql, "PRAGMA") {
		x, ok := c.c.(driver.ExecerContext)
		if !ok {
			return errNoContext
		}
		_, err := x.ExecContext(background, sql, nil)
		return err
	}
	// A pragma may answer with a row, which one of the drivers takes for a failure of Exec.
	x, ok := c.c.(driver.QueryerContext)
	if !ok {
		return errNoContext
	}
	rows, err := x.QueryContext(background, sql, nil)
	if err != nil {
		return err
	}
	return drain(rows, func([]driver.Value) bool { return true })
}

var errNoContext = errors.New("the driver has no ExecContext and QueryContext")

// exec runs one statement that gives no rows, and tells how many rows it changed.
func (c *conn) exec(sql string, args []driver.NamedValue) (int64, error) {
	var res driver.Result
	var err error
	if c.driver.KeepsStatements {
		s, perr := c.prepare(sql)
		if perr != nil {
			return 0, perr
		}
		x, ok := s.(driver.StmtExecContext)
		if !ok {
			return 0, errNoContext
		}
		res, err = x.ExecContext(background, args)
	} else {
		x, ok := c.c.(driver.ExecerContext)
		if !ok {
			return 0, errNoContext
		}
		res, err = x.ExecContext(background, sql, args)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query runs one statement and calls each with every row until each returns false; the row is only valid during the call,
// the byte slices in it are each's to keep.
func (c *conn) query(sql string, args []driver.NamedValue, each func(row []driver.Value) bool) error {
	var rows driver.Rows
	var err error
	if c.driver.KeepsStatements {
		s, perr := c.prepare(sql)
		if perr != nil {
			return perr
		}
		x, ok := s.(driver.StmtQueryContext)
		if !ok {
			return errNoContext
		}
		rows, err = x.QueryContext(background, args)
	} else {
		x, ok := c.c.(driver.QueryerContext)
		if !ok {
			return errNoContext
		}
		rows, err = x.QueryContext(background, sql, args)
	}
	if err != nil {
		return err
	}
	return drain(rows, each)
}

func drain(rows driver.Rows, each func(row []driver.Value) bool) (err error) {
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
	}()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if !each(row) {
			return nil
		}
	}
}

// number runs a statement that gives at most one row of one integer; ok is false without a row or with NULL.
func (c *conn) number(sql string, args []driver.NamedValue) (n int64, ok bool, err error) {
	err = c.query(sql, args, func(row []driver.Value) bool {
		n, ok = row[0].(int64)
		return false
	})
	return n, ok, err
}

// close gives the connection back to the operating system.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	c.stmts = nil
	return errors.Join(append(errs, c.c.Close())...)
}
