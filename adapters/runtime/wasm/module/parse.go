package module

import (
	"bytes"
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// Module is an uploaded module that passed every check of this package. It keeps slices of the bytes that it was parsed from.
type Module struct {
	types     []FuncType
	imports   []function // of functions; there are no others
	functions []uint32   // the types of the functions with a body
	table     *table
	memory    memory
	globals   []Global
	exports   map[string]export
	data      []Segment
	code      []body
	names     map[uint32]string

	importSection, elementSection []byte // copied as they stand
	yield                         uint32 // the function index of aion.yield
	entries                       [numEntries]uint32
	compile                       time.Duration // estimated
}

type function struct {
	module, name string
	typ          uint32
}

type table struct{ min, max uint32 }

type memory struct {
	min, max uint32 // pages
	hasMax   bool
}

type export struct {
	kind  byte
	index uint32
}

const (
	kindFunc   = 0
	kindTable  = 1
	kindMemory = 2
	kindGlobal = 3
)

// The sections by their identifiers, and the order in which they must come.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag"}

// sectionOrder ranks the sections: the data count comes before the code, though its number is higher.
var sectionOrder = [...]int{secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secGlobal: 6, secExport: 7, secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12, secTag: 0}

// Parse checks an uploaded module. Every error is fault.InvalidInput; its message names the rule that is broken and the byte.
// It never panics, and takes time and memory in proportion to the module.
func Parse(code []byte) (*Module, error) {
	m, err := parse(code)
	if err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "the WebAssembly module is refused").
			Hinted("build the package with `aion build`, or see docs/runtime-abi.md for what a module may hold")
	}
	return m, nil
}

