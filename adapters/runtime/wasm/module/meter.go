package module

import "math"

// Metering.
//
// A hidden i64 global, the fuel, is decremented at charge sites; where it is used up the code calls aion.yield, and the host either
// refills it or ends the call. What is charged is the same on every machine and in every instance, so that running out of fuel is a
// deterministic failure. Sites are:
//
//   - each loop header: 1;
//   - the entry of each function that calls or loops: 1, unless every way in leads through a loop header, which is a site already (so the
//     Go compiler writes most functions);
//   - straight code: 1 wherever the instructions since the last site would weigh more than unitWeight. Without it a loop around a
//     million instructions would cost as much as an empty one;
//   - memory.fill and memory.copy: length/64, in chunks of bulkChunk bytes.
//
// A small function that neither calls nor loops pays nothing itself: what it weighs is added to each call of it. The weight of the code
// between two sites is a maximum over all paths, found in one pass, because the only way back in WebAssembly is a loop header.
//
// So one unit stands for a bounded amount of work, and Slice units for a bounded time without a look at the host. Measured on a guest
// that encodes and prints: 14 % more time than without metering, of which 11 % for the loop headers alone; a unit is 12 ns there, and a
// yield costs 75 ns.

// Slice is how many units the host gives at a time: after at most so many the code calls aion.yield, and the garbage collector can stop
// it. It is well below the 65,536 of the ABI because a unit may hold a hundred loads that miss every cache, at 0.2 µs each.
const Slice = 2048

// unitWeight is how much straight code one unit pays for.
const unitWeight = 512

// bulkChunk is how many bytes one memory.fill or memory.copy moves at most: the pages of a chunk may all have to be faulted in.
const bulkChunk = 64 << 10

// unreachable marks the weight of code that cannot run.
const unreachable = int32(math.MinInt32)

// scope is an open block while weights are added up.
type scope struct {
	kind byte
	out  int32 // the heaviest way to its end so far
	cond int32 // of an if: the weight where it began
}

// weigher adds up the weight of straight code along the structure of one function.
type weigher struct {
	m      *Module
	now    int32 // the heaviest way to this instruction, or unreachable
	scopes []scope
}

func (w *weigher) begin(start int32) {
	w.now = start
	w.scopes = append(w.scopes[:0], scope{kind: opBlock, out: unreachable})
}

// weight is what an instruction weighs itself.
func (w *weigher) weight(in *instr) int32 {
	if in.op == opCall {
		if int(in.index) < len(w.m.imports) {
			return weightHost
		}
		return weightCall + w.m.code[int(in.index)-len(w.m.imports)].free
	}
	return int32(opcodes[in.op].weight)
}

// add counts an instruction.
func (w *weigher) add(weight int32) {
	if w.now != unreachable {
		w.now += weight
	}
}

// flow follows the control structure at an instruction, after it was counted. It must see every instruction of the function in order.
func (w *weigher) flow(in *instr) {
	to := func(depth uint32) {
		if s := &w.scopes[len(w.scopes)-1-int(depth)]; s.kind != opLoop { // a loop header is a charge site
			s.out = max(s.out, w.now)
		}
	}
	switch in.op {
	case opBlock, opIf:
		w.scopes = append(w.scopes, scope{kind: in.op, out: unreachable, cond: w.now})
	case opLoop:
		w.scopes = append(w.scopes, scope{kind: opLoop, out: unreachable})
	case opElse:
		s := &w.scopes[len(w.scopes)-1]
		s.kind = opElse
		s.out = max(s.out, w.now)
		w.now = s.cond
	case opEnd:
		s := w.scopes[len(w.scopes)-1]
		w.scopes = w.scopes[:len(w.scopes)-1]
		w.now = max(w.now, s.out)
		if s.kind == opIf { // without else
			w.now = max(w.now, s.cond)
		}
	case opBr:
		to(in.index)
		w.now = unreachable
	case opBrIf:
		to(in.index)
	case opBrTable:
		for _, d := range in.targets {
			to(d)
		}
		w.now = unreachable
	case opReturn:
		to(uint32(len(w.scopes) - 1))
		w.now = unreachable
	case opUnreachable:
		w.now = unreachable
	}
}

// findSmall decides which functions pay nothing themselves.
func (m *Module) findSmall() {
	w := weigher{m: m}
	var in instr
	for i := range m.code {
		b := &m.code[i]
		if !b.small {
			continue
		}
		w.begin(0)
		heaviest := int32(0)
		for r := (&reader{b: b.code}); r.left() > 0; {
			r.next(&in)
			w.add(w.weight(&in))
			heaviest = max(heaviest, w.now)
			w.flow(&in)
		}
		if b.small = heaviest <= unitWeight; b.small {
			b.free = heaviest
		}
	}
}

// meterer rewrites function bodies.
type meterer struct {
	weigher
	site       []byte // charges one unit
	fill, move uint32 // the functions that stand for the bulk instructions
}

func newMeterer(m *Module, fuel, fill, move uint32) *meterer {
	return &meterer{weigher: weigher{m: m}, site: chargeOne(fuel, m.yield), fill: fill, move: move}
}

// chargeOne is: if fuel == 0 { yield() }; fuel -= 1. It needs the fuel to be zero or more, which the host and the bulk functions see to, and is
// measurably cheaper than looking for less than zero afterwards.
func chargeOne(fuel, yield uint32) []byte {
	b := putU32([]byte{opGlobalGet}, fuel)
	b = putU32(append(b, opI64Eqz, opIf, blockVoid, opCall), yield)
	b = putU32(append(b, opEnd, opGlobalGet), fuel)
	return putU32(append(b, opI64Const, 1, opI64Sub, opGlobalSet), fuel)
}

// meter appends the body's metered form, with its size in front.
func (t *meterer) meter(out []byte, b *body) []byte {
	code := append(make([]byte, 0, len(b.code)+len(b.code)/4+64), b.locals...)
	t.begin(0)
	if !b.small && !b.loops {
		code = append(code, t.site...)
	}
	var in instr
	for r := (&reader{b: b.code}); r.left() > 0; {
		r.next(&in)
		weight := t.weight(&in)
		if t.now != unreachable && t.now+weight > unitWeight && !b.small && t.now > 0 {
			code = append(code, t.site...)
			t.now = 0
		}
		t.add(weight)
		t.flow(&in)
		switch {
		case in.op == opPrefix && in.sub == subMemoryFill:
			code = putU32(append(code, opCall), t.fill)
		case in.op == opPrefix && in.sub == subMemoryCopy:
			code = putU32(append(code, opCall), t.move)
		case in.op == opCallIndirect: // linkers pad the indices; the engine wants the table's to be one byte
			code = append(putU32(append(code, opCallIndirect), in.index), 0)
		default:
			code = append(code, b.code[in.start:in.end]...)
		}
		if in.op == opLoop && t.now != unreachable {
			code = append(code, t.site...)
			t.now = 0
		}
	}
	return append(putU32(out, uint32(len(code))), code...)
}
