//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package libsql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	_ "github.com/tursodatabase/go-libsql" // registers the driver "libsql"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
)

// Available says whether this binary has the driver.
const Available = true

// Driver is what sqlstore needs to know about go-libsql. Its statements are compiled again at each execution, and preparing
// one costs a run of a lexer on top, so that preparing is of no use.
var Driver = sqlstore.Driver{Name: "libsql", Connector: connector, Classify: classify, KeepsStatements: false}

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

// connector asks the driver for a connector without a pool: the package exports none for local files.
func connector(url string) (driver.Connector, error) {
	db, err := sql.Open("libsql", url)
	if err != nil {
		return nil, err
	}
	d, ok := db.Driver().(driver.DriverContext)
	if err := db.Close(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("go-libsql has no connectors")
	}
	return d.OpenConnector(url)
}

// classify goes by SQLite's message, which follows the text of our statement: the driver's errors carry no code.
func classify(err error) sqlstore.Class {
	message := err.Error()
	if i := strings.LastIndex(message, "error code = "); i >= 0 {
		message = message[i:]
	}
	return sqlstore.ClassifyText(message)
}
