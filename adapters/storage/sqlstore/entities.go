package sqlstore

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	sqlEntity = `SELECT c.version, c.current_run, c.head_seq, c.wake_at, c.checkpoint_seq, e.state, g.config FROM entity AS e
		JOIN entity_config AS g ON g.ns = e.ns AND g.workflow_id = e.workflow_id
		JOIN chain AS c ON c.ns = e.ns AND c.workflow_id = e.workflow_id WHERE e.ns = ? AND e.workflow_id = ?`
	// From one ID to another, row by row; the caller stops when it has enough.
	sqlEntities = `SELECT e.workflow_id, e.state, g.config FROM entity AS e
		CROSS JOIN entity_config AS g ON g.ns = e.ns AND g.workflow_id = e.workflow_id
		WHERE e.ns = ? AND e.workflow_id > ? AND e.workflow_id < ? ORDER BY e.workflow_id LIMIT ?`
	sqlPutEntity = `INSERT INTO entity (ns, workflow_id, state) VALUES (?, ?, ?) ON CONFLICT (ns, workflow_id) DO UPDATE SET state = excluded.state`
	sqlPutConfig = `INSERT INTO entity_config (ns, workflow_id, config) VALUES (?, ?, ?) ON CONFLICT (ns, workflow_id) DO UPDATE SET config = excluded.config`
)

// removeEntity takes away what belongs to a chain with an entity, but for its inbox.
var removeEntity = [...]string{
	`DELETE FROM chain WHERE ns = ? AND workflow_id = ?`,
	`DELETE FROM dedup WHERE ns = ? AND workflow_id = ?`,
	`DELETE FROM entity WHERE ns = ? AND workflow_id = ?`,
	`DELETE FROM entity_config WHERE ns = ? AND workflow_id = ?`,
}

// putEntity writes the entity of an append whose guard has held.
func (w *writer) putEntity(a *ports.Append) error {
	e, ns, wf := a.Entity, string(a.Key.Namespace), string(a.Key.WorkflowID)
	if e.Remove {
		for _, sql := range removeEntity {
			if _, err := w.c.exec(sql, w.args.reset().text(ns).text(wf).vals); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := w.c.exec(sqlPutEntity, w.args.reset().text(ns).text(wf).blob(e.State).vals); err != nil {
		return err
	}
	if e.Config == nil {
		return nil
	}
	_, err := w.c.exec(sqlPutConfig, w.args.reset().text(ns).text(wf).blob(e.Config).vals)
	return err
}

// Entity implements ports.Store.
func (s *Store) Entity(ctx context.Context, key model.ChainKey) (row ports.Chain, e ports.Entity, err error) {
	found := false
	err = s.read(ctx, &s.stats.chainReads, sqlEntity, func(a *args) { a.text(string(key.Namespace)).text(string(key.WorkflowID)) }, func(c *columns) bool {
		row, e, found = readChain(c), ports.Entity{Key: key, State: c.blob(), Config: c.blob()}, true
		return false
	})
	if err == nil && !found {
		err = fault.NotFoundf("no entity %q in namespace %q", key.WorkflowID, key.Namespace)
	}
	return row, e, err
}

// Entities implements ports.Store.
func (s *Store) Entities(ctx context.Context, ns model.Namespace, prefix string, after model.WorkflowID, limit, maxBytes int) (out []ports.Entity, err error) {
	total := 0
	err = s.read(ctx, &s.stats.otherReads, sqlEntities, func(a *args) {
		a.text(string(ns)).text(string(max(after, model.WorkflowID(prefix)))).text(prefix + "\xff").int(int64(limit))
	}, func(c *columns) bool {
		e := ports.Entity{Key: model.ChainKey{Namespace: ns, WorkflowID: model.WorkflowID(c.text())}, State: c.blob(), Config: c.blob()}
		if total += len(e.Config) + len(e.State); len(out) > 0 && total > maxBytes {
			return false
		}
		out = append(out, e)
		return true
	})
	return out, err
}
