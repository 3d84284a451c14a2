package sqlstore

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/ports"
)

// Statements gives the statements that read or find rows, by what they are for, so that the tests of each driver can look
// at how its SQLite would run them.
func Statements() map[string]string {
	sqls := map[string]string{
		"Chain": sqlChainAndRun, "chain": sqlChain, "Run": sqlRun, "History": sqlHistory, "LastHistory": sqlLastHistory, "Feed": sqlFeed, "Count": sqlCounts,
		"Due": sqlDue, "Due after": sqlDueAfter, "Inbox": sqlInbox, "InboxTargets": sqlFirstTargets, "InboxTargets after": sqlNextTargets, "Dedup": sqlDedup,
		"Tasks": sqlTasks, "Checkpoint": sqlCheckpoint, "Heartbeat": sqlHeartbeat, "Package": sqlPackage, "pins": sqlPins, "next kind": sqlNextKind,
		"update": sqlUpdateChain, "continue": sqlContinueChain, "prior": sqlPriorRun, "take": sqlTake, "task done": sqlTaskDone,
		"last position": sqlLastPosition, "Entity": sqlEntity, "Entities": sqlEntities, "bounds": sqlBounds,
		"closed": sqlClosed, "oldest closed": sqlOldestClosed, "remove chain": sqlRemoveChain, "busy chain": sqlBusyChain, "swept": sqlSwept, "remove dedup": sqlRemoveDedup, "first garbage": sqlFirstGarbage,
		"garbage rows": sqlGarbageRows, "remove rows": sqlRemoveRows, "remove heartbeats": sqlRemoveHeartbeats, "expired": sqlRemoveExpired,
	}
	for i, sql := range removeRun {
		sqls[fmt.Sprint("remove run ", i)] = sql
	}
	after := &ports.ListCursor{StartedAt: time.Unix(1, 0), Run: "r"}
	for i, q := range []ports.ListQuery{{}, {After: after}, {WorkflowID: "w"}, {WorkflowID: "w", Type: "T", Status: 1, Blocked: true, After: after},
		{Blocked: true}, {Blocked: true, Type: "T", After: after},
		{Paused: true}, {Paused: true, Type: "T", After: after}, {Blocked: true, Paused: true}, {WorkflowID: "w", Paused: true}} {
		q.Namespace, q.Limit = "ns", 10
		sqls[fmt.Sprint("List ", i)], _ = listStatement(&q, nil)
	}
	for n := 1; n <= 3; n++ {
		for _, a := range []*ports.ListCursor{nil, after} {
			sqls[fmt.Sprint("List of kinds ", n, a != nil)], _ = listStatement(&ports.ListQuery{Namespace: "ns", Limit: 10, After: a}, make([]kind, n))
		}
	}
	return sqls
}
