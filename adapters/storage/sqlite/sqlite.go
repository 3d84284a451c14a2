// Package sqlite is the store on a SQLite file with the driver modernc.org/sqlite: pure Go, for builds without CGO. It reads
// and writes the same files as the libsql driver.
package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
)

// Driver is what sqlstore needs to know about modernc.org/sqlite.
var Driver = sqlstore.Driver{Name: "sqlite", Connector: sqlite.NewConnector, Classify: classify, KeepsStatements: true}

// Open opens or makes the store; see sqlstore.Open.
func Open(ctx context.Context, o sqlstore.Options) (*sqlstore.Store, error) {
	return sqlstore.Open(ctx, Driver, o)
}

// Migrations tells how far the schema of a file is; see sqlstore.Migrations.
func Migrations(ctx context.Context, path string) (sqlstore.MigrationStatus, error) {
	return sqlstore.Migrations(ctx, Driver, path)
}

// Migrate applies what is pending; see sqlstore.Migrate.
func Migrate(ctx context.Context, path string) (sqlstore.MigrationStatus, error) {
	return sqlstore.Migrate(ctx, Driver, path)
}

// classify goes by SQLite's result codes. A code above 255 refines the one in its low byte.
func classify(err error) sqlstore.Class {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlstore.ClassOther
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return sqlstore.ClassBusy
	case sqlite3.SQLITE_FULL:
		return sqlstore.ClassFull
	case sqlite3.SQLITE_CONSTRAINT:
		return sqlstore.ClassConstraint
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return sqlstore.ClassReadOnly
	case sqlite3.SQLITE_NOTADB:
		return sqlstore.ClassNotADB
	case sqlite3.SQLITE_CORRUPT:
		return sqlstore.ClassCorrupt
	case sqlite3.SQLITE_IOERR:
		return sqlstore.ClassIO
	case sqlite3.SQLITE_CANTOPEN:
		return sqlstore.ClassCantOpen
	}
	return sqlstore.ClassifyText(err.Error())
}
