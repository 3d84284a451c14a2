package module

import "strconv"

// What the rewritten module exports, beside the memory. Nothing that the guest exported keeps its name.
const (
	ExportMemory = "memory"
	ExportCall   = "call" // (i32 entry, i32 argument) -> i64
	ExportFuel   = "fuel" // mutable i64
)

// ExportGlobal is the name under which the guest's mutable global i is exported.
func ExportGlobal(i int) string { return "global" + strconv.Itoa(i) }

// Runnable is the form of a module that the host compiles and runs, with what it must know about it.
type Runnable struct {
	Code     []byte    // the rewritten module, without data segments
	Data     []Segment // what the memory holds before _initialize; slices of the uploaded module
	MinPages uint32    // how large the memory is then; the rewritten module's begins empty
	MaxPages uint32    // the guest's own bound
	Globals  []int     // the mutable globals that hold the guest's state, for ExportGlobal
	Elements int       // entries of the function table
}

// Rewrite makes the runnable form. The same module gives the same bytes every time.
func (m *Module) Rewrite() *Runnable {
	m.findSmall()
	r := &Runnable{Data: m.data, MinPages: m.memory.min, MaxPages: MaxMemoryPages}
	if m.memory.hasMax {
		r.MaxPages = m.memory.max
	}
	if m.table != nil {
		r.Elements = int(m.table.min)
	}
	functions := uint32(len(m.imports) + len(m.functions))
	types := uint32(len(m.types))
	fuel := uint32(len(m.globals))
	fill, move, call := functions, functions+1, functions+2

	size := len(m.importSection) + len(m.elementSection) + 4096
	for i := range m.code {
		size += len(m.code[i].code) + len(m.code[i].code)/4 + 16
	}
	out := append(make([]byte, 0, size), "\x00asm\x01\x00\x00\x00"...)
	section := func(id byte, body []byte) {
		out = append(putU32(append(out, id), uint32(len(body))), body...)
	}

	b := putU32(nil, types+2)
	for _, t := range append(m.types[:types:types], sig("iii:"), sig("ii:l")) {
		b = append(putU32(append(b, 0x60), uint32(len(t.Params))), asBytes(t.Params)...)
		b = append(putU32(b, uint32(len(t.Results))), asBytes(t.Results)...)
	}
	section(secType, b)
	section(secImport, m.importSection)

	b = putU32(nil, uint32(len(m.functions))+3)
	for _, t := range append(m.functions[:len(m.functions):len(m.functions)], types, types, types+1) {
		b = putU32(b, t)
	}
	section(secFunction, b)
	if m.table != nil {
		section(secTable, putU32(putU32([]byte{1, 0x70, 1}, m.table.min), m.table.max))
	}
	// The memory belongs to the run and not to the module that the engine instantiates: it begins empty, and the host puts a memory in
	// place before each call. The guest's own bounds are MinPages and MaxPages.
	section(secMemory, putU32([]byte{1, 1, 0}, MaxMemoryPages))

	b = putU32(nil, fuel+1)
	for i, g := range m.globals {
		b = putGlobal(b, g)
		if g.Mutable {
			r.Globals = append(r.Globals, i)
		}
	}
	section(secGlobal, putGlobal(b, Global{Type: I64, Mutable: true}))

	b = putU32(nil, uint32(len(r.Globals))+3)
	b = append(putName(b, ExportMemory), kindMemory, 0)
	b = putU32(append(putName(b, ExportCall), kindFunc), call)
	b = putU32(append(putName(b, ExportFuel), kindGlobal), fuel)
	for _, g := range r.Globals {
		b = putU32(append(putName(b, ExportGlobal(g)), kindGlobal), uint32(g))
	}
	section(secExport, b)
	if m.elementSection != nil {
		section(secElement, m.elementSection)
	}

	t := newMeterer(m, fuel, fill, move)
	b = putU32(make([]byte, 0, size), uint32(len(m.code))+3)
	for i := range m.code {
		b = t.meter(b, &m.code[i])
	}
	for _, f := range [][]byte{bulkFunction(fuel, m.yield, false), bulkFunction(fuel, m.yield, true), m.dispatchFunction()} {
		b = append(putU32(b, uint32(len(f))), f...)
	}
	section(secCode, b)
	if names := m.nameSection(); names != nil {
		section(secCustom, names)
	}
	r.Code = out
	return r
}

func putGlobal(b []byte, g Global) []byte {
	b = append(b, byte(g.Type), 0)
	if g.Mutable {
		b[len(b)-1] = 1
	}
	switch g.Type {
	case I32:
		b = putSigned(append(b, opI32Const), int64(int32(g.Value)))
	case I64:
		b = putSigned(append(b, opI64Const), int64(g.Value))
	case F32:
		b = append(b, opF32Const)
		for i := range 4 {
			b = append(b, byte(g.Value>>(8*i)))
		}
	case F64:
		b = append(b, opF64Const)
		for i := range 8 {
			b = append(b, byte(g.Value>>(8*i)))
		}
	}
	return append(b, opEnd)
}
