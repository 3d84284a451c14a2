package sqlstore

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/ports"
)

// Every statement reads ranges of an index: no table is scanned, and nothing is sorted but one page of a merge.
func TestQueryPlans(t *testing.T) {
	st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
	if _, err := st.Append(t.Context(), creating("a")); err != nil {
		t.Fatal(err)
	}
	sqls := map[string]string{
		"Chain": sqlChainAndRun, "chain": sqlChain, "Run": sqlRun, "History": sqlHistory, "LastHistory": sqlLastHistory, "Feed": sqlFeed, "Count": sqlCounts,
		"Due": sqlDue, "Due after": sqlDueAfter, "Inbox": sqlInbox, "InboxTargets": sqlFirstTargets, "InboxTargets after": sqlNextTargets, "Dedup": sqlDedup,
		"Tasks": sqlTasks, "Checkpoint": sqlCheckpoint, "Heartbeat": sqlHeartbeat, "Package": sqlPackage, "pins": sqlPins, "next kind": sqlNextKind,
		"update": sqlUpdateChain, "continue": sqlContinueChain, "prior": sqlPriorRun, "take": sqlTake, "task done": sqlTaskDone,
		"last position": "SELECT max(pos) FROM history",
	}
	after := &ports.ListCursor{StartedAt: time.Unix(1, 0), Run: "r"}
	for i, q := range []ports.ListQuery{{}, {After: after}, {WorkflowID: "w"}, {WorkflowID: "w", Type: "T", Status: 1, Blocked: true, After: after}, {Blocked: true}, {Blocked: true, Type: "T", After: after}} {
		q.Namespace, q.Limit = "ns", 10
		sqls[fmt.Sprint("List ", i)], _ = listStatement(&q, nil)
	}
	for n := 1; n <= 3; n++ {
		for _, a := range []*ports.ListCursor{nil, after} {
			sqls[fmt.Sprint("List of kinds ", n, a != nil)], _ = listStatement(&ports.ListQuery{Namespace: "ns", Limit: 10, After: a}, make([]kind, n))
		}
	}
	for name, sql := range sqls {
		plan := explain(t, st.writer.c, sql)
		if strings.HasPrefix(name, "List of kinds") && !strings.Contains(plan, "run_kind (ns=? AND type=? AND status=?") {
			t.Errorf("%s does not read the range of a kind:\n%s", name, plan)
		}
		for _, step := range strings.Split(plan, "\n") {
			scan := strings.HasPrefix(step, "SCAN ")
			for _, fine := range []string{"SCAN page", "SCAN target", "SCAN (subquery", "SCAN CONSTANT ROW"} {
				scan = scan && !strings.HasPrefix(step, fine) // a page in memory
			}
			if name == "InboxTargets" && strings.HasPrefix(step, "SCAN inbox USING COVERING INDEX inbox_key") {
				scan = false // its first entry
			}
			sort := strings.Contains(step, "TEMP B-TREE") && !strings.HasPrefix(name, "List")
			if scan || sort {
				t.Errorf("%s: %s in\n%s\n%s", name, step, sql, plan)
			}
		}
	}
}

func explain(t *testing.T, c *conn, sql string) string {
	t.Helper()
	var plan []string
	args := make([]driver.NamedValue, strings.Count(sql, "?"))
	for i := range args {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: int64(1)}
	}
	if err := c.query("EXPLAIN QUERY PLAN "+sql, args, func(row []driver.Value) bool { plan = append(plan, fmt.Sprint(row[3])); return true }); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(plan, "\n")
}
