package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	sqlCounts = `SELECT type, status, n FROM counter WHERE ns = ? ORDER BY type, status`

	sqlDue      = `SELECT wake_at, ns, workflow_id FROM chain WHERE wake_at <= ? ORDER BY wake_at, ns, workflow_id LIMIT ?`
	sqlDueAfter = `SELECT wake_at, ns, workflow_id FROM chain WHERE wake_at <= ? AND (wake_at, ns, workflow_id) > (?, ?, ?)
		ORDER BY wake_at, ns, workflow_id LIMIT ?`

	sqlInbox = `SELECT pos, dedup_key, bytes FROM inbox WHERE ns = ? AND workflow_id = ? ORDER BY pos LIMIT ?`

	// The next chain after one that has messages, whatever the number of its messages.
	sqlInboxTargets = `WITH RECURSIVE target (ns, workflow_id) AS (
			SELECT * FROM (SELECT ns, workflow_id FROM inbox %s ORDER BY ns, workflow_id LIMIT 1)
			UNION ALL
			SELECT i.ns, i.workflow_id FROM target CROSS JOIN inbox AS i WHERE (i.ns, i.workflow_id, i.pos) =
				(SELECT n.ns, n.workflow_id, n.pos FROM inbox AS n WHERE (n.ns, n.workflow_id) > (target.ns, target.workflow_id) ORDER BY n.ns, n.workflow_id, n.pos LIMIT 1)
		) SELECT ns, workflow_id FROM target LIMIT ?`

	sqlDedup = `SELECT digest, run, expires FROM dedup WHERE ns = ? AND workflow_id = ? AND request_id = ? AND expires > ?`
	sqlTasks = `SELECT ord, workflow_id, run, ordinal, attempt FROM task WHERE ns = ? AND queue = ? AND ord > ? ORDER BY ord LIMIT ?`
)

var (
	sqlFirstTargets = strings.Replace(sqlInboxTargets, "%s", "", 1)
	sqlNextTargets  = strings.Replace(sqlInboxTargets, "%s", "WHERE (ns, workflow_id) > (?, ?)", 1)
)

// Count implements ports.Store.
func (s *Store) Count(ctx context.Context, ns model.Namespace) (out []ports.RunCount, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlCounts, func(a *args) { a.text(string(ns)) }, func(c *columns) bool {
		out = append(out, ports.RunCount{Namespace: ns, Type: model.WorkflowType(c.text()), Status: model.Status(c.int()), N: c.int()})
		return true
	})
	return out, err
}

// Due implements ports.Store.
func (s *Store) Due(ctx context.Context, shard ports.ShardID, until time.Time, after *ports.Due, limit int) (out []ports.Due, err error) {
	if err := checkShard(shard); err != nil {
		return nil, err
	}
	sql := sqlDue
	if after != nil {
		sql = sqlDueAfter
	}
	err = s.read(ctx, &s.stats.otherReads, sql, func(a *args) {
		a.time(until)
		if after != nil {
			a.time(after.WakeAt).text(string(after.Key.Namespace)).text(string(after.Key.WorkflowID))
		}
		a.int(atLeastZero(limit))
	}, func(c *columns) bool {
		out = append(out, ports.Due{WakeAt: c.time(), Key: readKey(c)})
		return true
	})
	return out, err
}

// Inbox implements ports.Store.
func (s *Store) Inbox(ctx context.Context, key model.ChainKey, limit int) (out []ports.Message, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlInbox, func(a *args) {
		a.text(string(key.Namespace)).text(string(key.WorkflowID)).int(atLeastZero(limit))
	}, func(c *columns) bool {
		out = append(out, ports.Message{Target: key, Pos: c.int(), DedupKey: c.text(), Bytes: c.blob()})
		return true
	})
	return out, err
}

// InboxTargets implements ports.Store.
func (s *Store) InboxTargets(ctx context.Context, shard ports.ShardID, after *model.ChainKey, limit int) (out []model.ChainKey, err error) {
	if err := checkShard(shard); err != nil {
		return nil, err
	}
	sql := sqlFirstTargets
	if after != nil {
		sql = sqlNextTargets
	}
	err = s.read(ctx, &s.stats.otherReads, sql, func(a *args) {
		if after != nil {
			a.text(string(after.Namespace)).text(string(after.WorkflowID))
		}
		a.int(atLeastZero(limit))
	}, func(c *columns) bool {
		out = append(out, readKey(c))
		return true
	})
	return out, err
}

// Dedup implements ports.Store.
func (s *Store) Dedup(ctx context.Context, key model.ChainKey, id model.RequestID, now time.Time) (d ports.Dedup, ok bool, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlDedup, func(a *args) {
		a.text(string(key.Namespace)).text(string(key.WorkflowID)).text(string(id)).time(now)
	}, func(c *columns) bool {
		d = ports.Dedup{Key: key, ID: id}
		if n := copy(d.Digest[:], c.blob()); n != len(d.Digest) {
			c.fail("has a short digest")
		}
		d.Run, d.Expires, ok = model.RunID(c.id()), c.time(), true
		return false
	})
	return d, ok, err
}

// Tasks implements ports.Store.
func (s *Store) Tasks(ctx context.Context, ns model.Namespace, queue model.TaskQueue, after int64, limit int) (out []ports.Task, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlTasks, func(a *args) {
		a.text(string(ns)).text(string(queue)).int(after).int(atLeastZero(limit))
	}, func(c *columns) bool {
		t := ports.Task{Order: c.int(), Queue: queue}
		t.Priority = ports.TaskPriority(t.Order)
		t.Key = model.ChainKey{Namespace: ns, WorkflowID: model.WorkflowID(c.text())}
		t.Run, t.Ordinal, t.Attempt = model.RunID(c.id()), model.Ordinal(c.int()), model.Attempt(c.int())
		out = append(out, t)
		return true
	})
	return out, err
}

// atLeastZero is a limit for SQL, to which a negative number means none.
func atLeastZero(limit int) int64 { return int64(max(limit, 0)) }
