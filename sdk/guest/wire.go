package guest

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The wire types of protobuf that are read; groups are refused.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errTruncated = errors.New("truncated message")

// A decoder reads the fields of one protobuf message. The first error sticks and ends the loop of next.
// Bytes that it gives out point into its input.
type decoder struct {
	rest []byte
	num  int
	wire int
	v    uint64 // value of a varint or fixed field
	body []byte // value of a length-delimited field
	err  error
}

// next reads a field; false at the end and after an error.
func (d *decoder) next() bool {
	if d.err != nil || len(d.rest) == 0 {
		return false
	}
	key := d.varint()
	d.num, d.wire = int(key>>3), int(key&7)
	if d.err == nil && (d.num < 1 || key>>3 > 1<<29-1) {
		d.err = fmt.Errorf("field number %d is out of range", key>>3)
	}
	if d.err != nil {
		return false
	}
	d.body = nil
	switch d.wire {
	case wireVarint:
		d.v = d.varint()
	case wireFixed64:
		d.v = d.fixed(8)
	case wireFixed32:
		d.v = d.fixed(4)
	case wireBytes:
		n := d.varint()
		if d.err == nil && n > uint64(len(d.rest)) {
			d.err = errTruncated
		}
		if d.err == nil {
			d.body, d.rest = d.rest[:n:n], d.rest[n:]
		}
	default:
		d.err = fmt.Errorf("field %d has the wire type %d, which is not allowed", d.num, d.wire)
	}
	return d.err == nil
}

func (d *decoder) varint() uint64 {
	var v uint64
	for i := range 10 {
		if i >= len(d.rest) {
			d.err = errTruncated
			return 0
		}
		c := d.rest[i]
		if i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.rest = d.rest[i+1:]
			return v
		}
	}
	d.err = errors.New("a varint is longer than 64 bits")
	return 0
}

func (d *decoder) fixed(n int) uint64 {
	if len(d.rest) < n {
		d.err = errTruncated
		return 0
	}
	var v uint64
	for i := range n {
		v |= uint64(d.rest[i]) << (8 * i)
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) want(wire int) bool {
	if d.wire != wire && d.err == nil {
		d.err = fmt.Errorf("field %d has the wire type %d instead of %d", d.num, d.wire, wire)
	}
	return d.err == nil
}

func (d *decoder) uint() uint64 {
	if !d.want(wireVarint) {
		return 0
	}
	return d.v
}

func (d *decoder) uint32() uint32 { return uint32(d.uint()) }

func (d *decoder) bytes() []byte {
	if !d.want(wireBytes) {
		return nil
	}
	return d.body
}

func (d *decoder) string() string {
	b := d.bytes()
	if d.err == nil && !utf8.Valid(b) {
		d.err = fmt.Errorf("field %d is not valid UTF-8", d.num)
	}
	return string(b)
}

// nested keeps the error of a message inside this one.
func (d *decoder) nested(err error) {
	if err != nil && d.err == nil {
		d.err = err
	}
}

// entry reads a map<string, string> entry into m, which it makes where needed.
func (d *decoder) entry(m map[string]string) map[string]string {
	e := decoder{rest: d.bytes()}
	var k, v string
	for e.next() {
		switch e.num {
		case 1:
			k = e.string()
		case 2:
			v = e.string()
		}
	}
	d.nested(e.err)
	if m == nil {
		m = map[string]string{}
	}
	m[k] = v
	return m
}

func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func sizeVarint(v uint64) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}

// appendUint writes a varint field; zero is not written.
func appendUint(b []byte, num int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendVarint(append(b, byte(num<<3|wireVarint)), v)
}

func appendBool(b []byte, num int, v bool) []byte {
	if !v {
		return b
	}
	return append(b, byte(num<<3|wireVarint), 1)
}

// appendString writes a string or bytes field; an empty one is not written.
func appendString[T string | []byte](b []byte, num int, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = appendVarint(append(b, byte(num<<3|wireBytes)), uint64(len(v)))
	return append(b, v...)
}

// openMessage begins a nested message; the returned mark goes to closeMessage. Field numbers up to 2047.
func openMessage(b []byte, num int) ([]byte, int) {
	b = appendVarint(b, uint64(num)<<3|wireBytes)
	return append(b, 0), len(b)
}

// closeMessage writes the length of the message begun at mark, and moves it where one byte is too few.
func closeMessage(b []byte, mark int) []byte {
	n := len(b) - mark - 1
	extra := sizeVarint(uint64(n)) - 1
	if extra > 0 {
		b = append(b, make([]byte, extra)...)
		copy(b[mark+1+extra:], b[mark+1:mark+1+n])
	}
	for i := range extra {
		b[mark+i] = byte(n>>(7*i)) | 0x80
	}
	b[mark+extra] = byte(n >> (7 * extra))
	return b
}
