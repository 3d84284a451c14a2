package sqlstore

import (
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
)

// Pending migrations are shown, applied by the next opening, and each is applied as a whole or not at all.
func TestNextMigration(t *testing.T) {
	dir := t.TempDir()
	st, f := openFaulty(t, dir, Options{}, defaultTuning)
	if _, err := st.Append(t.Context(), creating("a")); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	before := migrations
	t.Cleanup(func() { migrations = before })
	migrations = append(append([]migration{}, before...),
		migration{"a colour for runs", []string{`ALTER TABLE run ADD COLUMN colour BLOB NOT NULL DEFAULT x''`, `CREATE TABLE paint (n INTEGER NOT NULL)`}},
		migration{"nonsense", []string{`CREATE TABLE half (n INTEGER NOT NULL)`, `CREATE NONSENSE`}})
	path := dir + "/aion.db"
	status, err := Migrations(t.Context(), f.driverFor(), path)
	if err != nil || status.Current != len(before) || status.Wanted != len(before)+2 || strings.Join(status.Pending, "|") != "a colour for runs|nonsense" {
		t.Fatalf("status %+v (%v)", status, err)
	}
	_, err = open(t.Context(), f.driverFor(), Options{Path: path}, defaultTuning)
	if fault.ReasonOf(err) != fault.Internal || !strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), path) {
		t.Fatalf("a migration that fails gave %v", err)
	}
	status, err = Migrations(t.Context(), f.driverFor(), path)
	if err != nil || status.Current != len(before)+1 || strings.Join(status.Pending, "|") != "nonsense" {
		t.Fatalf("status after a migration that fails: %+v (%v)", status, err)
	}
	migrations = migrations[:len(migrations)-1]
	st, _ = openFaulty(t, dir, Options{}, defaultTuning)
	if _, found := chainOf(t, st, "a"); !found {
		t.Error("the data is gone")
	}
	tables, _, err := st.writer.c.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('paint', 'half')", nil)
	if err != nil || tables != 1 {
		t.Errorf("%d of the tables 'paint' and 'half' are there (%v), want 1", tables, err)
	}
}

// Pitfall 3: a statement is one statement.
func TestMigrationsAreSingleStatements(t *testing.T) {
	for i, m := range migrations {
		if m.name == "" || len(m.statements) == 0 {
			t.Errorf("migration %d has no name or no statements", i+1)
		}
		for _, s := range m.statements {
			if strings.Contains(s, ";") {
				t.Errorf("migration %d holds more than one statement in %q", i+1, s)
			}
		}
	}
}
