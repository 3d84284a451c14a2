package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

var _ ports.Store = (*Store)(nil)

// Options say what to open.
type Options struct {
	// Path is a file's name or its "file:" URL. The directory must exist, the file need not.
	Path string
	// QueueBytes bounds what waits to be committed (B-1), measured by ports.Append.Size. 0 means 64 MiB.
	QueueBytes int64
	// Logger hears what no call can report, e.g. a checkpoint that failed. nil means silence.
	Logger *slog.Logger
	// OnFatal is called once, in a goroutine of its own, when the store has fenced itself (C-8): the process should end
	// with the error's message. nil means that only the calls tell.
	OnFatal func(error)
}

// tuning holds what tests set to other values.
type tuning struct {
	busyTimeout   time.Duration // how long a lock of another process is waited for
	queueWait     time.Duration // how long a caller waits for room in the queue
	passiveBytes  int64         // S-6: write-ahead log not yet in the file at which a checkpoint runs beside the writer
	truncateBytes int64         // S-6: size of the write-ahead log at which it is cut
	idle          time.Duration // S-6: time without a commit after which it is cut
	readers       int           // connections for reading
	checkpointed  func(mode string, err error)
}

var defaultTuning = tuning{
	busyTimeout: 5 * time.Second, queueWait: 5 * time.Second,
	passiveBytes: 16 << 20, truncateBytes: 256 << 20, idle: 5 * time.Second,
	readers: 4, checkpointed: func(string, error) {},
}

// Store is a ports.Store on a SQLite file.
type Store struct {
	driver *Driver
	file   dbFile
	log    *slog.Logger
	tune   tuning

	lock    *lock
	src     *source
	queue   *queue
	writer  *writer
	readers *readers
	wal     *checkpointer

	fatal   atomic.Pointer[fault.Error]
	onFatal func(error)
	stats   counters
	head    atomic.Int64 // position of the last history row that was committed

	closing  sync.Once
	closeErr error
}

type counters struct {
	appends, commits, rows, historyReads, chainReads, otherReads, bytesWritten, rowsRead, bytesRead atomic.Int64
}

// Open opens a store, makes its file where there is none, and applies pending migrations.
//
// Errors are Unavailable with a message that says what to do: open in another server, locked by another process, not
// writable, no database, of a newer version, on a network file system. InvalidInput for a path that names no local file.
func Open(ctx context.Context, d Driver, o Options) (*Store, error) {
	return open(ctx, d, o, defaultTuning)
}

func open(ctx context.Context, d Driver, o Options, tune tuning) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := locate(o.Path)
	if err != nil {
		return nil, err
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 64 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{driver: &d, file: f, log: o.Logger, tune: tune, onFatal: o.OnFatal, queue: newQueue(o.QueueBytes, tune.queueWait)}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// start opens the connections in order; what it opened before it failed is left to release.
func (s *Store) start() (err error) {
	if s.lock, err = s.file.prepare(); err != nil {
		return err
	}
	if s.src, err = s.driver.open(s.file, s.tune.busyTimeout); err != nil {
		return err
	}
	if s.writer, err = newWriter(s); err != nil {
		return err
	}
	if s.wal, err = newCheckpointer(s); err != nil {
		return err
	}
	s.readers = newReaders(s.src, s.tune.readers)
	go s.wal.loop()
	go s.writer.loop()
	return nil
}

// Close implements ports.Store: appends in flight are committed, reads in flight end, and the write-ahead log is put into the file.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.queue.close(s.closedError())
		<-s.writer.done
		s.wal.stop()
		s.readers.close()
		if s.fatal.Load() == nil {
			// The last connection to go would do this too, but one of the drivers closes connections in the background.
			s.wal.truncate()
		}
		s.closeErr = s.release()
	})
	return s.closeErr
}

func (s *Store) closedError() error {
	return fault.New(fault.Unavailable, "the store %s is closed", s.file.path).Hinted("the server is shutting down; call again when it is back")
}

