package asm

import "slices"

// Case is a module that means harm, and what becomes of it: exactly one of the three is set.
type Case struct {
	Name    string
	Code    []byte
	Refused string // Parse refuses it with a message that holds this
	Load    string // Parse takes it, Load refuses it with a message that holds this
	Trap    string // it loads, and an activation ends in this kind of trap
}

// Expectation is the case's line in testdata/hostile/expectations.txt.
func (c Case) Expectation() string {
	switch {
	case c.Refused != "":
		return "refused " + c.Refused
	case c.Load != "":
		return "load " + c.Load
	}
	return "trap " + c.Trap
}

// Hostile lists the modules of testdata/hostile.
func Hostile() []Case {
	return slices.Concat(badImports(), badSections(), badEncodings(), badCode(), badABI(), badStart(), badRuns())
}

func guest(change func(b *Builder)) []byte {
	b := Guest()
	change(b)
	return b.Bytes()
}

func badImports() []Case {
	imports := func(extra ...Code) []byte {
		return guest(func(b *Builder) {
			have := Guest()
			b.Raw(Imports, Vec(append(have.imports, extra...)...))
			// every function index moves by one; what is refused is refused before anybody looks at them
		})
	}
	one := func(module, name string, kind int, rest Code) []byte {
		return imports(Seq(Name(module), Name(name), kind, rest))
	}
	return []Case{
		{Name: "import-env", Code: one("env", "abort", 0, U(0)), Refused: "import env.abort: only the modules"},
		{Name: "import-wasi-unstable", Code: one("wasi_unstable", "fd_write", 0, U(0)), Refused: "import wasi_unstable.fd_write: of the system interfaces only"},
		{Name: "import-no-such-call", Code: one("wasi_snapshot_preview1", "fd_open", 0, U(0)), Refused: "there is no such system function"},
		{Name: "import-other-host-call", Code: one("aion", "shell", 0, U(0)), Refused: `module "aion" has the functions "yield" and "patched" only`},
		{Name: "import-wrong-type", Code: one("wasi_snapshot_preview1", "fd_close", 0, U(0)), Refused: "has the type () -> (); it must be (i32) -> (i32)"},
		{Name: "import-memory", Code: one("aion", "memory", 2, Seq(0, 1)), Refused: "an imported memory is not allowed"},
		{Name: "import-table", Code: one("aion", "table", 1, Seq(0x70, 0, 1)), Refused: "an imported table is not allowed"},
		{Name: "import-global", Code: one("aion", "global", 3, Seq(0x7f, 0)), Refused: "an imported global is not allowed"},
		{Name: "import-tag", Code: one("aion", "tag", 4, Seq(0, 0)), Refused: "an imported exception tag is not allowed"},
		{Name: "import-unknown-kind", Code: one("aion", "x", 9, Seq(0, 0)), Refused: "has the unknown kind 9"},
		{Name: "import-yield-twice", Code: one("aion", "yield", 0, U(0)), Refused: "must import aion.yield once, and does so 2 times"},
		{Name: "import-no-yield", Code: guest(func(b *Builder) {
			b.imports[Yield] = Seq(Name("wasi_snapshot_preview1"), Name("sched_yield"), 0, U(uint64(b.Type(":i"))))
		}), Refused: "must import aion.yield once, and does so 0 times"},
	}
}

