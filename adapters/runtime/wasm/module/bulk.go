package module

// The functions that the rewriter appends to a module, assembled by hand.

// bulkFunction is the body of the function that stands for memory.fill (to, value, length) or memory.copy (to, from, length). It charges
// length/64 and does the work in chunks. An operation that does not fit into the memory is left to one instruction, which traps before
// it writes anything.
func bulkFunction(fuel, yield uint32, move bool) []byte {
	const to, from, length = 0, 1, 2
	get := func(b []byte, locals ...byte) []byte {
		for _, l := range locals {
			b = append(b, opLocalGet, l)
		}
		return b
	}
	num := func(b []byte, v int32) []byte { return putSigned(append(b, opI32Const), int64(v)) }
	bulk := func(b []byte) []byte {
		if move {
			return append(b, opPrefix, subMemoryCopy, 0, 0)
		}
		return append(b, opPrefix, subMemoryFill, 0)
	}
	// fuel -= bytes / 64; if fuel < 0 { yield() }
	charge := func(b []byte, bytes func([]byte) []byte) []byte {
		b = putU32(append(b, opGlobalGet), fuel)
		b = num(bytes(b), 6)
		b = putU32(append(b, opI32ShrU, opI64ExtendU, opI64Sub, opGlobalSet), fuel)
		b = putU32(append(b, opGlobalGet), fuel)
		b = putU32(append(b, opI64Const, 0, opI64LtS, opIf, blockVoid, opCall), yield)
		return append(b, opEnd)
	}
	rest := func(b []byte) []byte { return get(b, length) }
	chunk := func(b []byte) []byte { return num(b, bulkChunk) }

	b := []byte{0} // no locals
	// if length <= chunk { charge; operate; return }
	b = chunk(get(b, length))
	b = append(b, opI32LeU, opIf, blockVoid)
	b = charge(b, rest)
	b = bulk(get(b, to, from, length))
	b = append(b, opReturn, opEnd)
	// if it does not fit { operate, which traps }
	fits := func(b []byte, local byte) []byte {
		b = append(get(b, local), opI64ExtendU)
		b = append(get(b, length), opI64ExtendU, opI64Add)
		b = append(b, opMemorySize, 0, opI64ExtendU, opI64Const, 16, opI64Shl, opI64GtU, opIf, blockVoid)
		b = bulk(get(b, to, from, length))
		return append(b, opUnreachable, opEnd)
	}
	b = fits(b, to)
	if move {
		b = fits(b, from)
		// if to > from { from the end: loop { charge; length -= chunk; copy(to+length, from+length, chunk); while length >= chunk }; charge; copy the rest; return }
		b = append(get(b, to, from), opI32GtU, opIf, blockVoid, opLoop, blockVoid)
		b = charge(b, chunk)
		b = chunk(get(b, length))
		b = append(b, opI32Sub, opLocalSet, length)
		b = append(get(b, to, length), opI32Add)
		b = append(get(b, from, length), opI32Add)
		b = bulk(chunk(b))
		b = chunk(get(b, length))
		b = append(b, opI32GeU, opBrIf, 0, opEnd)
		b = charge(b, rest)
		b = bulk(get(b, to, from, length))
		b = append(b, opReturn, opEnd)
	}
	// loop { charge; operate on a chunk; advance; while length >= chunk }; charge; operate on the rest
	b = append(b, opLoop, blockVoid)
	b = charge(b, chunk)
	b = bulk(chunk(get(b, to, from)))
	advance := []byte{to}
	if move {
		advance = append(advance, from)
	}
	for _, l := range advance {
		b = chunk(get(b, l))
		b = append(b, opI32Add, opLocalSet, l)
	}
	b = chunk(get(b, length))
	b = append(b, opI32Sub, opLocalTee, length)
	b = chunk(b)
	b = append(b, opI32GeU, opBrIf, 0, opEnd)
	b = charge(b, rest)
	b = bulk(get(b, to, from, length))
	return append(b, opEnd)
}

// dispatchFunction is the body of the one function that the host calls: (entry, argument) -> result, zero where there is none.
// One function instead of six spares each caller five stacks.
func (m *Module) dispatchFunction() []byte {
	const entry, argument = 0, 1
	b := []byte{0} // no locals
	for e := range numEntries {
		b = append(b, opLocalGet, entry, opI32Const, byte(e), opI32Eq, opIf, blockVoid)
		if len(entryExports[e].typ.Params) > 0 {
			b = append(b, opLocalGet, argument)
		}
		b = putU32(append(b, opCall), m.entries[e])
		switch r := entryExports[e].typ.Results; {
		case len(r) == 0:
			b = append(b, opI64Const, 0)
		case r[0] == I32:
			b = append(b, opI64ExtendU)
		}
		b = append(b, opReturn, opEnd)
	}
	return append(b, opUnreachable, opEnd)
}
