package module

// body is one function's code.
type body struct {
	typ    uint32
	off    int    // of code in the module, for messages
	locals []byte // the declarations of locals, as they stand
	code   []byte // the instructions, with the final end

	small bool  // calls nothing, loops never, and weighs at most unitWeight: it pays nothing, its callers pay for it
	free  int32 // what a small function weighs at most
	loops bool  // every way into it leads through a loop header: it pays there
}

// instr is one decoded instruction.
type instr struct {
	op         byte
	sub        uint32 // behind opPrefix
	start, end int    // in the code
	index      uint32 // whatever index or depth the instruction names
	void       bool   // a block without result
	targets    []uint32
}

// next decodes one instruction; in.targets is reused.
func (r *reader) next(in *instr) {
	in.start = r.at
	in.op = r.byte()
	in.sub, in.index = 0, 0
	in.targets = in.targets[:0]
	switch o := opcodes[in.op]; o.imm {
	case immNone:
	case immRefused:
		r.at = in.start
		r.fail("opcode 0x%02x: %s: not allowed", in.op, o.why)
	case immBlock:
		t := r.byte()
		in.void = t == blockVoid
		if r.ok() && !in.void {
			r.at--
			if t&0x40 == 0 || t&0x80 != 0 {
				r.fail("a block with a type index: several results are not allowed")
			} else {
				r.valType("a block")
			}
		}
	case immDepth, immFunc, immLocal, immGlobal:
		in.index = r.u32()
	case immTable:
		for range r.count("branch targets", MaxTargets, 1) {
			in.targets = append(in.targets, r.u32())
		}
		in.targets = append(in.targets, r.u32())
	case immIndirect:
		in.index = r.u32()
		if r.u32() != 0 {
			r.fail("call_indirect through table 1 or higher: one table is allowed")
		}
	case immMemArg:
		if r.u32() > 3 { // the engine checks it against the access; more than 8 bytes never fits
			r.fail("a memory access with an alignment that no access has, or another memory")
		}
		r.u32()
	case immMemory:
		if r.byte() != 0 {
			r.fail("an instruction on memory 1 or higher: one memory is allowed")
		}
	case immI32:
		r.signed(32)
	case immI64:
		r.signed(64)
	case immF32:
		r.bytes(4)
	case immF64:
		r.bytes(8)
	case immPrefix:
		in.sub = r.u32()
		if why := prefixWhy(in.sub); why != "" {
			r.fail("opcode 0xfc %d: %s: not allowed", in.sub, why)
		}
		if in.sub == subMemoryCopy || in.sub == subMemoryFill {
			if r.byte() != 0 || (in.sub == subMemoryCopy && r.byte() != 0) {
				r.fail("an instruction on memory 1 or higher: one memory is allowed")
			}
		}
	}
	in.end = r.at
}

// checkBody reads one entry of the code section and checks its structure: blocks are balanced, every index exists, nothing is too large.
func (m *Module) checkBody(r *reader, typ uint32) (b body) {
	b = body{typ: typ, off: r.off}
	locals := len(m.types[typ].Params)
	for range r.count("groups of locals", MaxLocals, 2) {
		n := r.u32()
		r.valType("a local")
		if uint64(locals)+uint64(n) > MaxLocals {
			r.fail("more than %d locals in a function", MaxLocals)
			return b
		}
		locals += int(n)
	}
	b.locals = r.b[:r.at]
	b.off += r.at
	code := &reader{b: r.b[r.at:], off: b.off, err: r.err}
	m.checkCode(code, &b, uint32(locals))
	if r.err = code.err; r.err == nil {
		b.code = code.b
	}
	return b
}

func (m *Module) checkCode(r *reader, b *body, locals uint32) {
	var in instr
	open := []byte{opBlock} // the kinds of the open blocks; the function's own is the first
	controls, loops, targets, calls := 0, 0, 0, false
	straight := true // nothing so far but blocks that were opened
	functions := uint32(len(m.imports) + len(m.functions))
	depth := func(d uint32) {
		if uint64(d) >= uint64(len(open)) {
			r.fail("a branch out of %d blocks where %d are open", uint64(d)+1, len(open))
		}
	}
	for len(open) > 0 {
		r.next(&in)
		if !r.ok() {
			return
		}
		switch in.op {
		case opBlock, opLoop, opIf:
			open = append(open, in.op)
			if in.op == opLoop {
				loops++
				b.loops = b.loops || straight
			}
			if len(open) > MaxNesting {
				r.fail("more than %d blocks in each other", MaxNesting)
			}
		case opElse:
			if open[len(open)-1] != opIf {
				r.fail("else without if")
			}
			open[len(open)-1] = opElse
		case opEnd:
			open = open[:len(open)-1]
		case opBr, opBrIf:
			depth(in.index)
		case opBrTable:
			for _, d := range in.targets {
				depth(d)
			}
			targets += len(in.targets)
		case opCall, opCallIndirect:
			calls = true
			if in.op == opCall && in.index >= functions {
				r.fail("a call of function %d of %d", in.index, functions)
			}
			if in.op == opCallIndirect && (in.index >= uint32(len(m.types)) || m.table == nil) {
				r.fail("call_indirect without table, or of an unknown type")
			}
		case opLocalGet, opLocalSet, opLocalTee:
			if in.index >= locals {
				r.fail("local %d of %d", in.index, locals)
			}
		case opGlobalGet, opGlobalSet:
			if in.index >= uint32(len(m.globals)) {
				r.fail("global %d of %d", in.index, len(m.globals))
			}
		}
		if opcodes[in.op].imm == immBlock || (in.op >= opBr && in.op <= opCallIndirect) {
			controls++
			straight = straight && in.op == opBlock
		}
		if controls > MaxControls || targets > MaxTargets {
			r.fail("more than %d control instructions or %d branch targets in a function", MaxControls, MaxTargets)
		}
	}
	if r.left() > 0 {
		r.fail("%d bytes behind the end of a function", r.left())
	}
	b.small = !calls && loops == 0
	if m.compile += compileTime(len(r.b), controls, loops, int(locals)); m.compile > MaxCompileTime {
		r.fail("the functions up to here would take longer than %v to compile: %d blocks and %d locals in this one", MaxCompileTime, controls, locals)
	}
}
