//go:build wasip1

// A workflow package with a guest side of its own, written by hand against docs/runtime-abi.md: the tests of the runtime depend on no SDK.
package main

import (
	"encoding/binary"
	"unsafe"
)

//go:wasmimport aion yield
func yield()

//go:wasmimport aion patched
func patched(id unsafe.Pointer, n uint32) uint32

var never bool

func main() {
	if never {
		yield() // keeps the import, which every guest must have
	}
}

var input, answer []byte

//go:wasmexport aion_abi_v1
func version() int32 { return 1 }

//go:wasmexport aion_alloc
func alloc(n int32) uint32 {
	if cap(input) < int(n) || cap(input) == 0 {
		input = make([]byte, max(n, 256))
	}
	input = input[:n]
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(input))))
}

func span(b []byte) uint64 {
	answer = b
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))<<32 | uint64(len(b))
}

//go:wasmexport aion_describe
func describe() uint64 {
	var b []byte
	for _, name := range names {
		var d []byte
		d = putString(d, 1, name)
		if name == "inbox" {
			d = putString(d, 2, "add")
			d = putString(d, 2, "done")
			d = putString(d, 3, "seen")
		}
		if name == "desk" {
			d = putString(d, 4, "raise")
		}
		b = putString(b, 1, string(d))
	}
	b = putString(b, 2, "test 1")
	return span(putString(b, 3, "step"))
}

//go:wasmexport aion_activate
func activate(n int32) uint64 {
	each(input[:n], func(field int, _ uint64, b []byte) {
		if field == 3 {
			apply(b)
		}
	})
	drive()
	out := r.out
	r.out = nil
	if r.answer != nil {
		return r.answer(out)
	}
	return span(out)
}

//go:wasmexport aion_query
func query(n int32) uint64 {
	var name string
	var in []byte
	var kind uint64
	each(input[:n], func(field int, v uint64, b []byte) {
		switch field {
		case 1:
			name = string(b)
		case 2:
			in = payload(b)
		case 3:
			kind = v
		}
	})
	if kind == 1 {
		return span(r.validate(name, in))
	}
	switch {
	case name == "seen" && r.kind == "inbox":
		return span(putString(nil, 1, string(putPayload([]byte(join(r.seen))))))
	case name == "echo":
		return span(putString(nil, 1, string(putPayload(in))))
	case name == "broken":
		return span(putString(putInt(nil, 2, 2), 3, "no such luck"))
	case name == "spin":
		for {
		}
	}
	return span(putString(putInt(nil, 2, 1), 3, "unknown query "+name+"; known: seen, echo, broken"))
}

// The wire format.

func each(b []byte, f func(field int, v uint64, b []byte)) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		b = b[n:]
		v, n := binary.Uvarint(b)
		b = b[n:]
		if tag&7 == 2 {
			f(int(tag>>3), 0, b[:v])
			b = b[v:]
		} else {
			f(int(tag>>3), v, nil)
		}
	}
}

func putInt(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(field)<<3), v)
}

func putString(b []byte, field int, s string) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|2)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func putPayload(data []byte) []byte {
	return putString(putString(nil, 1, "application/json"), 2, string(data))
}

func payload(b []byte) (data []byte) {
	each(b, func(field int, _ uint64, b []byte) {
		if field == 2 {
			data = append([]byte(nil), b...)
		}
	})
	return data
}
