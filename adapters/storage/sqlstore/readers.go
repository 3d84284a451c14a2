package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
)

// readers is a small pool of connections for reading, opened when they are first needed.
type readers struct {
	src    *source
	slots  chan *conn // nil stands for a connection that is not open yet
	closed chan struct{}
	once   sync.Once
}

func newReaders(src *source, n int) *readers {
	r := &readers{src: src, slots: make(chan *conn, n), closed: make(chan struct{})}
	for range n {
		r.slots <- nil
	}
	return r
}

var errReadersClosed = errors.New("closed")

// borrow gives a connection, waiting while all are in use.
func (r *readers) borrow(ctx context.Context) (*conn, error) {
	select {
	case <-r.closed:
		return nil, errReadersClosed
	default:
	}
	select {
	case c := <-r.slots:
		if c != nil {
			return c, nil
		}
		c, err := r.src.connect()
		if err == nil {
			if err = c.configure(r.src.file, reading); err != nil {
				err = errors.Join(err, c.close())
			}
		}
		if err != nil {
			r.slots <- nil
			return nil, err
		}
		return c, nil
	case <-r.closed:
		return nil, errReadersClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *readers) giveBack(c *conn) { r.slots <- c }

// close lets no new read begin.
func (r *readers) close() { r.once.Do(func() { close(r.closed) }) }

// release waits for the reads in flight and closes the connections.
func (r *readers) release() error {
	r.close()
	var errs []error
	for range cap(r.slots) {
		if c := <-r.slots; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}

var argsPool = sync.Pool{New: func() any { return &args{} }}

// read runs one SELECT on a connection of its own and calls each with every row until it returns false. A read that has
// begun runs to its end. It counts the call.
func (s *Store) read(ctx context.Context, calls *atomic.Int64, sql string, bind func(*args), each func(c *columns) bool) error {
	return s.reading(ctx, calls, func(c *conn) error { return s.rows(c, sql, bind, each) })
}

// reading borrows a connection for f.
func (s *Store) reading(ctx context.Context, calls *atomic.Int64, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f := s.fatal.Load(); f != nil {
		return f
	}
	c, err := s.readers.borrow(ctx)
	switch {
	case errors.Is(err, errReadersClosed):
		return s.closedError()
	case err != nil:
		return err
	}
	calls.Add(1)
	defer s.readers.giveBack(c)
	return f(c)
}

// rows runs one SELECT on a connection.
func (s *Store) rows(c *conn, sql string, bind func(*args), each func(c *columns) bool) error {
	a := argsPool.Get().(*args).reset()
	defer argsPool.Put(a)
	if bind != nil {
		bind(a)
	}
	var bad error
	err := c.query(sql, a.vals, func(row []driver.Value) bool {
		cols := columns{row: row}
		more := each(&cols)
		bad = cols.err
		return more && bad == nil
	})
	if err = firstError(err, bad); err != nil {
		return s.file.failed(s.driver, "read", err)
	}
	return nil
}
