// Package asm is a small assembler for WebAssembly modules, for tests: it writes whatever it is told, also what no compiler would.
package asm

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Code is a sequence of instructions, or any other bytes.
type Code []byte

// Seq joins opcodes (int) and codes.
func Seq(parts ...any) Code {
	var c Code
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			c = append(c, byte(p))
		case Code:
			c = append(c, p...)
		case []byte:
			c = append(c, p...)
		case string:
			c = append(c, p...)
		default:
			panic("asm: a part that is neither an opcode nor code")
		}
	}
	return c
}

// U is an unsigned LEB128.
func U(v uint64) Code { return binary.AppendUvarint(nil, v) }

// S is a signed LEB128.
func S(v int64) Code {
	var b Code
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// Name is a length and the text.
func Name(s string) Code { return Seq(U(uint64(len(s))), s) }

// Vec is a count and the elements.
func Vec(elements ...Code) Code {
	c := U(uint64(len(elements)))
	for _, e := range elements {
		c = append(c, e...)
	}
	return c
}

// Some instructions.
func I32(v int32) Code                 { return Seq(0x41, S(int64(v))) }
func I64(v int64) Code                 { return Seq(0x42, S(v)) }
func Get(local int) Code               { return Seq(0x20, U(uint64(local))) }
func Set(local int) Code               { return Seq(0x21, U(uint64(local))) }
func Tee(local int) Code               { return Seq(0x22, U(uint64(local))) }
func GlobalGet(i int) Code             { return Seq(0x23, U(uint64(i))) }
func GlobalSet(i int) Code             { return Seq(0x24, U(uint64(i))) }
func Call(f uint32) Code               { return Seq(0x10, U(uint64(f))) }
func Br(depth int) Code                { return Seq(0x0c, U(uint64(depth))) }
func BrIf(depth int) Code              { return Seq(0x0d, U(uint64(depth))) }
func Block(parts ...any) Code          { return Seq(0x02, 0x40, Seq(parts...), End) }
func Loop(parts ...any) Code           { return Seq(0x03, 0x40, Seq(parts...), End) }
func If(parts ...any) Code             { return Seq(0x04, 0x40, Seq(parts...), End) }
func Load32(offset int) Code           { return Seq(0x28, 2, U(uint64(offset))) }
func Load64(offset int) Code           { return Seq(0x29, 3, U(uint64(offset))) }
func Store32(offset int) Code          { return Seq(0x36, 2, U(uint64(offset))) }
func Store64(offset int) Code          { return Seq(0x37, 3, U(uint64(offset))) }
func Fill(to, value, length Code) Code { return Seq(to, value, length, 0xfc, 11, 0) }
func Copy(to, from, length Code) Code  { return Seq(to, from, length, 0xfc, 10, 0, 0) }
func Span(at, length uint32) Code      { return I64(int64(uint64(at)<<32 | uint64(length))) }

// Opcodes by name, for Seq.
const (
	Unreachable = 0x00
	Nop         = 0x01
	Else        = 0x05
	End         = 0x0b
	Return      = 0x0f
	Drop        = 0x1a
	I32Eqz      = 0x45
	I32Eq       = 0x46
	I32LtU      = 0x49
	I32Add      = 0x6a
	I32Sub      = 0x6b
	I32Mul      = 0x6c
	I32DivU     = 0x6e
	I32And      = 0x71
	I64Add      = 0x7c
	I64ExtendU  = 0xad
	I32Wrap     = 0xa7
)

// The sections.
const (
	Custom = iota
	Types
	Imports
	Functions
	Table
	Memory
	Globals
	Exports
	Start
	Elements
	CodeSection
	Data
	DataCount
	Tags
)

// Order is the order in which sections are written.
var Order = []int{Types, Imports, Functions, Table, Memory, Tags, Globals, Exports, Start, Elements, DataCount, CodeSection, Data, Custom}

// Builder collects a module.
type Builder struct {
	types     []Code
	imports   []Code
	functions []Code
	bodies    []Code
	exports   []Code
	globals   []Code
	data      []Code
	memory    Code
	named     map[string]uint32
	raw       map[int]Code
}

// Type adds a function type, written as module.WASI does: "ili:i".
func (b *Builder) Type(s string) uint32 {
	var params, results Code
	to := &params
	for _, c := range s {
		switch c {
		case 'i':
			*to = append(*to, 0x7f)
		case 'l':
			*to = append(*to, 0x7e)
		case 'f':
			*to = append(*to, 0x7d)
		case 'd':
			*to = append(*to, 0x7c)
		case ':':
			to = &results
		}
	}
	t := Seq(0x60, U(uint64(len(params))), params, U(uint64(len(results))), results)
	if i := slices.IndexFunc(b.types, func(o Code) bool { return string(o) == string(t) }); i >= 0 {
		return uint32(i)
	}
	b.types = append(b.types, t)
	return uint32(len(b.types) - 1)
}

// Import adds an imported function; all imports come before the first Func.
func (b *Builder) Import(module, name, typ string) uint32 {
	b.imports = append(b.imports, Seq(Name(module), Name(name), 0, U(uint64(b.Type(typ)))))
	return uint32(len(b.imports) - 1)
}

// Body is a function's code with its declarations of locals ("iil") and its end.
func Body(locals string, parts ...any) Code {
	var groups []Code
	for _, c := range locals {
		groups = append(groups, Seq(1, map[rune]int{'i': 0x7f, 'l': 0x7e, 'f': 0x7d, 'd': 0x7c}[c]))
	}
	body := Seq(Vec(groups...), Seq(parts...), End)
	return Seq(U(uint64(len(body))), body)
}

// Func adds a function, and exports it if it has a name. The same name again replaces the body.
func (b *Builder) Func(name, typ, locals string, parts ...any) uint32 {
	if f, ok := b.named[name]; ok {
		b.bodies[int(f)-len(b.imports)] = Body(locals, parts...)
		return f
	}
	b.functions = append(b.functions, U(uint64(b.Type(typ))))
	b.bodies = append(b.bodies, Body(locals, parts...))
	f := uint32(len(b.imports) + len(b.functions) - 1)
	if name != "" {
		b.Export(name, 0, f)
		if b.named == nil {
			b.named = map[string]uint32{}
		}
		b.named[name] = f
	}
	return f
}

// Next is the index that the next Func will have.
func (b *Builder) Next() uint32 { return uint32(len(b.imports) + len(b.functions)) }

// Export adds an export of a kind: 0 function, 1 table, 2 memory, 3 global.
func (b *Builder) Export(name string, kind int, index uint32) {
	b.exports = append(b.exports, Seq(Name(name), kind, U(uint64(index))))
}

// Global adds a global of type 0x7f … with its initialiser.
func (b *Builder) Global(typ, mutable int, init Code) int {
	b.globals = append(b.globals, Seq(typ, mutable, init, End))
	return len(b.globals) - 1
}

// Data adds a data segment.
func (b *Builder) Data(offset int32, text string) {
	b.data = append(b.data, Seq(0, I32(offset), End, U(uint64(len(text))), text))
}

// Memory sets the limits, e.g. Seq(0, U(1)).
func (b *Builder) Memory(limits Code) { b.memory = limits }

// Raw sets a section's whole content instead of what was collected.
func (b *Builder) Raw(section int, content Code) {
	if b.raw == nil {
		b.raw = map[int]Code{}
	}
	b.raw[section] = content
}

// Section writes one section.
func Section(id int, content Code) Code { return Seq(id, U(uint64(len(content))), content) }

// Header begins a module.
var Header = Code("\x00asm\x01\x00\x00\x00")

// Sections gives the content of each section that is there.
func (b *Builder) Sections() map[int]Code {
	s := map[int]Code{}
	for id, v := range map[int][]Code{Types: b.types, Imports: b.imports, Functions: b.functions, Globals: b.globals, Exports: b.exports, CodeSection: b.bodies, Data: b.data} {
		if len(v) > 0 {
			s[id] = Vec(v...)
		}
	}
	if b.memory != nil {
		s[Memory] = Vec(b.memory)
	}
	maps.Copy(s, b.raw)
	return s
}

// Bytes writes the module.
func (b *Builder) Bytes() []byte {
	out := Seq(Header)
	s := b.Sections()
	for _, id := range Order {
		if c, ok := s[id]; ok {
			out = append(out, Section(id, c)...)
		}
	}
	return out
}
