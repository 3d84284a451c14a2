package module

// The opcodes that the parser or the rewriter treats by name.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Eq        = 0x46
	opI32GtU       = 0x4b
	opI32GeU       = 0x4f
	opI32LeU       = 0x4d
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Eqz       = 0x50
	opI64LtS       = 0x53
	opI64GtU       = 0x56
	opI32ShrU      = 0x76
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Shl       = 0x86
	opI64ExtendU   = 0xad
	opPrefix       = 0xfc
	subMemoryCopy  = 10
	subMemoryFill  = 11
	blockVoid      = 0x40
)

// immediate says what follows an opcode.
type immediate uint8

const (
	immRefused  immediate = iota
	immNone               // nothing
	immBlock              // a block type
	immDepth              // a branch depth
	immTable              // branch depths
	immFunc               // a function index
	immIndirect           // a type index, a table index
	immLocal              // a local index
	immGlobal             // a global index
	immMemArg             // alignment, offset
	immMemory             // a memory index: 0
	immI32                // constants
	immI64
	immF32
	immF64
	immPrefix // a second opcode
)

// Weights say how long an instruction may take compared with the simplest ones: what the meter adds up (see Meter).
const (
	weightPlain    = 1
	weightMemory   = 4  // a load or store: often in the cache, now and then not
	weightSlow     = 8  // division, square root, conversion with checks
	weightCall     = 8  // without what the callee does
	weightIndirect = 40 // the callee is not known: it may be a small function that pays nothing
	weightHost     = 64 // a call that leaves the machine code
)

type opcode struct {
	imm    immediate
	weight uint8
	why    string // of immRefused
}

var opcodes = buildOpcodes()

func buildOpcodes() (t [256]opcode) {
	set := func(from, to int, imm immediate, weight uint8) {
		for i := from; i <= to; i++ {
			t[i] = opcode{imm: imm, weight: weight}
		}
	}
	refuse := func(why string, from, to int) {
		for i := from; i <= to; i++ {
			t[i] = opcode{why: why}
		}
	}
	refuse("an unknown instruction", 0, 255)
	set(0x00, 0x01, immNone, weightPlain) // unreachable, nop
	set(opBlock, opIf, immBlock, weightPlain)
	set(opElse, opElse, immNone, 0)
	set(opEnd, opEnd, immNone, 0)
	set(opBr, opBrIf, immDepth, weightPlain)
	set(opBrTable, opBrTable, immTable, 2)
	set(opReturn, opReturn, immNone, weightPlain)
	set(opCall, opCall, immFunc, weightCall)
	set(opCallIndirect, opCallIndirect, immIndirect, weightIndirect)
	set(0x1a, 0x1b, immNone, weightPlain) // drop, select
	set(opLocalGet, opLocalTee, immLocal, weightPlain)
	set(opGlobalGet, opGlobalSet, immGlobal, weightPlain)
	set(0x28, 0x3e, immMemArg, weightMemory)
	set(opMemorySize, opMemorySize, immMemory, weightPlain)
	set(opMemoryGrow, opMemoryGrow, immMemory, weightHost)
	set(opI32Const, opI32Const, immI32, weightPlain)
	set(opI64Const, opI64Const, immI64, weightPlain)
	set(opF32Const, opF32Const, immF32, weightPlain)
	set(opF64Const, opF64Const, immF64, weightPlain)
	set(0x45, 0xc4, immNone, weightPlain) // comparisons, arithmetic, conversions, sign extension
	set(0x6d, 0x70, immNone, weightSlow)  // i32 division and remainder
	set(0x7f, 0x82, immNone, weightSlow)  // i64 division and remainder
	set(0x8d, 0x91, immNone, 2)           // f32 rounding and square root
	set(0x91, 0x91, immNone, weightSlow)
	set(0x95, 0x97, immNone, weightSlow) // f32 division, minimum, maximum
	set(0x9b, 0x9f, immNone, 2)          // f64 rounding and square root
	set(0x9f, 0x9f, immNone, weightSlow)
	set(0xa3, 0xa5, immNone, weightSlow) // f64 division, minimum, maximum
	set(0xa8, 0xab, immNone, weightSlow) // truncation to i32
	set(0xae, 0xb1, immNone, weightSlow) // truncation to i64
	set(opPrefix, opPrefix, immPrefix, weightSlow)

	refuse("exception handling", 0x06, 0x0a)
	refuse("exception handling", 0x18, 0x19)
	refuse("exception handling", 0x1f, 0x1f)
	refuse("tail calls", 0x12, 0x13)
	refuse("typed function references", 0x14, 0x15)
	refuse("reference types", 0x1c, 0x1c)
	refuse("changing a table (reference types)", 0x25, 0x26)
	refuse("reference types", 0xd0, 0xd6)
	refuse("garbage collected types", 0xfb, 0xfb)
	refuse("SIMD", 0xfd, 0xfd)
	refuse("threads (atomic instructions)", 0xfe, 0xfe)
	return t
}

// prefixWhy says why an instruction behind opPrefix is refused; empty for those that are allowed.
func prefixWhy(sub uint32) string {
	switch {
	case sub <= 7, sub == subMemoryCopy, sub == subMemoryFill:
		return ""
	case sub == 8, sub == 9:
		return "passive data segments (memory.init, data.drop)"
	case sub >= 12 && sub <= 17:
		return "changing a table (table.init, elem.drop, table.copy, table.grow, table.size, table.fill)"
	}
	return "an unknown instruction"
}
