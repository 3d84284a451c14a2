package module

import "fmt"

// PageBytes is the size of a WebAssembly memory page.
const PageBytes = 65_536

// ValType is the type of a value, in its binary encoding.
type ValType byte

// The value types of the ABI.
const (
	I32 ValType = 0x7f
	I64 ValType = 0x7e
	F32 ValType = 0x7d
	F64 ValType = 0x7c
)

// String is the type's name in the text format.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	}
	return fmt.Sprintf("0x%02x", byte(t))
}

// FuncType is a function's signature.
type FuncType struct {
	Params  []ValType
	Results []ValType // at most one
}

// String writes the signature as "(i32, i64) -> (i32)".
func (t FuncType) String() string {
	return fmt.Sprintf("%s -> %s", list(t.Params), list(t.Results))
}

func list(types []ValType) string {
	s := "("
	for i, t := range types {
		if i > 0 {
			s += ", "
		}
		s += t.String()
	}
	return s + ")"
}

func (t FuncType) equal(o FuncType) bool {
	return string(asBytes(t.Params)) == string(asBytes(o.Params)) && string(asBytes(t.Results)) == string(asBytes(o.Results))
}

func asBytes(types []ValType) []byte {
	b := make([]byte, len(types))
	for i, t := range types {
		b[i] = byte(t)
	}
	return b
}

// sig is shorthand for a signature: letters i, l, f, d for i32, i64, f32, f64, results behind a colon, e.g. "ili:i".
func sig(s string) FuncType {
	var t FuncType
	to := &t.Params
	for _, c := range s {
		switch c {
		case 'i':
			*to = append(*to, I32)
		case 'l':
			*to = append(*to, I64)
		case 'f':
			*to = append(*to, F32)
		case 'd':
			*to = append(*to, F64)
		case ':':
			to = &t.Results
		}
	}
	return t
}

// Global is a global variable with its constant initial value (its bits, for floating point).
type Global struct {
	Type    ValType
	Mutable bool
	Value   uint64
}

// Segment is bytes that the first memory holds at an offset.
type Segment struct {
	Offset uint32
	Bytes  []byte
}