func parse(code []byte) (*Module, error) {
	if len(code) > MaxBytes {
		return nil, fmt.Errorf("it is %d bytes large; at most %d are allowed", len(code), MaxBytes)
	}
	if !bytes.HasPrefix(code, []byte("\x00asm")) {
		return nil, fmt.Errorf("it does not begin like a WebAssembly module")
	}
	if !bytes.HasPrefix(code[4:], []byte{1, 0, 0, 0}) {
		return nil, fmt.Errorf("it is no core module of WebAssembly version 1 (a component?)")
	}
	m := &Module{}
	if err := m.sections(&reader{b: code, at: 8}); err != nil {
		return nil, err
	}
	if err := m.checkABI(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Module) sections(r *reader) error {
	last, dataCount := 0, -1
	var seen [len(sectionNames)]bool
	for r.left() > 0 && r.ok() {
		id := r.byte()
		if int(id) >= len(sectionNames) {
			r.fail("a section with the unknown number %d", id)
			break
		}
		size := r.u32()
		s := r.sub(size)
		if r.err != nil {
			return fmt.Errorf("%s section: %w", sectionNames[id], r.err)
		}
		if id != secCustom {
			switch {
			case seen[id]:
				s.fail("there are two of it")
			case sectionOrder[id] != 0 && sectionOrder[id] < last:
				s.fail("it is out of order")
			}
			seen[id], last = true, max(last, sectionOrder[id])
		}
		m.section(id, s, &dataCount)
		if s.ok() && s.left() > 0 {
			s.fail("%d bytes behind its end", s.left())
		}
		if s.err != nil {
			return fmt.Errorf("%s section: %w", sectionNames[id], s.err)
		}
	}
	if r.err != nil {
		return r.err
	}
	if len(m.code) != len(m.functions) {
		return fmt.Errorf("%d functions are declared and %d have code", len(m.functions), len(m.code))
	}
	if dataCount >= 0 && dataCount != len(m.data) {
		return fmt.Errorf("%d data segments are announced and %d are there", dataCount, len(m.data))
	}
	return nil
}

func (m *Module) section(id byte, r *reader, dataCount *int) {
	switch id {
	case secCustom:
		m.customSection(r)
	case secType:
		m.typeSection(r)
	case secImport:
		m.importSection = r.b
		m.readImports(r)
	case secFunction:
		n := r.count("functions", MaxFunctions, 1)
		m.functions = make([]uint32, 0, n)
		for range n {
			m.functions = append(m.functions, m.typeIndex(r))
		}
	case secTable:
		m.tableSection(r)
	case secMemory:
		m.memorySection(r)
	case secGlobal:
		n := r.count("globals", MaxGlobals, 4)
		for i := 0; i < n && r.ok(); i++ {
			what := fmt.Sprintf("global %d", i)
			g := Global{Type: r.valType(what)}
			g.Mutable = flag(r, what)
			g.Value = r.constant("the value of "+what, g.Type)
			m.globals = append(m.globals, g)
		}
	case secExport:
		m.exportSection(r)
	case secStart:
		r.fail("a start function is not allowed; initialise in _initialize")
	case secElement:
		m.elementSection = r.b
		m.readElements(r)
	case secDataCount:
		*dataCount = int(r.u32())
	case secCode:
		m.codeSection(r)
	case secData:
		m.dataSection(r)
	case secTag:
		r.fail("exceptions are not allowed")
	}
}

func flag(r *reader, what string) bool {
	c := r.byte()
	if c > 1 {
		r.fail("%s: the flag 0x%02x is neither 0 nor 1", what, c)
	}
	return c == 1
}

func (m *Module) typeSection(r *reader) {
	n := r.count("types", MaxTypes, 3)
	for i := 0; i < n && r.ok(); i++ {
		if form := r.byte(); form != 0x60 && r.ok() {
			r.fail("type %d is no function type (0x%02x)", i, form)
		}
		var t FuncType
		for range r.count("parameters", MaxParams, 1) {
			t.Params = append(t.Params, r.valType("a parameter"))
		}
		for range r.count("results", 1, 1) {
			t.Results = append(t.Results, r.valType("a result"))
		}
		m.types = append(m.types, t)
	}
}

func (m *Module) typeIndex(r *reader) uint32 {
	i := r.u32()
	if r.ok() && uint64(i) >= uint64(len(m.types)) {
		r.fail("type %d of %d", i, len(m.types))
		return 0
	}
	return i
}

func (m *Module) readImports(r *reader) {
	n := r.count("imports", MaxImports, 4)
	for i := 0; i < n && r.ok(); i++ {
		mod, name := r.name("an import's module"), r.name("an import")
		kind := r.byte()
		if !r.ok() {
			return
		}
		if kind != kindFunc {
			what := [...]string{kindTable: "table", kindMemory: "memory", kindGlobal: "global", 4: "exception tag"}
			if int(kind) < len(what) {
				r.fail("import %s.%s: an imported %s is not allowed", mod, name, what[kind])
			} else {
				r.fail("import %s.%s has the unknown kind %d", mod, name, kind)
			}
			return
		}
		typ := m.typeIndex(r)
		if !r.ok() {
			return
		}
		want, err := importType(mod, name)
		if err != nil {
			r.fail("%v", err)
		} else if !m.types[typ].equal(want) {
			r.fail("import %s.%s has the type %s; it must be %s", mod, name, m.types[typ], want)
		}
		m.imports = append(m.imports, function{mod, name, typ})
	}
}

// limits reads the size of a table or memory.
func (r *reader) limits(what string) (lo, hi uint32, bounded bool) {
	switch f := r.byte(); {
	case !r.ok():
		return
	case f > 7:
		r.fail("%s has the unknown flags 0x%02x", what, f)
		return
	case f&2 != 0:
		r.fail("%s is shared: threads are not allowed", what)
		return
	case f&4 != 0:
		r.fail("%s has 64-bit addresses: not allowed", what)
		return
	default:
		bounded = f == 1
	}
	lo = r.u32()
	if bounded {
		hi = r.u32()
		if hi < lo {
			r.fail("%s is at least %d and at most %d large", what, lo, hi)
		}
	}
	return lo, hi, bounded
}

func (m *Module) tableSection(r *reader) {
	n := r.count("tables", 1, 3)
	if n == 0 {
		return
	}
	if t := r.byte(); r.ok() && t != 0x70 {
		r.fail("the table holds 0x%02x and not functions: not allowed", t)
	}
	lo, hi, bounded := r.limits("the table")
	if lo > MaxTableElements {
		r.fail("the table has %d elements; at most %d are allowed", lo, MaxTableElements)
	}
	if !bounded {
		hi = lo // it can never grow: the instructions that could are refused
	}
	m.table = &table{lo, hi}
}

func (m *Module) memorySection(r *reader) {
	n := r.count("memories", 1, 2)
	if n == 0 {
		return
	}
	lo, hi, bounded := r.limits("the memory")
	if lo > MaxMemoryPages || hi > MaxMemoryPages {
		r.fail("the memory is larger than %d pages", MaxMemoryPages)
	}
	m.memory = memory{lo, hi, bounded}
}

func (m *Module) exportSection(r *reader) {
	n := r.count("exports", MaxExports, 3)
	m.exports = make(map[string]export, n)
	for i := 0; i < n && r.ok(); i++ {
		name := r.name("an export")
		e := export{kind: r.byte(), index: r.u32()}
		if !r.ok() {
			return
		}
		var have int
		switch e.kind {
		case kindFunc:
			have = len(m.imports) + len(m.functions)
		case kindTable:
			if m.table != nil {
				have = 1
			}
		case kindMemory:
			have = 1 // checkABI looks for it
		case kindGlobal:
			have = len(m.globals)
		default:
			r.fail("export %q has the unknown kind %d", name, e.kind)
		}
		if uint64(e.index) >= uint64(have) {
			r.fail("export %q names element %d of %d", name, e.index, have)
		}
		if _, twice := m.exports[name]; twice {
			r.fail("there are two exports named %q", name)
		}
		m.exports[name] = e
	}
}

func (m *Module) readElements(r *reader) {
	n := r.count("element segments", MaxElements, 4)
	functions := uint64(len(m.imports) + len(m.functions))
	total := 0
	for i := 0; i < n && r.ok(); i++ {
		if kind := r.u32(); r.ok() && kind != 0 {
			r.fail("element segment %d is of kind %d: only active ones of table 0 that list functions are allowed", i, kind)
			return
		}
		offset := uint32(r.constant("an element segment's offset", I32))
		count := r.count("elements", MaxTableElements, 1)
		if total += count; total > MaxTableElements {
			r.fail("more than %d elements", MaxTableElements)
		}
		if r.ok() && (m.table == nil || uint64(offset)+uint64(count) > uint64(m.table.min)) {
			r.fail("element segment %d does not fit into the table", i)
		}
		for range count {
			if f := r.u32(); r.ok() && uint64(f) >= functions {
				r.fail("element segment %d names function %d of %d", i, f, functions)
			}
		}
	}
}

func (m *Module) codeSection(r *reader) {
	n := r.count("function bodies", MaxFunctions, 2)
	if n != len(m.functions) {
		r.fail("%d functions are declared and %d have code", len(m.functions), n)
		return
	}
	m.code = make([]body, 0, n)
	for i := 0; i < n && r.ok(); i++ {
		size := r.u32()
		if size > MaxBodyBytes {
			r.fail("function %d has %d bytes of code; at most %d are allowed", len(m.imports)+i, size, MaxBodyBytes)
			return
		}
		s := r.sub(size)
		m.code = append(m.code, m.checkBody(s, m.functions[i]))
		if s.err != nil {
			r.err = fmt.Errorf("function %d: %w", len(m.imports)+i, s.err)
		}
	}
}

func (m *Module) dataSection(r *reader) {
	n := r.count("data segments", MaxDataSegments, 2)
	m.data = make([]Segment, 0, n)
	for i := 0; i < n && r.ok(); i++ {
		switch kind := r.u32(); {
		case !r.ok():
			return
		case kind == 1:
			r.fail("data segment %d is passive: not allowed", i)
			return
		case kind == 2:
			if r.u32() != 0 {
				r.fail("data segment %d is for memory 1 or higher: one memory is allowed", i)
			}
		case kind != 0:
			r.fail("data segment %d is of the unknown kind %d", i, kind)
			return
		}
		offset := uint32(r.constant("a data segment's offset", I32))
		b := r.bytes(r.u32())
		if r.ok() && uint64(offset)+uint64(len(b)) > uint64(m.memory.min)*PageBytes {
			r.fail("data segment %d does not fit into the memory", i)
		}
		m.data = append(m.data, Segment{offset, b})
	}
}
