package sqlstore

import (
	"encoding/binary"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// detailVersion is the first byte of a run's detail. A new form gets a new number; the old ones stay readable.
const detailVersion = 1

// detailWithAttributes is the version of a row that ends with search attributes.
const detailWithAttributes = 2

// appendDetail encodes what a run's row holds besides its columns: the version; 1 or 0 for paused; closed at (unix
// nanoseconds), head seq and history bytes as varints; then package (packed), task queue, start request and request
// digest, each with its length before it; then search attributes, where there are any.
func appendDetail(to []byte, r *ports.Run) []byte {
	version := len(to)
	to = append(to, detailVersion, 0)
	if r.Paused {
		to[len(to)-1] = 1
	}
	to = binary.AppendVarint(to, nanos(r.ClosedAt))
	to = binary.AppendUvarint(to, uint64(r.HeadSeq))
	to = binary.AppendVarint(to, r.HistoryBytes)
	var hash [1 + model.MaxIDBytes]byte
	to = appendBytes(to, pack(hash[:0], string(r.Package)))
	to = appendBytes(to, string(r.TaskQueue))
	to = appendBytes(to, string(r.StartRequest))
	to = appendBytes(to, r.RequestDigest)
	if len(r.Attributes) > 0 {
		to[version] = detailWithAttributes
		to = appendAttributes(to, r.Attributes)
	}
	return to
}

// parseDetail is the inverse of appendDetail.
func parseDetail(r *ports.Run, b []byte) error {
	if len(b) < 2 || b[0] != detailVersion && b[0] != detailWithAttributes {
		return fault.Internalf("run %q has a row that this binary cannot read", r.ID)
	}
	d := decoder{b: b[2:]}
	r.Paused = b[1] == 1
	r.ClosedAt = moment(d.varint())
	r.HeadSeq = model.Seq(d.uvarint())
	r.HistoryBytes = d.varint()
	hash, err := unpack(d.bytes())
	r.Package = model.PackageHash(hash)
	r.TaskQueue = model.TaskQueue(d.bytes())
	r.StartRequest = model.RequestID(d.bytes())
	r.RequestDigest = d.bytes()
	if b[0] == detailWithAttributes {
		r.Attributes = d.attributes()
	}
	if d.damaged || err != nil || len(d.b) > 0 {
		return fault.Internalf("run %q has a damaged row", r.ID)
	}
	return nil
}

// appendPairs encodes small metadata: entries in key order, each text with its length before it.
func appendPairs(to []byte, m map[string]string) []byte {
	for _, e := range model.SortedEntries(m) {
		to = appendBytes(appendBytes(to, e[0]), e[1])
	}
	return to
}

// parsePairs is the inverse of appendPairs; no entries give nil.
func parsePairs(b []byte) (map[string]string, error) {
	d := decoder{b: b}
	var m map[string]string
	for len(d.b) > 0 {
		if m == nil {
			m = map[string]string{}
		}
		k := string(d.bytes())
		m[k] = string(d.bytes())
	}
	if d.damaged {
		return nil, fault.Internalf("stored metadata is damaged")
	}
	return m, nil
}

func appendBytes[T string | []byte](to []byte, s T) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}

// decoder reads values from the front of b. Damage empties b and stays noted.
type decoder struct {
	b       []byte
	damaged bool
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.b, d.damaged = nil, true
		return
	}
	d.b = d.b[n:]
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	d.skip(n)
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.skip(n)
	return v
}

// bytes gives a part of what is read, nil where it is empty.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.b, d.damaged = nil, true
		return nil
	}
	if n == 0 {
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}
