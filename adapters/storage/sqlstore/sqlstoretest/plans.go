package sqlstoretest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
)

// queryPlans: every statement reads ranges of an index, also with this driver's version of SQLite: no table is scanned, and
// nothing is sorted but the pages that a list merges.
func queryPlans(t *testing.T, d sqlstore.Driver) {
	path := filepath.Join(t.TempDir(), "aion.db")
	ok(t, appendTo(open(t, d, path), "wf", 10))
	c := raw(t, d, path)
	for name, sql := range sqlstore.Statements() {
		plan := explain(t, c, sql)
		if strings.HasPrefix(name, "List of kinds") && !strings.Contains(plan, "run_kind (ns=? AND type=? AND status=?") {
			t.Errorf("%s does not read the range of a kind:\n%s", name, plan)
		}
		before := ""
		for _, step := range strings.Split(plan, "\n") {
			// Search merges pages that come in order: what is sorted is what these pages hold.
			merged := strings.HasPrefix(name, "Search ") && (strings.HasPrefix(before, "SCAN (subquery") || before == "SEARCH run USING PRIMARY KEY (run_id=?)")
			before = step
			scan := strings.HasPrefix(step, "SCAN ")
			for _, memory := range []string{"SCAN page", "SCAN target", "SCAN (subquery", "SCAN CONSTANT ROW"} {
				scan = scan && !strings.HasPrefix(step, memory)
			}
			if name == "InboxTargets" && strings.HasPrefix(step, "SCAN inbox USING COVERING INDEX inbox_key") {
				scan = false // its first entry
			}
			if scan || strings.Contains(step, "TEMP B-TREE") && !strings.HasPrefix(name, "List") && !strings.HasPrefix(name, "Search unordered") && !merged {
				t.Errorf("%s: %s in\n%s\n%s", name, step, sql, plan)
			}
		}
	}
}

func explain(t *testing.T, c driver.Conn, sql string) string {
	t.Helper()
	args := make([]driver.NamedValue, strings.Count(sql, "?"))
	for i := range args {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: int64(1)}
	}
	rows, err := c.(driver.QueryerContext).QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+sql, args)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var plan []string
	row := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return strings.Join(plan, "\n")
		} else if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		plan = append(plan, fmt.Sprint(row[3]))
	}
}
