package sqlstore

import (
	"context"
	"fmt"
	"os"

	"github.com/aionrun/aion/domain/fault"
)

// MigrationStatus says how far a database's schema is.
type MigrationStatus struct {
	Current int      // the schema version of the file; 0 where there is none yet
	Wanted  int      // the schema version of this binary
	Pending []string // what the migrations in between are for, in order
}

// Migrations reads how far the schema of the file at path is, and changes nothing. A file that does not exist has version 0.
// Errors: as Open; Unavailable for a database of a newer version.
func Migrations(ctx context.Context, d Driver, path string) (MigrationStatus, error) {
	f, err := locate(path)
	if err != nil {
		return MigrationStatus{}, err
	}
	if _, err := os.Stat(f.path); os.IsNotExist(err) {
		return statusOf(0), nil
	}
	if err := ctx.Err(); err != nil {
		return MigrationStatus{}, err
	}
	var st MigrationStatus
	err = withConn(&d, f, func(c *conn) error {
		v, err := schemaVersion(c, f)
		st = statusOf(v)
		return err
	})
	return st, err
}

// Migrate applies the pending migrations to the file at path, which is made if it does not exist, and gives the status
// afterwards. No server may have the file open. Errors: as Open.
func Migrate(ctx context.Context, d Driver, path string) (st MigrationStatus, err error) {
	f, err := locate(path)
	if err != nil {
		return st, err
	}
	if err := ctx.Err(); err != nil {
		return st, err
	}
	l, err := f.prepare()
	if err != nil {
		return st, err
	}
	defer func() {
		if cerr := l.release(); err == nil {
			err = cerr
		}
	}()
	err = withConn(&d, f, func(c *conn) error {
		v, err := migrate(c, f)
		st = statusOf(v)
		return err
	})
	return st, err
}

func statusOf(version int) MigrationStatus {
	st := MigrationStatus{Current: version, Wanted: len(migrations)}
	for _, m := range migrations[min(version, len(migrations)):] {
		st.Pending = append(st.Pending, m.name)
	}
	return st
}

// withConn runs f on a connection of its own.
func withConn(d *Driver, file dbFile, f func(*conn) error) (err error) {
	src, err := d.open(file, defaultTuning.busyTimeout)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := src.close(); err == nil && cerr != nil {
			err = file.failed(d, "close", cerr)
		}
	}()
	c, err := src.connect()
	if err != nil {
		return err
	}
	defer func() {
		if cerr := c.close(); err == nil && cerr != nil {
			err = file.failed(d, "close", cerr)
		}
	}()
	return f(c)
}

// schemaVersion reads the version of a database and refuses one that this binary must not touch. It writes nothing.
func schemaVersion(c *conn, f dbFile) (int, error) {
	tables, _, err := c.number("SELECT count(*) FROM sqlite_schema", nil)
	if err != nil {
		return 0, f.failed(c.driver, "read the schema of", err)
	}
	id, _, err := c.number("PRAGMA application_id", nil)
	if err != nil {
		return 0, f.failed(c.driver, "read the schema of", err)
	}
	if tables == 0 && id == 0 {
		return 0, nil
	}
	if id != applicationID {
		return 0, fault.New(fault.Unavailable, "%s is a database of another program", f.path).Hinted("choose another file in store.url")
	}
	v, ok, err := c.number("SELECT value FROM meta WHERE name = 'schema'", nil)
	if err != nil || !ok {
		return 0, fault.Wrap(fault.Internal, err, "%s has no schema version: the file is damaged", f.path).Hinted("restore it from a backup")
	}
	layout, ok, err := c.number("SELECT value FROM meta WHERE name = 'layout'", nil)
	if err != nil || !ok {
		return 0, fault.Wrap(fault.Internal, err, "%s has no layout version: the file is damaged", f.path).Hinted("restore it from a backup")
	}
	if int(v) > len(migrations) || layout > layoutVersion {
		return 0, fault.New(fault.Unavailable, "%s was written by a newer version of Aion: it has schema %d (layout %d), this binary knows schema %d (layout %d)",
			f.path, v, layout, len(migrations), layoutVersion).Hinted("nothing was changed; use the newer binary, or a backup from before its migration")
	}
	return int(v), nil
}

// migrate applies what is pending, each migration in a transaction of its own, and gives the version afterwards.
func migrate(c *conn, f dbFile) (int, error) {
	v, err := schemaVersion(c, f)
	if err != nil {
		return 0, err
	}
	for ; v < len(migrations); v++ {
		if err := applyMigration(c, v); err != nil {
			// Ending the transaction may fail where the error has ended it already.
			_, _ = c.exec("ROLLBACK", nil)
			return v, f.failed(c.driver, fmt.Sprintf("apply migration %d (%s) to", v+1, migrations[v].name), err)
		}
	}
	return v, nil
}

func applyMigration(c *conn, version int) error {
	statements := []string{"BEGIN IMMEDIATE"}
	if version == 0 {
		statements = append(statements,
			fmt.Sprintf("PRAGMA application_id = %d", applicationID),
			"CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
			fmt.Sprintf("INSERT INTO meta (name, value) VALUES ('schema', 0), ('layout', %d), ('opened', 0)", layoutVersion))
	}
	statements = append(statements, migrations[version].statements...)
	statements = append(statements, fmt.Sprintf("UPDATE meta SET value = %d WHERE name = 'schema'", version+1), "COMMIT")
	for _, s := range statements {
		if err := c.run(s); err != nil {
			return err
		}
	}
	return nil
}