func badSections() []Case {
	plain := Guest().Bytes()
	sections := Guest().Sections()
	with := func(order ...int) []byte {
		out := Seq(Header)
		for _, id := range order {
			if c, ok := sections[id]; ok {
				out = append(out, Section(id, c)...)
			}
		}
		return out
	}
	raw := func(id int, content Code) []byte {
		return guest(func(b *Builder) { b.Raw(id, content) })
	}
	// a section whose size says more or less than its content needs
	sized := func(id, change int) []byte {
		out := Seq(Header)
		for _, s := range Order {
			if c, ok := sections[s]; ok && s == id {
				out = Seq(out, s, U(uint64(len(c)+change)), c)
			} else if ok {
				out = append(out, Section(s, c)...)
			}
		}
		return out
	}
	twice := append(slices.Clone(Order), CodeSection)
	return []Case{
		{Name: "empty", Code: []byte{}, Refused: "does not begin like a WebAssembly module"},
		{Name: "text", Code: []byte("#!/bin/sh\nexit 1\n"), Refused: "does not begin like a WebAssembly module"},
		{Name: "component", Code: Seq("\x00asm", 0x0d, 0, 1, 0), Refused: "no core module of WebAssembly version 1"},
		{Name: "header-only", Code: Seq(Header), Refused: "must import aion.yield once"},
		{Name: "cut-in-size", Code: plain[:9], Refused: "type section: at byte 9: truncated"},
		{Name: "cut-in-half", Code: plain[:len(plain)/2], Refused: "truncated"},
		{Name: "cut-last-byte", Code: plain[:len(plain)-1], Refused: "data section: at byte"},
		{Name: "section-unknown", Code: Seq(plain, Section(77, Code{1})), Refused: "a section with the unknown number 77"},
		{Name: "section-twice", Code: with(twice...), Refused: "code section: at byte"},
		{Name: "section-order", Code: with(Imports, Types, Functions, Memory, Exports, CodeSection, Data), Refused: "import section: at byte"},
		{Name: "section-order-late", Code: with(Types, Imports, Functions, Memory, CodeSection, Exports, Data), Refused: "it is out of order"},
		{Name: "section-overlaps-next", Code: sized(Functions, 3), Refused: "function section: at byte"},
		{Name: "section-too-short", Code: sized(Functions, -2), Refused: "function section: at byte"},
		{Name: "section-larger-than-module", Code: Seq(Header, 1, U(1<<31)), Refused: "bytes are announced"},
		{Name: "start-function", Code: raw(Start, U(6)), Refused: "a start function is not allowed"},
		{Name: "tags", Code: raw(Tags, Vec(Seq(0, 0))), Refused: "exceptions are not allowed"},
		{Name: "memory-none", Code: guest(func(b *Builder) { b.Raw(Memory, Vec()); b.Raw(Data, Vec()) }), Refused: "no memory of at least one page"},
		{Name: "memory-two", Code: raw(Memory, Vec(Seq(0, 1), Seq(0, 1))), Refused: "2 memories: at most 1 are allowed"},
		{Name: "memory-shared", Code: raw(Memory, Vec(Seq(3, 1, 2))), Refused: "the memory is shared: threads are not allowed"},
		{Name: "memory-64", Code: raw(Memory, Vec(Seq(4, 1))), Refused: "the memory has 64-bit addresses"},
		{Name: "memory-vast", Code: raw(Memory, Vec(Seq(0, U(1<<20)))), Refused: "the memory is larger than 65536 pages"},
		{Name: "memory-min-above-max", Code: raw(Memory, Vec(Seq(1, 2, 1))), Refused: "at least 2 and at most 1 large"},
		{Name: "table-of-anything", Code: raw(Table, Vec(Seq(0x6f, 0, 1))), Refused: "holds 0x6f and not functions"},
		{Name: "table-vast", Code: raw(Table, Vec(Seq(0x70, 0, U(1<<31)))), Refused: "the table has 2147483648 elements"},
		{Name: "tables-two", Code: raw(Table, Vec(Seq(0x70, 0, 1), Seq(0x70, 0, 1))), Refused: "2 tables: at most 1 are allowed"},
		{Name: "elements-passive", Code: guest(func(b *Builder) {
			b.Raw(Table, Vec(Seq(0x70, 0, 1)))
			b.Raw(Elements, Vec(Seq(1, 0, Vec(U(6)), 0)))
		}), Refused: "element segment 0 is of kind 1"},
		{Name: "elements-outside-table", Code: guest(func(b *Builder) {
			b.Raw(Table, Vec(Seq(0x70, 0, 2)))
			b.Raw(Elements, Vec(Seq(0, I32(1), End, Vec(U(6), U(6)))))
		}), Refused: "does not fit into the table"},
		{Name: "elements-of-no-function", Code: guest(func(b *Builder) {
			b.Raw(Table, Vec(Seq(0x70, 0, 2)))
			b.Raw(Elements, Vec(Seq(0, I32(0), End, Vec(U(600)))))
		}), Refused: "names function 600 of 12"},
		{Name: "data-outside-memory", Code: guest(func(b *Builder) { b.Data(65_530, "longer than that") }), Refused: "data segment 1 does not fit into the memory"},
		{Name: "data-passive", Code: raw(Data, Vec(Seq(1, Name("x")))), Refused: "data segment 0 is passive"},
		{Name: "data-count-lies", Code: raw(DataCount, U(7)), Refused: "7 data segments are announced and 1 are there"},
		{Name: "global-from-global", Code: raw(Globals, Vec(Seq(0x7f, 1, GlobalGet(0), End))), Refused: "is not a plain constant"},
		{Name: "global-wrong-constant", Code: raw(Globals, Vec(Seq(0x7f, 1, I64(0), End))), Refused: "a constant of type i64 where i32 is needed"},
		{Name: "global-flag", Code: raw(Globals, Vec(Seq(0x7f, 2, I32(0), End))), Refused: "neither 0 nor 1"},
		{Name: "global-reference", Code: raw(Globals, Vec(Seq(0x70, 1, 0xd0, 0x70, End))), Refused: "reference types are not allowed"},
		{Name: "export-twice", Code: guest(func(b *Builder) { b.Export("memory", 2, 0) }), Refused: `two exports named "memory"`},
		{Name: "export-of-nothing", Code: guest(func(b *Builder) { b.Export("x", 0, 99) }), Refused: "names element 99 of 12"},
		{Name: "types-many-results", Code: guest(func(b *Builder) { b.types = append(b.types, Seq(0x60, 0, 2, 0x7f, 0x7f)) }), Refused: "2 results: at most 1 are allowed"},
		{Name: "types-struct", Code: guest(func(b *Builder) { b.types = append(b.types, Seq(0x5f, 0, 0)) }), Refused: "is no function type (0x5f)"},
	}
}

