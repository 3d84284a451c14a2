package sqlstore

import (
	"fmt"
	"math"
	"time"

	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
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
	for name, sc := range searchScans() {
		sqls["Search "+name], _ = searchStatement("ns", sc.Ranges, &sc)
	}
	for name, sql := range map[string]string{"blocked": sqlSizeBlocked, "paused": sqlSizePaused, "prior": sqlSizePrior, "point": sqlSizePoint, "above": sqlSizeAbove, "between": sqlSizeBetween, "chain": sqlHasChain} {
		sqls["Size "+name] = sql
	}
	sqls["drop attribute"], sqls["move attributes"] = sqlDropAttribute, sqlMoveAttributes
	for n := 1; n <= 3; n++ {
		for _, a := range []*ports.ListCursor{nil, after} {
			sqls[fmt.Sprint("List of kinds ", n, a != nil)], _ = listStatement(&ports.ListQuery{Namespace: "ns", Limit: 10, After: a}, make([]kind, n))
		}
	}
	return sqls
}

// searchScans are scans of every kind of range, in every order, from the beginning and behind a run, within a window and without.
func searchScans() map[string]filter.Scan {
	amount := filter.Field{Name: "amount", Type: model.AttributeInt, Declared: true}
	out := map[string]filter.Scan{}
	ranges := []filter.Range{{By: filter.ByRun}, {By: filter.ByChain}, {By: filter.ByKind}, {By: filter.ByBlocked}, {By: filter.ByPaused}, {By: filter.ByPoint}, {By: filter.ByRange}, {By: filter.ByRange, High: []byte{1}}, {By: filter.All}}
	for i := range ranges {
		for _, desc := range []bool{false, true} {
			for _, after := range []*filter.Key{nil, {}} {
				for _, window := range []bool{false, true} {
					sc := filter.Scan{Ranges: ranges[i : i+1], Order: filter.Order{Field: filter.StartedAt, Desc: desc}, From: math.MinInt64, To: math.MaxInt64, After: after, Limit: 10}
					if window {
						sc.From, sc.To = 1, 2
					}
					if ranges[i].By == filter.ByRange {
						sc.Order.Field = amount
						free := sc
						free.Unordered, free.After = true, nil
						out[fmt.Sprint("unordered ", i, window)] = free
					}
					out[fmt.Sprint("scan ", i, desc, after != nil, window)] = sc
				}
			}
		}
	}
	out["merged"] = filter.Scan{Ranges: ranges[:6], Order: filter.Newest, From: math.MinInt64, To: math.MaxInt64, After: &filter.Key{}, Limit: 10}
	return out
}
