package sqlstore

import (
	"encoding/binary"
	"math"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const sqlDropAttribute = `DELETE FROM attr WHERE run_id = ? AND name = ?`

// The entries of a run's search attributes hold when it started.
const sqlMoveAttributes = `UPDATE attr SET started_at = ? WHERE run_id = ?`

var manyAttributes = newManyRows(`INSERT INTO attr (ns, name, value, started_at, run_id)`, 5, ``)

// attributes replaces the index entries of the search attributes that an append changes.
func (w *writer) attributes(a *ports.Append) error {
	for i := range a.Attributes {
		at := &a.Attributes[i]
		started := int64(0)
		for r := range a.Runs {
			if a.Runs[r].ID == at.Run {
				started = nanos(a.Runs[r].StartedAt)
			}
		}
		if !begins(a, at.Run) {
			if _, err := w.c.exec(sqlDropAttribute, w.args.reset().id(string(at.Run)).text(at.Name).vals); err != nil {
				return err
			}
		}
		keys := at.Value.Keys()
		err := w.put(&manyAttributes, len(keys), func(k int) {
			w.args.text(string(a.Key.Namespace)).text(at.Name).blob(keys[k]).int(started).id(string(at.Run))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// begins says whether the append holds the first event of a run, which then has no entries yet.
func begins(a *ports.Append, run model.RunID) bool {
	for i := range a.History {
		if a.History[i].Run == run {
			return a.History[i].First == 1
		}
	}
	return false
}

// appendAttributes encodes search attributes: their number, then for each its name, its type and its value.
func appendAttributes(to []byte, as model.Attributes) []byte {
	to = binary.AppendUvarint(to, uint64(len(as)))
	for _, a := range as {
		to = append(appendBytes(to, a.Name), byte(a.Value.Type))
		switch a.Value.Type {
		case model.AttributeFloat:
			to = binary.BigEndian.AppendUint64(to, math.Float64bits(a.Value.Float))
		case model.AttributeKeyword, model.AttributeText:
			to = appendBytes(to, a.Value.Text)
		case model.AttributeKeywordList:
			to = binary.AppendUvarint(to, uint64(len(a.Value.List)))
			for _, s := range a.Value.List {
				to = appendBytes(to, s)
			}
		default:
			to = binary.AppendVarint(to, a.Value.Int)
		}
	}
	return to
}

func (d *decoder) attributes() (out model.Attributes) {
	for n := d.uvarint(); n > 0 && !d.damaged; n-- {
		a := model.Attribute{Name: string(d.bytes()), Value: model.AttributeValue{Type: model.AttributeType(d.byte())}}
		switch v := &a.Value; v.Type {
		case model.AttributeFloat:
			v.Float = math.Float64frombits(d.fixed())
		case model.AttributeKeyword, model.AttributeText:
			v.Text = string(d.bytes())
		case model.AttributeKeywordList:
			for m := d.uvarint(); m > 0 && !d.damaged; m-- {
				v.List = append(v.List, string(d.bytes()))
			}
		case model.AttributeBool, model.AttributeInt, model.AttributeDatetime:
			v.Int = d.varint()
		default:
			d.b, d.damaged = nil, true
		}
		out = append(out, a)
	}
	return out
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.damaged = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) fixed() uint64 {
	if len(d.b) < 8 {
		d.b, d.damaged = nil, true
		return 0
	}
	v := binary.BigEndian.Uint64(d.b)
	d.b = d.b[8:]
	return v
}