// badEncodings announces far more than there is.
func badEncodings() []Case {
	raw := func(id int, content Code) []byte {
		return guest(func(b *Builder) { b.Raw(id, content) })
	}
	huge := U(0xffff_ffff)
	return []Case{
		{Name: "count-types", Code: raw(Types, huge), Refused: "4294967295 types: at most"},
		{Name: "count-imports", Code: raw(Imports, huge), Refused: "4294967295 imports: at most"},
		{Name: "count-functions", Code: raw(Functions, huge), Refused: "4294967295 functions: at most"},
		{Name: "count-functions-not-there", Code: raw(Functions, U(90_000)), Refused: "90000 functions are announced"},
		{Name: "count-globals", Code: raw(Globals, huge), Refused: "4294967295 globals: at most"},
		{Name: "count-exports", Code: raw(Exports, huge), Refused: "4294967295 exports: at most"},
		{Name: "count-bodies", Code: raw(CodeSection, huge), Refused: "4294967295 function bodies: at most"},
		{Name: "count-data", Code: raw(Data, huge), Refused: "4294967295 data segments: at most"},
		{Name: "count-data-bytes", Code: raw(Data, Vec(Seq(0, I32(0), End, huge))), Refused: "4294967295 bytes are announced"},
		{Name: "count-locals", Code: raw(CodeSection, Seq(1, U(8), 1, huge, 0x7f, End)), Refused: "6 functions are declared and 1 have code"},
		{Name: "count-locals-one", Code: guest(func(b *Builder) { b.bodies[0] = Seq(U(8), 1, huge, 0x7f, End) }), Refused: "more than 2048 locals in a function"},
		{Name: "count-locals-sum", Code: guest(func(b *Builder) {
			group := Seq(U(2000), 0x7f)
			body := Seq(Vec(group, group, group), End)
			b.bodies[0] = Seq(U(uint64(len(body))), body)
		}), Refused: "more than 2048 locals in a function"},
		{Name: "count-body", Code: guest(func(b *Builder) { b.bodies[0] = Seq(U(1<<30), 0, End) }), Refused: "1073741824 bytes of code"},
		{Name: "number-too-long", Code: raw(Functions, Seq(0x86, 0x80, 0x80, 0x80, 0x80, 0x00)), Refused: "a number is longer than five bytes"},
		{Name: "number-too-large", Code: raw(Functions, Seq(0xff, 0xff, 0xff, 0xff, 0x7f)), Refused: "a number is larger than 32 bits"},
		{Name: "name-too-long", Code: raw(Exports, Vec(Seq(U(1<<20)))), Refused: "the name of an export is 1048576 bytes long"},
		{Name: "name-not-text", Code: guest(func(b *Builder) { b.Export("\xff\xfe", 0, 0) }), Refused: "is not valid UTF-8"},
	}
}

