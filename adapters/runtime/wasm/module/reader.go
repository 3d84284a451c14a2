package module

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// reader walks over bytes. The first failure sticks: every later read gives zero and no progress, so that a caller may check once per
// element. A loop over a count from the input must use count, which bounds it by the bytes that are left.
type reader struct {
	b   []byte
	at  int
	off int // of b[0] in the module, for messages
	err error
}

func (r *reader) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %s", r.off+r.at, fmt.Sprintf(format, a...))
	}
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) ok() bool { return r.err == nil }

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	if r.at >= len(r.b) {
		r.fail("truncated")
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

func (r *reader) bytes(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(r.left()) {
		r.fail("truncated: %d bytes are announced, %d are left", n, r.left())
		return nil
	}
	b := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

// sub gives a reader over the next n bytes.
func (r *reader) sub(n uint32) *reader {
	off := r.off + r.at
	return &reader{b: r.bytes(n), off: off, err: r.err}
}

// u32 reads an unsigned LEB128 of at most 32 bits; longer than needed is allowed, as the specification does, up to five bytes.
func (r *reader) u32() uint32 {
	if r.err == nil && r.at < len(r.b) && r.b[r.at] < 0x80 {
		r.at++
		return uint32(r.b[r.at-1])
	}
	var v uint64
	for i := range 5 {
		c := r.byte()
		v |= uint64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			if v>>32 != 0 {
				r.fail("a number is larger than 32 bits")
				return 0
			}
			return uint32(v)
		}
	}
	r.fail("a number is longer than five bytes")
	return 0
}

// signed reads a signed LEB128 of at most the given number of bits.
func (r *reader) signed(bits int) int64 {
	var v int64
	most := (bits + 6) / 7
	for i := range most {
		c := r.byte()
		v |= int64(c&0x7f) << (7 * i)
		if c&0x80 != 0 {
			continue
		}
		if shift := 7 * (i + 1); shift < 64 {
			v = v << (64 - shift) >> (64 - shift)
		}
		if i == most-1 { // the bits beyond the type must repeat its sign
			used := bits - 7*i
			top := int8(c<<1) >> 1
			if top>>(used-1) != 0 && top>>(used-1) != -1 {
				r.fail("a signed number is larger than %d bits", bits)
				return 0
			}
		}
		return v
	}
	r.fail("a signed number is longer than %d bytes", most)
	return 0
}

// count reads how many elements follow, of which each takes at least minBytes, and refuses more than limit or more than can be there.
func (r *reader) count(what string, limit, minBytes int) int {
	n := r.u32()
	if r.err != nil {
		return 0
	}
	if uint64(n) > uint64(limit) {
		r.fail("%d %s: at most %d are allowed", n, what, limit)
		return 0
	}
	if uint64(n)*uint64(minBytes) > uint64(r.left()) {
		r.fail("truncated: %d %s are announced, %d bytes are left", n, what, r.left())
		return 0
	}
	return int(n)
}

func (r *reader) name(what string) string {
	n := r.u32()
	if n > MaxNameBytes {
		r.fail("the name of %s is %d bytes long; at most %d are allowed", what, n, MaxNameBytes)
		return ""
	}
	b := r.bytes(n)
	if r.err == nil && !utf8.Valid(b) {
		r.fail("the name of %s is not valid UTF-8", what)
		return ""
	}
	return string(b)
}

func (r *reader) valType(what string) ValType {
	t := ValType(r.byte())
	if r.err != nil {
		return 0
	}
	switch t {
	case I32, I64, F32, F64:
		return t
	case 0x7b:
		r.fail("%s is a vector: SIMD is not allowed", what)
	case 0x70, 0x6f:
		r.fail("%s is a reference: reference types are not allowed", what)
	case 0x69:
		r.fail("%s is an exception reference: exceptions are not allowed", what)
	default:
		r.fail("%s has the unknown type 0x%02x", what, byte(t))
	}
	return 0
}

// constant reads a constant expression of the given type and gives the value's bits.
func (r *reader) constant(what string, t ValType) uint64 {
	op := r.byte()
	var v uint64
	var found ValType
	switch op {
	case opI32Const:
		v, found = uint64(uint32(int32(r.signed(32)))), I32
	case opI64Const:
		v, found = uint64(r.signed(64)), I64
	case opF32Const:
		if b := r.bytes(4); r.err == nil {
			v = uint64(binary.LittleEndian.Uint32(b))
		}
		found = F32
	case opF64Const:
		if b := r.bytes(8); r.err == nil {
			v = binary.LittleEndian.Uint64(b)
		}
		found = F64
	default:
		r.fail("%s is not a plain constant (opcode 0x%02x)", what, op)
		return 0
	}
	if end := r.byte(); r.err == nil && end != opEnd {
		r.fail("%s is more than one constant", what)
	}
	if r.err == nil && found != t {
		r.fail("%s is a constant of type %s where %s is needed", what, found, t)
	}
	return v
}

func putU32(b []byte, v uint32) []byte { return binary.AppendUvarint(b, uint64(v)) }

func putSigned(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func putName(b []byte, s string) []byte {
	return append(putU32(b, uint32(len(s))), s...)
}