// release closes what start opened, in reverse.
func (s *Store) release() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.release())
	}
	if s.wal != nil {
		errs = append(errs, s.wal.c.close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.c.close())
	}
	if s.src != nil {
		errs = append(errs, s.src.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	if err := errors.Join(errs...); err != nil {
		return s.file.failed(s.driver, "close", err)
	}
	return nil
}

// stop fences the store (C-8): from now on every call answers err.
func (s *Store) stop(err *fault.Error) {
	if !s.fatal.CompareAndSwap(nil, err) {
		return
	}
	s.queue.close(err)
	if s.onFatal != nil {
		go s.onFatal(err)
	}
}

// Info implements ports.Store.
func (s *Store) Info() ports.StoreInfo {
	return ports.StoreInfo{Backend: s.driver.Name, Detail: s.file.path, Durable: true, Shards: 1}
}

// Stats implements ports.Store.
func (s *Store) Stats() ports.StoreStats {
	return ports.StoreStats{
		Pressed: s.queue.pressed(),
		Appends: s.stats.appends.Load(), Commits: s.stats.commits.Load(), RowsWritten: s.stats.rows.Load(),
		HistoryReads: s.stats.historyReads.Load(), ChainReads: s.stats.chainReads.Load(), OtherReads: s.stats.otherReads.Load(),
		BytesWritten: s.stats.bytesWritten.Load(), HistoryRowsRead: s.stats.rowsRead.Load(), HistoryBytesRead: s.stats.bytesRead.Load(),
		QueuedBytes: s.queue.held.Load(), QueueBytes: s.queue.capacity,
	}
}

func checkShard(shard ports.ShardID) error {
	if shard != 0 {
		return fault.New(fault.NotOwner, "shard %d is unknown: an embedded store has shard 0 only", shard)
	}
	return nil
}

// source makes connections to one file.
type source struct {
	driver *Driver
	file   dbFile
	from   driver.Connector
	busy   time.Duration
}

func (d *Driver) open(f dbFile, busy time.Duration) (*source, error) {
	c, err := d.Connector(f.url())
	if err != nil {
		return nil, f.failed(d, "open", err)
	}
	return &source{d, f, c, busy}, nil
}

func (s *source) close() error {
	if c, ok := s.from.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// connect opens a connection that waits for locks and is otherwise as the driver makes it. It writes nothing.
func (s *source) connect() (*conn, error) {
	raw, err := s.from.Connect(background)
	if err != nil {
		return nil, s.file.failed(s.driver, "open", err)
	}
	c := &conn{c: raw, driver: s.driver, stmts: map[string]driver.Stmt{}}
	if err := c.run(fmt.Sprintf("PRAGMA busy_timeout = %d", s.busy.Milliseconds())); err != nil {
		return nil, errors.Join(s.file.failed(s.driver, "open", err), c.close())
	}
	return c, nil
}

// pragma is a setting of a connection and what it must read back as; "" where it has nothing to read back.
type pragma struct{ set, want string }

// writing makes a commit durable. On macOS fsync alone does not reach the disk, fullfsync does; elsewhere it changes nothing.
var writing = []pragma{
	{"auto_vacuum = INCREMENTAL", ""}, // only a new file takes it, so it cannot be demanded
	{"journal_mode = WAL", "wal"},
	{"synchronous = FULL", "2"},
	{"fullfsync = 1", "1"},
	{"checkpoint_fullfsync = 1", "1"},
	{"wal_autocheckpoint = 0", "0"},
	{"cache_size = -65536", "-65536"},
	{"temp_store = MEMORY", "2"},
}

// A checkpoint that somebody holds up is given up soon, because the writer waits for it.
var checkpointing = []pragma{{"busy_timeout = 100", "100"}, {"synchronous = FULL", "2"}, {"checkpoint_fullfsync = 1", "1"}, {"wal_autocheckpoint = 0", "0"}}

var reading = []pragma{{"query_only = 1", "1"}, {"cache_size = -8192", "-8192"}, {"temp_store = MEMORY", "2"}}

// configure sets pragmas and reads them back: a setting that a driver or a file ignores must not pass unseen.
func (c *conn) configure(f dbFile, settings []pragma) error {
	for _, p := range settings {
		if err := c.run("PRAGMA " + p.set); err != nil {
			return f.failed(c.driver, "configure", err)
		}
		if p.want == "" {
			continue
		}
		name, _, _ := strings.Cut(p.set, " ")
		var got string
		err := c.query("PRAGMA "+name, nil, func(row []driver.Value) bool { got = fmt.Sprint(row[0]); return false })
		if err != nil {
			return f.failed(c.driver, "configure", err)
		}
		if got != p.want {
			return fault.New(fault.Unavailable, "the store %s does not take the setting %s: it is %s", f.path, p.set, got).
				Hinted("the file system may not support it; use a local disk")
		}
	}
	return nil
}