func badCode() []Case {
	code := func(parts ...any) []byte {
		return guest(func(b *Builder) { b.Func("aion_activate", "i:l", "", Seq(parts...), Span(Answer, 0)) })
	}
	nested := func(n int) Code {
		return Seq(Code(slices.Repeat([]byte{0x02, 0x40}, n)), Code(slices.Repeat([]byte{End}, n)))
	}
	return []Case{
		{Name: "code-unknown", Code: code(0xf0), Refused: "opcode 0xf0: an unknown instruction"},
		{Name: "code-simd", Code: code(0xfd, 0x0c), Refused: "opcode 0xfd: SIMD: not allowed"},
		{Name: "code-atomic", Code: code(0xfe, 0x00), Refused: "opcode 0xfe: threads"},
		{Name: "code-try", Code: code(0x06, 0x40), Refused: "opcode 0x06: exception handling: not allowed"},
		{Name: "code-try-table", Code: code(0x1f, 0x40), Refused: "opcode 0x1f: exception handling: not allowed"},
		{Name: "code-throw", Code: code(0x08, 0), Refused: "opcode 0x08: exception handling: not allowed"},
		{Name: "code-tail-call", Code: code(0x12, 6), Refused: "opcode 0x12: tail calls: not allowed"},
		{Name: "code-ref-null", Code: code(0xd0, 0x70), Refused: "opcode 0xd0: reference types: not allowed"},
		{Name: "code-table-set", Code: code(0x26, 0), Refused: "opcode 0x26: changing a table"},
		{Name: "code-table-grow", Code: code(0xfc, 15, 0), Refused: "opcode 0xfc 15: changing a table"},
		{Name: "code-memory-init", Code: code(0xfc, 8, 0, 0), Refused: "opcode 0xfc 8: passive data segments"},
		{Name: "code-data-drop", Code: code(0xfc, 9, 0), Refused: "opcode 0xfc 9: passive data segments"},
		{Name: "code-prefix-unknown", Code: code(0xfc, U(300)), Refused: "opcode 0xfc 300: an unknown instruction"},
		{Name: "code-many-results", Code: code(0x02, U(1), End), Refused: "a block with a type index"},
		{Name: "code-block-vector", Code: code(0x02, 0x7b), Refused: "a block is a vector: SIMD is not allowed"},
		{Name: "code-local-vector", Code: guest(func(b *Builder) { b.bodies[0] = Seq(U(4), 1, 1, 0x7b, End) }), Refused: "a local is a vector: SIMD is not allowed"},
		{Name: "code-second-memory", Code: code(0x3f, 1, Drop), Refused: "an instruction on memory 1 or higher"},
		{Name: "code-second-memory-access", Code: code(I32(0), 0x28, 0x42, 1, 0, Drop), Refused: "with an alignment that no access has"},
		{Name: "code-second-table", Code: code(I32(0), 0x11, 0, 1), Refused: "call_indirect through table 1"},
		{Name: "code-no-table", Code: code(I32(0), 0x11, 0, 0), Refused: "call_indirect without table"},
		{Name: "code-no-function", Code: code(Call(4000)), Refused: "a call of function 4000 of 12"},
		{Name: "code-host-helper", Code: code(I32(0), I32(0), I32(0), Call(12)), Refused: "a call of function 12 of 12"},
		{Name: "code-no-local", Code: code(Get(1), Drop), Refused: "local 1 of 1"},
		{Name: "code-host-fuel", Code: code(I64(1<<40), GlobalSet(0)), Refused: "global 0 of 0"},
		{Name: "code-branch-out", Code: code(Br(2)), Refused: "a branch out of 3 blocks where 1 are open"},
		{Name: "code-branch-table", Code: code(I32(0), 0x0e, U(1<<30)), Refused: "1073741824 branch targets: at most"},
		{Name: "code-else-alone", Code: code(Else), Refused: "else without if"},
		{Name: "code-no-end", Code: guest(func(b *Builder) { b.bodies[0] = Seq(U(2), 0, Nop) }), Refused: "truncated"},
		{Name: "code-behind-end", Code: guest(func(b *Builder) { b.bodies[0] = Seq(U(4), 0, End, Nop, End) }), Refused: "2 bytes behind the end of a function"},
		{Name: "code-nested", Code: code(nested(20_000)), Refused: "more than 16384 blocks in each other"},
		{Name: "code-controls", Code: code(slices.Repeat(Seq(Block()), 17_000)), Refused: "more than 16384 control instructions"},
		{Name: "code-targets", Code: code(slices.Repeat(Seq(I32(0), 0x0e, U(9000), Code(make([]byte, 9001))), 8)), Refused: "or 65536 branch targets"},
		{Name: "code-slow-to-compile", Code: guest(func(b *Builder) {
			ifs := slices.Repeat(Seq(Get(0), If(I32(1), Set(1))), 2000)
			for range 10 {
				group := Seq(U(2000), 0x7f)
				body := Seq(Vec(group), I32(0), Drop, ifs, End)
				b.Func("", "i:", "")
				b.bodies[len(b.bodies)-1] = Seq(U(uint64(len(body))), body)
			}
		}), Refused: "would take longer than 1m0s to compile"},
		{Name: "code-operands", Code: code(I32Add, Drop), Load: "does not pass validation"},
		{Name: "code-immutable", Code: guest(func(b *Builder) {
			g := b.Global(0x7f, 0, I32(7))
			b.Func("aion_activate", "i:l", "", I32(1), GlobalSet(g), Span(Answer, 0))
		}), Load: "does not pass validation"},
		{Name: "code-alignment", Code: code(I32(0), 0x2c, 3, 0, Drop), Load: "does not pass validation"},
	}
}

