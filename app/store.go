package app

import (
	"context"
	"log/slog"

	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/storage/sqlite"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/ports"
)

// OpenStore opens what store.backend names. fatal hears that the store no longer knows whether a commit happened [C-8]; it may be nil.
func OpenStore(ctx context.Context, c config.Store, log *slog.Logger, fatal func(error)) (ports.Store, error) {
	var open func(context.Context, sqlstore.Options) (*sqlstore.Store, error)
	switch c.Backend {
	case config.BackendMemory:
		return memory.New(), nil
	case config.BackendLibSQL:
		open = libsql.Open
	case config.BackendSQLite:
		open = sqlite.Open
	default:
		return nil, noSuchBackend(c.Backend)
	}
	s, err := open(ctx, sqlstore.Options{Path: c.URL, Logger: log, OnFatal: fatal})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func noSuchBackend(name string) error {
	return config.Fault("store.backend", "%s is not available in this build: use one of %v", name, StoreBackends())
}

// StoreBackends lists what store.backend may be in this build.
func StoreBackends() []string {
	out := []string{config.BackendMemory, config.BackendSQLite}
	if libsql.Available {
		out = append(out, config.BackendLibSQL)
	}
	return out
}

// Migrations tells how far the schema of the configured store is. It changes nothing. ok is false for a store without a schema.
func Migrations(ctx context.Context, c config.Store) (st sqlstore.MigrationStatus, ok bool, err error) {
	return migrations(ctx, c, libsql.Migrations, sqlite.Migrations)
}

// Migrate applies what is pending to the configured store, which no server may have open, and gives the status afterwards.
func Migrate(ctx context.Context, c config.Store) (st sqlstore.MigrationStatus, ok bool, err error) {
	return migrations(ctx, c, libsql.Migrate, sqlite.Migrate)
}

func migrations(ctx context.Context, c config.Store, ofLibSQL, ofSQLite func(context.Context, string) (sqlstore.MigrationStatus, error)) (st sqlstore.MigrationStatus, ok bool, err error) {
	switch c.Backend {
	case config.BackendMemory:
		return st, false, nil
	case config.BackendLibSQL:
		st, err = ofLibSQL(ctx, c.URL)
	case config.BackendSQLite:
		st, err = ofSQLite(ctx, c.URL)
	default:
		err = noSuchBackend(c.Backend)
	}
	return st, true, err
}
