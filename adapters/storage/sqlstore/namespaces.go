package sqlstore

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	sqlNewNS = `INSERT INTO namespace (name, created_at, retention, version, detail) VALUES (?, ?, ?, 1, ?) ON CONFLICT (name) DO NOTHING`
	sqlSetNS = `UPDATE namespace SET created_at = ?, retention = ?, version = version + 1, detail = ? WHERE name = ? AND version = ?`
	sqlNS    = `SELECT version FROM namespace WHERE name = ?`
	sqlAllNS = `SELECT name, created_at, retention, version, detail FROM namespace ORDER BY name`
)

// PutNamespace implements ports.Store.
func (s *Store) PutNamespace(ctx context.Context, n ports.NamespaceRecord) error {
	detail := namespaceDetail(&n)
	return s.alone(ctx, len(detail), func(w *writer) error {
		var changed int64
		var err error
		if n.Version == 1 {
			changed, err = w.c.exec(sqlNewNS, w.args.reset().text(string(n.Name)).time(n.CreatedAt).int(int64(n.Retention)).blob(detail).vals)
		} else {
			changed, err = w.c.exec(sqlSetNS, w.args.reset().time(n.CreatedAt).int(int64(n.Retention)).blob(detail).text(string(n.Name)).int(int64(n.Version-1)).vals)
		}
		if err != nil || changed == 1 {
			return err
		}
		is, _, err := w.c.number(sqlNS, w.args.reset().text(string(n.Name)).vals)
		if err != nil {
			return err
		}
		return ports.NamespaceConflict(n.Name, n.Version-1, uint64(is))
	})
}

// Namespaces implements ports.Store.
func (s *Store) Namespaces(ctx context.Context) (out []ports.NamespaceRecord, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlAllNS, nil, func(c *columns) bool {
		n := ports.NamespaceRecord{Name: model.Namespace(c.text()), CreatedAt: c.time(), Retention: time.Duration(c.int()), Version: uint64(c.int())}
		if err := parseNamespaceDetail(&n, c.blob()); err != nil && c.err == nil {
			c.err = err
		}
		out = append(out, n)
		return true
	})
	return out, err
}

// namespaceDetail encodes what a namespace's row holds besides its columns: a version; 1 or 0 for deprecated; the description and
// the search attributes by name, each with its length before it. A row of before has none, which says nothing of all this.
func namespaceDetail(n *ports.NamespaceRecord) []byte {
	b := []byte{1, 0}
	if n.Deprecated {
		b[1] = 1
	}
	types := map[string]string{}
	for name, t := range n.Attributes {
		types[name] = t.String()
	}
	return appendPairs(appendBytes(b, n.Description), types)
}

func parseNamespaceDetail(n *ports.NamespaceRecord, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) < 2 || b[0] != 1 {
		return fault.Internalf("namespace %q has a row that this binary cannot read", n.Name)
	}
	d := decoder{b: b[2:]}
	n.Deprecated, n.Description = b[1] == 1, string(d.bytes())
	types, err := parsePairs(d.b)
	if d.damaged || err != nil {
		return fault.Internalf("namespace %q has a damaged row", n.Name)
	}
	for name, text := range types {
		t, ok := model.ParseAttributeType(text)
		if !ok {
			return fault.Internalf("namespace %q has a search attribute of the unknown type %q", n.Name, text)
		}
		if n.Attributes == nil {
			n.Attributes = map[string]model.AttributeType{}
		}
		n.Attributes[name] = t
	}
	return nil
}
