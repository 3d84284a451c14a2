package sqlstore

import (
	"context"
	"encoding/binary"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// The table is bounded by what is kept of it, so that a filter may look at all of it.
var auditRecords = migration{"audit records", []string{
	`CREATE TABLE audit (
			id INTEGER PRIMARY KEY, at INTEGER NOT NULL, ns BLOB NOT NULL, subject BLOB NOT NULL, denied INTEGER NOT NULL, detail BLOB NOT NULL
		)`,
	`CREATE INDEX audit_ns ON audit (ns, id)`,
}}

const (
	// The newest record is never removed, so that no ID is given out twice.
	sqlPutAudit  = `INSERT INTO audit (id, at, ns, subject, denied, detail) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM audit), ?, ?, ?, ?, ?)`
	sqlTrimAudit = `DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?`
	// Records are in the order of their times, nearly: what is left over goes with the next ones.
	sqlAgeAudit = `DELETE FROM audit WHERE id < (SELECT id FROM audit WHERE at >= ? ORDER BY id LIMIT 1)`
)

// PutAudit implements ports.Store.
func (s *Store) PutAudit(ctx context.Context, records []ports.AuditRecord, keep ports.AuditKeep) error {
	details, size := make([][]byte, len(records)), 0
	for i := range records {
		details[i] = auditDetail(&records[i])
		size += len(details[i]) + 128
	}
	return s.put(ctx, size, func(w *writer) error {
		for i, r := range records {
			a := w.args.reset().time(r.Time).text(string(r.Namespace)).text(r.Subject).flag(r.Denied).blob(details[i])
			if _, err := w.c.exec(sqlPutAudit, a.vals); err != nil {
				return err
			}
		}
		if _, err := w.c.exec(sqlTrimAudit, w.args.reset().int(keep.Rows).vals); err != nil {
			return err
		}
		_, err := w.c.exec(sqlAgeAudit, w.args.reset().time(keep.From).vals)
		return err
	})
}

// Audit implements ports.Store.
func (s *Store) Audit(ctx context.Context, q ports.AuditQuery) (out []ports.AuditRecord, err error) {
	sql := `SELECT id, at, ns, subject, denied, detail FROM audit WHERE id < ?`
	if q.Before <= 0 {
		q.Before = 1<<63 - 1
	}
	if q.Namespace != "" {
		sql += ` AND ns = ?`
	}
	if q.Subject != "" {
		sql += ` AND subject = ?`
	}
	if q.Denied {
		sql += ` AND denied = 1`
	}
	bind := func(a *args) {
		a.int(q.Before)
		if q.Namespace != "" {
			a.text(string(q.Namespace))
		}
		if q.Subject != "" {
			a.text(q.Subject)
		}
		a.int(int64(q.Limit))
	}
	err = s.read(ctx, &s.stats.otherReads, sql+` ORDER BY id DESC LIMIT ?`, bind, func(c *columns) bool {
		r := ports.AuditRecord{ID: c.int(), Time: c.time(), Namespace: model.Namespace(c.text()), Subject: c.text(), Denied: c.int() == 1}
		if err := parseAuditDetail(&r, c.blob()); err != nil && c.err == nil {
			c.err = err
		}
		out = append(out, r)
		return true
	})
	return out, err
}

// auditDetail encodes what a record holds besides its columns: a version; peer, action, object, request ID and outcome, each with its length
// before it; how many more.
func auditDetail(r *ports.AuditRecord) []byte {
	b := []byte{1}
	for _, s := range []string{r.Peer, r.Action, r.Object, string(r.RequestID), r.Outcome} {
		b = appendBytes(b, s)
	}
	return binary.AppendUvarint(b, uint64(max(r.Repeated, 0)))
}

func parseAuditDetail(r *ports.AuditRecord, b []byte) error {
	if len(b) == 0 || b[0] != 1 {
		return fault.Internalf("audit record %d is of a kind that this binary cannot read", r.ID)
	}
	d := decoder{b: b[1:]}
	r.Peer, r.Action, r.Object = string(d.bytes()), string(d.bytes()), string(d.bytes())
	r.RequestID, r.Outcome = model.RequestID(d.bytes()), string(d.bytes())
	r.Repeated = int(d.uvarint())
	if d.damaged {
		return fault.Internalf("audit record %d is damaged", r.ID)
	}
	return nil
}