func badABI() []Case {
	exports := func(name, typ string, parts ...any) []byte {
		b := Guest()
		other := &Builder{}
		*other = *b
		other.exports = nil
		other.named = nil
		other.Export("memory", 2, 0)
		f := other.Func("", typ, "", parts...)
		for n, i := range b.named {
			if n == name {
				i = f
			}
			other.Export(n, 0, i)
		}
		slices.SortFunc(other.exports, func(a, b Code) int { return slices.Compare(a, b) })
		return other.Bytes()
	}
	return []Case{
		{Name: "abi-alloc-type", Code: exports("aion_alloc", "l:i", I32(1)), Refused: "the export aion_alloc has the type (i64) -> (i32); it must be (i32) -> (i32)"},
		{Name: "abi-describe-type", Code: exports("aion_describe", ":i", I32(1)), Refused: "the export aion_describe has the type () -> (i32); it must be () -> (i64)"},
		{Name: "abi-memory-is-function", Code: guest(func(b *Builder) { b.exports[0] = Seq(Name("memory"), 0, 6) }), Refused: "no memory of at least one page"},
		{Name: "abi-query-is-memory", Code: guest(func(b *Builder) { b.exports[len(b.exports)-1] = Seq(Name("aion_query"), 2, 0) }), Refused: "the export aion_query is no function"},
		{Name: "abi-query-missing", Code: guest(func(b *Builder) { b.exports = b.exports[:len(b.exports)-1] }), Refused: "the export aion_query is missing"},
	}
}

// badStart misbehaves while the image is baked.
func badStart() []Case {
	initialise := func(parts ...any) []byte {
		return guest(func(b *Builder) { b.Func("_initialize", ":", "", parts...) })
	}
	describe := func(span Code) []byte {
		return guest(func(b *Builder) { b.Func("aion_describe", ":l", "", span) })
	}
	return []Case{
		{Name: "init-loops", Code: initialise(Loop(Br(0))), Load: "initialisation did not end: fuel"},
		{Name: "init-grows", Code: initialise(Loop(I32(16), 0x40, 0, Drop, Br(0))), Load: "initialisation did not end: memory"},
		{Name: "init-exits", Code: initialise(I32(3), Call(ProcExit)), Load: "initialisation did not end: exit"},
		{Name: "init-unreachable", Code: initialise(Unreachable), Load: "initialisation did not end: panic"},
		{Name: "version-2", Code: guest(func(b *Builder) { b.Func("aion_abi_v1", ":i", "", I32(2)) }), Load: "follows version 2 of the guest ABI"},
		{Name: "describe-outside", Code: describe(Span(65_530, 4000)), Load: "outside of the guest's memory"},
		{Name: "describe-garbage", Code: describe(Span(Input, 64)), Load: "the description"},
		{Name: "describe-nothing", Code: describe(Span(0, 0)), Load: "declares no workflow"},
	}
}

