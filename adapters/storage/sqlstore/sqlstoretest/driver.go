package sqlstoretest

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Run runs the suite with a driver.
func Run(t *testing.T, d sqlstore.Driver) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, sqlstore.Driver)
	}{
		{"file names", fileNames},
		{"what is no local file is refused", refusedNames},
		{"missing directory", missingDirectory},
		{"a second server is refused", secondServer},
		{"no database", noDatabase},
		{"another program's database", foreignDatabase},
		{"a newer version is refused untouched", newerVersion},
		{"migrations are shown and applied", migrations},
		{"a lock of another process", lockedDatabase},
		{"a directory that cannot be written", readOnlyDirectory},
		{"a full disk", fullDisk},
		{"the log is put into the file by Close", closeCheckpoints},
		{"write-ahead log and private file", settings},
		{"text survives as bytes only", textPitfalls},
		{"query plans", queryPlans},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, d) })
	}
}

func open(t *testing.T, d sqlstore.Driver, path string) *sqlstore.Store {
	t.Helper()
	st, err := sqlstore.Open(t.Context(), d, sqlstore.Options{Path: path})
	if err != nil {
		t.Fatalf("opening %s: %v", path, err)
	}
	t.Cleanup(func() { ok(t, st.Close()) })
	return st
}

// refused opens a store that must be refused, and gives the whole message.
func refused(t *testing.T, d sqlstore.Driver, path string, r fault.Reason) string {
	t.Helper()
	st, err := sqlstore.Open(t.Context(), d, sqlstore.Options{Path: path})
	if err == nil {
		ok(t, st.Close())
		t.Fatalf("opening %q was not refused", path)
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Reason != r || f.Hint == "" {
		t.Fatalf("opening %q gave %v, want %s with a hint", path, err, r)
	}
	return err.Error()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not say %q", text, p)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// appendTo creates a chain with so many bytes of history.
func appendTo(st ports.Store, workflow string, size int) error {
	id := model.RunID("run-" + workflow)
	key := model.ChainKey{Namespace: "ns", WorkflowID: model.WorkflowID(workflow)}
	_, err := st.Append(context.Background(), &ports.Append{Key: key, Chain: ports.Chain{Version: 1, CurrentRun: id, HeadSeq: 1},
		Runs:    []ports.Run{{ID: id, Key: key, Type: "T", Status: model.StatusRunning}},
		History: []ports.HistoryRow{{Run: id, First: 1, Last: 1, Bytes: bytes.Repeat([]byte{'x'}, size)}}})
	return err
}

func has(t *testing.T, st ports.Store, workflow string) bool {
	t.Helper()
	_, _, err := st.Chain(t.Context(), model.ChainKey{Namespace: "ns", WorkflowID: model.WorkflowID(workflow)})
	if err != nil && !fault.Has(err, fault.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// settled waits until nothing in this process has the file open any more: one driver closes connections in the background.
func settled(t *testing.T, path string) {
	t.Helper()
	for open := true; open && t.Context().Err() == nil; runtime.Gosched() {
		open = false
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return // no such list on this operating system
		}
		for _, e := range entries {
			name, _ := os.Readlink("/proc/self/fd/" + e.Name())
			open = open || strings.HasPrefix(name, path)
		}
	}
}

// raw opens a connection past the store.
func raw(t *testing.T, d sqlstore.Driver, path string) driver.Conn {
	t.Helper()
	from, err := d.Connector("file:" + (&url.URL{Path: path}).EscapedPath())
	ok(t, err)
	c, err := from.Connect(context.Background())
	ok(t, err)
	run(t, c, "PRAGMA busy_timeout = 5000")
	t.Cleanup(func() {
		ok(t, c.Close())
		if cl, is := from.(io.Closer); is {
			ok(t, cl.Close())
		}
	})
	return c
}

// run gives the first column of the last row of a statement, nil without rows.
func run(t *testing.T, c driver.Conn, sql string) (v driver.Value) {
	t.Helper()
	rows, err := c.(driver.QueryerContext).QueryContext(context.Background(), sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	row := make([]driver.Value, max(1, len(rows.Columns())))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return v
		} else if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		v = row[0]
	}
}

func fileNames(t *testing.T, d sqlstore.Driver) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, c := range []struct{ path, file string }{
		{"plain.db", "plain.db"}, {"file:url.db", "url.db"}, {"file:a%20b.db", "a b.db"}, {"with space.db", "with space.db"}, {"50%.db", "50%.db"}, {"what?.db", "what?.db"},
		{"a#b.db", "a#b.db"}, {"it's; --.db", "it's; --.db"}, {"ünï 日本.db", "ünï 日本.db"}, {"file:%C3%BC.db", "ü.db"}, {"file:" + dir + "/abs.db", "abs.db"},
		{"file://" + dir + "/abs2.db", "abs2.db"}, {"file://localhost" + dir + "/abs3.db", "abs3.db"}, {"a%20b%3f.db", "a%20b%3f.db"}, {"./sub/../dots.db", "dots.db"},
	} {
		ok(t, os.MkdirAll("sub", 0o700))
		st := open(t, d, c.path)
		ok(t, appendTo(st, "wf", 10))
		if got := st.Info().Detail; filepath.Base(got) != c.file {
			t.Errorf("path %q is the file %q, want %q", c.path, got, c.file)
		}
		ok(t, st.Close())
		settled(t, st.Info().Detail)
		// No other file has come to be, whatever the driver makes of the name. (The log's files may stay, empty.)
		entries, err := os.ReadDir(".")
		ok(t, err)
		for _, e := range entries {
			if rest, found := strings.CutPrefix(e.Name(), c.file); e.Name() != "sub" && (!found || !strings.Contains("-wal -shm .lock", rest)) {
				t.Errorf("path %q left the file %q", c.path, e.Name())
			}
			ok(t, os.RemoveAll(e.Name()))
		}
	}
}

func refusedNames(t *testing.T, d sqlstore.Driver) {
	t.Chdir(t.TempDir())
	for path, say := range map[string]string{
		"": "empty", ":memory:": "store.backend=memory", "file::memory:": "store.backend=memory", "file:x.db?mode=memory": "store.backend=memory",
		"libsql://db.example.com": "postgres", "http://db.example.com/x": "remote", "https://x": "remote", "ws://x": "remote", "file:x.db?_journal=OFF": "parameters",
		"file:x.db#y": "parameters", "file://server/share/x.db": "another machine", "file:": "no file name", "file:%zz": "no file name",
	} {
		contains(t, refused(t, d, path, fault.InvalidInput), say)
	}
	entries, err := os.ReadDir(".")
	ok(t, err)
	if len(entries) > 0 {
		t.Errorf("a refused name left %v", entries)
	}
}

func missingDirectory(t *testing.T, d sqlstore.Driver) {
	dir := t.TempDir()
	contains(t, refused(t, d, filepath.Join(dir, "none", "aion.db"), fault.Unavailable), filepath.Join(dir, "none"), "does not exist", "create it")
	contains(t, refused(t, d, dir, fault.Unavailable), dir, "no regular file")
	ok(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	refusedAnyhow(t, d, filepath.Join(dir, "file", "aion.db"))
}

func refusedAnyhow(t *testing.T, d sqlstore.Driver, path string) {
	t.Helper()
	if st, err := sqlstore.Open(t.Context(), d, sqlstore.Options{Path: path}); err == nil {
		ok(t, st.Close())
		t.Errorf("opening %q was not refused", path)
	}
}

// [OWN-1]
func secondServer(t *testing.T, d sqlstore.Driver) {
	dir := t.TempDir()
	path := filepath.Join(dir, "aion.db")
	st := open(t, d, path)
	link := filepath.Join(dir, "link.db")
	ok(t, os.Symlink(path, link))
	ok(t, os.Symlink(dir, filepath.Join(t.TempDir(), "dir")))
	for _, name := range []string{path, "file:" + path, link} {
		contains(t, refused(t, d, name, fault.Unavailable), path, "another server", fmt.Sprintf("process %d", os.Getpid()), "stop that server")
	}
	if _, err := sqlstore.Migrate(t.Context(), d, path); !fault.Has(err, fault.Unavailable) {
		t.Errorf("migrating an open store gave %v, want unavailable", err)
	}
	ok(t, appendTo(st, "still-works", 10))
	ok(t, st.Close())
	// Closed: the lock is free again.
	st = open(t, d, link)
	if !has(t, st, "still-works") {
		t.Error("the link opened another file")
	}
}

func noDatabase(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	text := []byte(strings.Repeat("this is a letter, not a database\n", 500))
	ok(t, os.WriteFile(path, text, 0o600))
	contains(t, refused(t, d, path, fault.Unavailable), path, "no database")
	now, err := os.ReadFile(path)
	ok(t, err)
	if !bytes.Equal(now, text) {
		t.Error("the file was changed")
	}
}

func foreignDatabase(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	c := raw(t, d, path)
	run(t, c, "CREATE TABLE customers (name)")
	contains(t, refused(t, d, path, fault.Unavailable), path, "another program")
	if n := run(t, c, "SELECT count(*) FROM sqlite_schema"); n != int64(1) {
		t.Errorf("the other program's database has %v tables now", n)
	}
}

// [OWN-1]
func newerVersion(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	st := open(t, d, path)
	ok(t, appendTo(st, "wf", 10))
	ok(t, st.Close())
	for _, name := range []string{"schema", "layout"} {
		t.Run(name, func(t *testing.T) {
			set := func(sql string) {
				t.Run("set", func(t *testing.T) { run(t, raw(t, d, path), sql) })
			}
			set("UPDATE meta SET value = value * 1000 + 999 WHERE name = '" + name + "'")
			settled(t, path)
			before, err := os.ReadFile(path)
			ok(t, err)
			contains(t, refused(t, d, path, fault.Unavailable), "newer version", "999", "1", "nothing was changed")
			if _, err := sqlstore.Migrations(t.Context(), d, path); !fault.Has(err, fault.Unavailable) {
				t.Errorf("status of a newer database gave %v, want unavailable", err)
			}
			if _, err := sqlstore.Migrate(t.Context(), d, path); !fault.Has(err, fault.Unavailable) {
				t.Errorf("migrating a newer database gave %v, want unavailable", err)
			}
			settled(t, path)
			after, err := os.ReadFile(path)
			ok(t, err)
			if !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			set("UPDATE meta SET value = (value - 999) / 1000 WHERE name = '" + name + "'")
		})
	}
	if st := open(t, d, path); !has(t, st, "wf") {
		t.Error("the data is gone")
	}
}

func migrations(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	status := func(f func(context.Context, sqlstore.Driver, string) (sqlstore.MigrationStatus, error)) sqlstore.MigrationStatus {
		t.Helper()
		st, err := f(t.Context(), d, path)
		ok(t, err)
		return st
	}
	st := status(sqlstore.Migrations)
	if st.Current != 0 || st.Wanted < 1 || len(st.Pending) != st.Wanted {
		t.Errorf("a missing file has the status %+v", st)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("looking made the file (%v)", err)
	}
	for range 2 {
		if st = status(sqlstore.Migrate); st.Current != st.Wanted || len(st.Pending) != 0 {
			t.Errorf("a migrated file has the status %+v", st)
		}
	}
	s := open(t, d, path)
	if st = status(sqlstore.Migrations); st.Current != st.Wanted {
		t.Errorf("an open store has the status %+v", st)
	}
	ok(t, appendTo(s, "wf", 10))
}

func lockedDatabase(t *testing.T, d sqlstore.Driver) {
	t.Parallel() // it waits for the lock
	path := filepath.Join(t.TempDir(), "aion.db")
	st := open(t, d, path)
	other := raw(t, d, path)
	run(t, other, "BEGIN IMMEDIATE")
	err := appendTo(st, "refused", 10)
	if !fault.Has(err, fault.Unavailable) {
		t.Fatalf("an append to a locked database gave %v, want unavailable", err)
	}
	contains(t, err.Error(), path, "another process", "end its transaction")
	if has(t, st, "refused") {
		t.Error("the refused append was written")
	}
	run(t, other, "ROLLBACK")
	ok(t, appendTo(st, "later", 10))
}

func closeCheckpoints(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	st := open(t, d, path)
	for i := range 20 {
		ok(t, appendTo(st, fmt.Sprint("wf", i), 10_000))
	}
	ok(t, st.Close())
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		t.Errorf("%d bytes are left in the write-ahead log", wal.Size())
	}
	if st = open(t, d, path); !has(t, st, "wf19") {
		t.Error("the data is gone")
	}
}

func settings(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	open(t, d, path)
	c := raw(t, d, path)
	for pragma, want := range map[string]any{"journal_mode": "wal", "auto_vacuum": int64(2), "page_size": int64(4096), "application_id": int64(0x41696f6e)} {
		if got := run(t, c, "PRAGMA "+pragma); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", pragma, got, want)
		}
	}
	for _, name := range []string{path, path + "-wal", path + ".lock"} {
		st, err := os.Stat(name)
		ok(t, err)
		if st.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v: others can read it", filepath.Base(name), st.Mode())
		}
	}
}

// textPitfalls shows why nothing that users control may be TEXT or a time: what this driver does to it. The suite of the
// port shows that it does not happen to ours; this case fails when a column of ours is TEXT all the same.
func textPitfalls(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	open(t, d, path)
	c := raw(t, d, path)
	for _, table := range strings.Fields(fmt.Sprint(text(run(t, c, "SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")))) {
		columns := text(run(t, c, "SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_info('"+table+"')"))
		for _, col := range strings.Split(columns, ", ") {
			if name, typ, _ := strings.Cut(col, " "); typ != "BLOB" && typ != "INTEGER" && table+"."+name != "meta.name" {
				t.Errorf("column %s.%s is %s: texts must be BLOB, times INTEGER", table, name, typ)
			}
		}
	}
}

func text(v driver.Value) string {
	if b, is := v.([]byte); is {
		return string(b)
	}
	return fmt.Sprint(v)
}
