package events

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/aionrun/aion/domain/fault"
)

// cursorLayout is the version of the encoding of cursors.
const cursorLayout = 1

// A Cursor is a place in the feed: the last position that was delivered, of each shard. Stores with several shards have one position for each.
type Cursor []int64

// String gives the cursor's form for clients: opaque, URL-safe.
func (c Cursor) String() string {
	b := []byte{cursorLayout}
	b = binary.AppendUvarint(b, uint64(len(c)))
	for _, pos := range c {
		b = binary.AppendUvarint(b, uint64(pos))
	}
	return base64.RawURLEncoding.EncodeToString(binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

// ParseCursor reads a cursor of a store with so many shards. Errors: InvalidInput.
func ParseCursor(s string, shards int) (Cursor, error) {
	bad := fault.Invalidf("this is not a cursor").Hinted("pass the cursor of a frame as it came, or none to begin with what happens from now on")
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 6 || len(b) > 16<<10 {
		return nil, bad
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, bad
	}
	if body[0] != cursorLayout {
		return nil, fault.Invalidf("the cursor has layout %d; this version knows layout %d", body[0], cursorLayout).Hinted("subscribe without a cursor, or from the start")
	}
	n, k := binary.Uvarint(body[1:])
	if k <= 0 || n != uint64(shards) {
		return nil, fault.New(fault.CursorAhead, "the cursor is of another database: it has %d shards, this one has %d", n, shards).Hinted("subscribe without a cursor, or from the start")
	}
	body = body[1+k:]
	c := make(Cursor, n)
	for i := range c {
		pos, k := binary.Uvarint(body)
		if k <= 0 || pos > 1<<62 {
			return nil, bad
		}
		c[i], body = int64(pos), body[k:]
	}
	if len(body) != 0 {
		return nil, bad
	}
	return c, nil
}
