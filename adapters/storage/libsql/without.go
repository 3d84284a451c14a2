//go:build !(cgo && ((linux && (amd64 || arm64)) || (darwin && arm64)))

package libsql

import (
	"context"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/domain/fault"
)

// Available says whether this binary has the driver.
const Available = false

func missing() error {
	return fault.New(fault.Unavailable, "this binary was built without CGO: use store.backend=sqlite, which reads the same file, or a build with CGO for libsql")
}

// Open answers an error that names both drivers.
func Open(context.Context, sqlstore.Options) (*sqlstore.Store, error) { return nil, missing() }

// Migrations answers an error that names both drivers.
func Migrations(context.Context, string) (sqlstore.MigrationStatus, error) {
	return sqlstore.MigrationStatus{}, missing()
}

// Migrate answers an error that names both drivers.
func Migrate(context.Context, string) (sqlstore.MigrationStatus, error) {
	return sqlstore.MigrationStatus{}, missing()
}
