package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// queueSettings holds what operators have set for task queues; the settings are JSON.
var queueSettings = migration{"settings of task queues", []string{
	`CREATE TABLE queue_setting (ns BLOB NOT NULL, queue BLOB NOT NULL, settings BLOB NOT NULL, PRIMARY KEY (ns, queue)) WITHOUT ROWID`,
}}

const (
	sqlPutQueue  = `INSERT INTO queue_setting (ns, queue, settings) VALUES (?, ?, ?) ON CONFLICT (ns, queue) DO UPDATE SET settings = excluded.settings`
	sqlDropQueue = `DELETE FROM queue_setting WHERE ns = ? AND queue = ?`
	sqlQueues    = `SELECT ns, queue, settings FROM queue_setting ORDER BY ns, queue`
)

// storedSettings is the JSON of a row.
type storedSettings struct {
	Rate            float64        `json:"rate,omitempty"`
	Burst           int            `json:"burst,omitempty"`
	Weight          int            `json:"weight,omitempty"`
	KeyLimit        int            `json:"key_limit,omitempty"`
	KeyLimits       map[string]int `json:"key_limits,omitempty"`
	FairnessWeights map[string]int `json:"fairness_weights,omitempty"`
}

// PutQueueSettings implements ports.Store.
func (s *Store) PutQueueSettings(ctx context.Context, q ports.QueueSettings) error {
	b, err := json.Marshal(storedSettings{q.Rate, q.Burst, q.Weight, q.KeyLimit, q.KeyLimits, q.FairnessWeights})
	if err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the settings of task queue %q cannot be stored", q.Name)
	}
	return s.put(ctx, 0, func(w *writer) error {
		w.args.reset().text(string(q.Namespace)).text(string(q.Name))
		if q.IsZero() {
			_, err := w.c.exec(sqlDropQueue, w.args.vals)
			return err
		}
		_, err := w.c.exec(sqlPutQueue, w.args.blob(b).vals)
		return err
	})
}

// QueueSettings implements ports.Store.
func (s *Store) QueueSettings(ctx context.Context) (out []ports.QueueSettings, err error) {
	var damaged error
	err = s.read(ctx, &s.stats.otherReads, sqlQueues, nil, func(c *columns) bool {
		q := ports.QueueSettings{Namespace: model.Namespace(c.text()), Name: model.TaskQueue(c.text())}
		var v storedSettings
		if err := json.Unmarshal(c.blob(), &v); err != nil {
			damaged = fault.Internalf("the settings of task queue %q are damaged: %v", q.Name, err)
			return false
		}
		q.Rate, q.Burst, q.Weight, q.KeyLimit, q.KeyLimits, q.FairnessWeights = v.Rate, v.Burst, v.Weight, v.KeyLimit, v.KeyLimits, v.FairnessWeights
		out = append(out, q)
		return true
	})
	if err == nil {
		err = damaged
	}
	return out, err
}