// badRuns load and misbehave when they are activated.
func badRuns() []Case {
	activate := func(locals string, parts ...any) []byte {
		return guest(func(b *Builder) { b.Func("aion_activate", "i:l", locals, Seq(parts...), Span(Answer, 0)) })
	}
	forever := func(parts ...any) Code { return Loop(Seq(parts...), Br(0)) }
	large := func(b *Builder) { b.Memory(Seq(0, U(1600))) } // 100 MiB
	calls := func(depth int) []byte {                       // a tree of 8^depth calls without loop or recursion
		return guest(func(b *Builder) {
			f := b.Func("", ":", "", Nop)
			for range depth {
				c := Call(f)
				f = b.Func("", ":", "", c, c, c, c, c, c, c, c)
			}
			b.Func("aion_activate", "i:l", "", Call(f), Span(Answer, 0))
		})
	}
	return []Case{
		{Name: "run-loop", Code: activate("", forever()), Trap: "fuel"},
		{Name: "run-loop-long", Code: activate("", forever(slices.Repeat(Seq(I32(1), Drop), 20_000))), Trap: "fuel"},
		{Name: "run-loop-yield", Code: activate("", forever(Call(Yield))), Trap: "fuel"},
		{Name: "run-loop-clock", Code: activate("", forever(I32(0), I64(0), I32(64), Call(ClockTimeGet), Drop)), Trap: "fuel"},
		{Name: "run-fill", Code: guest(func(b *Builder) {
			large(b)
			b.Func("aion_activate", "i:l", "", forever(Fill(I32(0), I32(1), I32(100<<20))), Span(Answer, 0))
		}), Trap: "fuel"},
		{Name: "run-copy", Code: guest(func(b *Builder) {
			large(b)
			b.Func("aion_activate", "i:l", "", forever(Copy(I32(1), I32(0), I32(100<<20-1))), Span(Answer, 0))
		}), Trap: "fuel"},
		{Name: "run-fill-outside", Code: activate("", Fill(I32(-64), I32(1), I32(1<<20))), Trap: "panic"},
		{Name: "run-entropy", Code: guest(func(b *Builder) {
			large(b)
			b.Func("aion_activate", "i:l", "", forever(I32(0), I32(100<<20), Call(RandomGet), Drop), Span(Answer, 0))
		}), Trap: "fuel"},
		{Name: "run-write-many", Code: activate("", forever(I32(2), I32(0), I32(-1), I32(0), Call(FdWrite), Drop)), Trap: "fuel"},
		{Name: "run-recursion", Code: guest(func(b *Builder) {
			f := b.Next()
			b.Func("", ":", "", Call(f))
			b.Func("aion_activate", "i:l", "", Call(f), Span(Answer, 0))
		}), Trap: "stack"},
		{Name: "run-recursion-mutual", Code: guest(func(b *Builder) {
			f := b.Next()
			b.Func("", ":", "", Call(f+1))
			b.Func("", ":", "", Call(f))
			b.Func("aion_activate", "i:l", "", Call(f), Span(Answer, 0))
		}), Trap: "stack"},
		{Name: "run-calls", Code: calls(30), Trap: "fuel"},
		{Name: "run-grow", Code: activate("", forever(I32(16), 0x40, 0, Drop)), Trap: "memory"},
		{Name: "run-grow-at-once", Code: activate("", I32(32_000), 0x40, 0, Drop), Trap: "memory"},
		{Name: "run-unreachable", Code: activate("", Unreachable), Trap: "panic"},
		{Name: "run-outside", Code: activate("", I32(-8), Load32(0), Drop), Trap: "panic"},
		{Name: "run-divide", Code: activate("", I32(1), I32(0), I32DivU, Drop), Trap: "panic"},
		{Name: "run-exit", Code: activate("", I32(0), Call(ProcExit)), Trap: "exit"},
		{Name: "run-sleep", Code: activate("", I32(0), I64(1<<40), Store64(24), I32(0), I32(64), I32(1), I32(128), Call(PollOneoff), Drop), Trap: "deadlock"},
		{Name: "run-alloc-outside", Code: guest(func(b *Builder) { b.Func("aion_alloc", "i:i", "", I32(65_535)) }), Trap: "protocol"},
		{Name: "run-answer-outside", Code: guest(func(b *Builder) { b.Func("aion_activate", "i:l", "", Span(65_000, 65_000)) }), Trap: "protocol"},
		{Name: "run-answer-vast", Code: guest(func(b *Builder) {
			large(b)
			b.Func("aion_activate", "i:l", "", Span(0, 100<<20))
		}), Trap: "protocol"},
		{Name: "run-answer-garbage", Code: guest(func(b *Builder) { b.Func("aion_activate", "i:l", "", Span(0, 512)) }), Trap: "protocol"},
		{Name: "run-answer-cut", Code: guest(func(b *Builder) {
			b.Data(Answer, string(Seq(0x0a, U(1<<40))))
			b.Func("aion_activate", "i:l", "", Span(Answer, 7))
		}), Trap: "protocol"},
	}
}
