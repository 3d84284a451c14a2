//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package libsql_test

import (
	"slices"
	"testing"

	"github.com/aionrun/aion/adapters/storage/libsql"
	"github.com/aionrun/aion/adapters/storage/sqlstore"
)

// Who is connected is known after a restart.
func TestWorkerRegistry(t *testing.T) {
	ctx, path := t.Context(), t.TempDir()+"/a.db"
	s, err := libsql.Open(ctx, sqlstore.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"2024-01-02", "b\x00b", "gone", "2024-01-02"} {
		if err := s.WorkerJoined(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.WorkerLeft(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = libsql.Open(ctx, sqlstore.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	got, err := s.KnownWorkers(ctx)
	if err != nil || !slices.Equal(got, []string{"2024-01-02", "b\x00b"}) {
		t.Fatalf("known %q, %v", got, err)
	}
}
