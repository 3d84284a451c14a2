package sqlstore

import (
	"database/sql/driver"
	"encoding/hex"
	"math"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// args collects the arguments of a statement. Texts are copied into one buffer that is used again for the next statement.
type args struct {
	vals []driver.NamedValue
	buf  []byte
}

func (a *args) reset() *args {
	clear(a.vals)
	a.vals, a.buf = a.vals[:0], a.buf[:0]
	return a
}

func (a *args) add(v driver.Value) *args {
	a.vals = append(a.vals, driver.NamedValue{Ordinal: len(a.vals) + 1, Value: v})
	return a
}

func (a *args) int(n int64) *args { return a.add(n) }

func (a *args) flag(b bool) *args {
	if b {
		return a.int(1)
	}
	return a.int(0)
}

func (a *args) null() *args { return a.add(nil) }

var empty = []byte{}

// blob adds bytes; nil is stored as an empty BLOB, not as NULL.
func (a *args) blob(b []byte) *args {
	if len(b) == 0 {
		return a.add(empty)
	}
	return a.add(b)
}

// text adds a text as the BLOB of its bytes.
func (a *args) text(s string) *args {
	from := len(a.buf)
	a.buf = append(a.buf, s...)
	return a.blob(a.buf[from:len(a.buf):len(a.buf)])
}

// id adds a run ID or package hash in its packed form.
func (a *args) id(s string) *args {
	from := len(a.buf)
	a.buf = pack(a.buf, s)
	return a.add(a.buf[from:len(a.buf):len(a.buf)])
}

// detail adds what a run's row holds besides its columns.
func (a *args) detail(r *ports.Run) *args {
	from := len(a.buf)
	a.buf = appendDetail(a.buf, r)
	return a.add(a.buf[from:len(a.buf):len(a.buf)])
}

// time adds a moment as unix nanoseconds.
func (a *args) time(t time.Time) *args { return a.add(nanos(t)) }

// Tags of packed identifiers.
const (
	packedText = 0 // the text itself follows
	packedUUID = 1 // the 16 bytes of a UUID in canonical lower-case form
	packedHash = 2 // the 32 bytes of 64 lower-case hex digits
)

// pack appends the stored form of an identifier that usually is a UUID or a SHA-256 in hex: a tag and then its bytes. No two
// identifiers have the same form, and identifiers of one kind keep their order.
func pack(to []byte, s string) []byte {
	switch len(s) {
	case 36:
		var u [16]byte
		if parseUUID(&u, s) {
			return append(append(to, packedUUID), u[:]...)
		}
	case 64:
		var h [32]byte
		if parseHex(h[:], s) {
			return append(append(to, packedHash), h[:]...)
		}
	}
	return append(append(to, packedText), s...)
}

// unpack is the inverse of pack.
func unpack(b []byte) (string, error) {
	switch {
	case len(b) >= 1 && b[0] == packedText:
		return string(b[1:]), nil
	case len(b) == 17 && b[0] == packedUUID:
		var s [36]byte
		at := 0
		for i, part := range [...][2]int{{1, 5}, {5, 7}, {7, 9}, {9, 11}, {11, 17}} {
			if i > 0 {
				s[at] = '-'
				at++
			}
			at += hex.Encode(s[at:], b[part[0]:part[1]])
		}
		return string(s[:]), nil
	case len(b) == 33 && b[0] == packedHash:
		return hex.EncodeToString(b[1:]), nil
	}
	return "", fault.Internalf("a stored identifier has no known form: %x", b)
}

func parseUUID(u *[16]byte, s string) bool {
	return s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' && parseHex(u[:4], s[:8]) && parseHex(u[4:6], s[9:13]) &&
		parseHex(u[6:8], s[14:18]) && parseHex(u[8:10], s[19:23]) && parseHex(u[10:], s[24:])
}

// parseHex reads lower-case hex digits only, so that the text can be made again.
func parseHex(to []byte, s string) bool {
	for i := range to {
		hi, lo := digit(s[2*i]), digit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		to[i] = hi<<4 | lo
	}
	return true
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// zeroTime is the stored form of the zero time: an integer can hold the years 1678 to 2262 only, so no moment has it.
const zeroTime = math.MinInt64

var firstTime, lastTime = time.Unix(0, math.MinInt64+1), time.Unix(0, math.MaxInt64)

// nanos is the stored form of a moment. What an integer cannot hold becomes the nearest moment that it can.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return zeroTime
	case t.Before(firstTime):
		return firstTime.UnixNano()
	case t.After(lastTime):
		return lastTime.UnixNano()
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == zeroTime {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// columns takes a row apart from left to right and remembers the first thing that was wrong.
type columns struct {
	row []driver.Value
	err error
}

func (c *columns) next() driver.Value {
	if len(c.row) == 0 {
		c.fail("has too few columns")
		return nil
	}
	v := c.row[0]
	c.row = c.row[1:]
	return v
}

func (c *columns) fail(what string) {
	if c.err == nil {
		c.err = fault.Internalf("a stored row %s", what)
	}
}

func (c *columns) int() int64 {
	n, ok := c.next().(int64)
	if !ok {
		c.fail("holds something else than an integer")
	}
	return n
}

func (c *columns) blob() []byte {
	b, ok := c.next().([]byte)
	if !ok {
		c.fail("holds something else than bytes")
	}
	return b
}

func (c *columns) text() string { return string(c.blob()) }

func (c *columns) id() string {
	s, err := unpack(c.blob())
	if err != nil && c.err == nil {
		c.err = err
	}
	return s
}

func (c *columns) time() time.Time { return moment(c.int()) }

// optional reads an integer that may be NULL.
func (c *columns) optional() (n int64, ok bool) {
	v := c.next()
	if v == nil {
		return 0, false
	}
	if n, ok = v.(int64); !ok {
		c.fail("holds something else than an integer or NULL")
	}
	return n, ok
}
