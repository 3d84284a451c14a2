package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// lane is an instance of the compiled module in which one run after the other is called. What belongs to a run, its memory and globals,
// is put in before a call and taken out after it; the function table, which is what makes an instance large and slow to make, cannot
// be changed by a guest and stays. Used by one goroutine at a time.
type lane struct {
	mod     api.Module
	entry   api.Function
	fuel    api.MutableGlobal
	globals []api.MutableGlobal
	slot    *slot
	call    call
	stack   [2]uint64
}

// slot is the lane's memory in the eyes of wazero: it has the content of whichever memory is in the lane.
type slot struct {
	now  memory
	next memory // set while another memory is put in
	call *call  // that may grow it
}

var nothing = make([]byte, 0, 1) // an empty memory; wazero takes nil for a failure

// Allocate implements experimental.MemoryAllocator: the slot begins empty, as the module declares.
func (s *slot) Allocate(uint64, uint64) experimental.LinearMemory { return s }

// Reallocate implements experimental.LinearMemory.
func (s *slot) Reallocate(size uint64) []byte {
	switch {
	case s.next != nil: // see put: the size is only a pretext
		s.now, s.next = s.next, nil
		return s.now.bytes()
	case s.now == nil:
		return nothing
	case s.call == nil:
		return nil
	}
	return s.call.grow(size)
}

// Free implements experimental.LinearMemory: the memory belongs to the run.
func (s *slot) Free() {}

type empty struct{}

func (empty) bytes() []byte     { return nothing }
func (empty) grow(uint64) error { return errors.New("no memory is in the lane") }

// newLane instantiates a compiled module.
func newLane(ctx context.Context, rt wazero.Runtime, compiled wazero.CompiledModule, globals []int) (*lane, error) {
	l := &lane{slot: &slot{}}
	mod, err := rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, l.slot), compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	l.mod = mod
	l.fuel, _ = mod.ExportedGlobal(module.ExportFuel).(api.MutableGlobal)
	for _, g := range globals {
		mutable, _ := mod.ExportedGlobal(module.ExportGlobal(g)).(api.MutableGlobal)
		l.globals = append(l.globals, mutable)
	}
	l.entry = mod.ExportedFunction(module.ExportCall)
	return l, nil
}

func (l *lane) setFuel(n int64) { l.fuel.Set(uint64(n)) }
func (l *lane) getFuel() int64  { return int64(l.fuel.Get()) }

// put makes m the lane's memory. wazero asks for the memory anew when it grows, and takes whatever it is given; growing by one page is
// always allowed, because the rewritten module declares the largest memory there is and none in use is that large.
func (l *lane) put(m memory) error {
	l.slot.next = m
	_, ok := l.mod.Memory().Grow(1)
	if have := l.mod.Memory().Size(); !ok || l.slot.next != nil || int(have) != len(m.bytes()) {
		l.slot.next = nil
		return fault.Internalf("a memory of %d bytes could not be put in place: the engine sees %d", len(m.bytes()), have)
	}
	return nil
}

// request is one call of a guest's entry.
type request struct {
	entry   module.Entry
	input   []byte // for the entries that take some
	memory  memory
	globals []uint64 // in the order of the lane's; changed by a call that succeeds
	entropy *entropy
	now     int64
	patched func(id string) bool
	limits  ports.Limits // with the runtime's defaults in place
	guest   int64        // bytes that the guest's own declaration allows
	closing <-chan struct{}
}

// run makes the call. The answer is the entry's result; a span in it is good until the memory is used again.
// Errors: *ports.Trap; errors of the host's own; both mean that the lane and the memory are useless and must be discarded.
func (l *lane) run(ctx context.Context, r *request) (answer uint64, fuel int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, fault.Wrap(fault.Unavailable, err, "the workflow code was stopped before it ran")
	}
	if err := l.put(r.memory); err != nil {
		return 0, 0, err
	}
	for i, g := range l.globals {
		g.Set(r.globals[i])
	}
	c := &l.call
	*c = call{Context: ctx, lane: l, memory: r.memory, now: r.now, entropy: r.entropy, patched: r.patched, maxMemory: r.limits.MemoryBytes, guestMemory: r.guest, output: output{c.output.b[:0]}, closing: r.closing}
	l.slot.call = c
	c.start(r.limits.Fuel)
	if answer, err = l.enter(c, r); err != nil {
		return 0, c.used(), err
	}
	fuel = c.used()
	for i, g := range l.globals {
		r.globals[i] = g.Get()
	}
	l.slot.call = nil
	c.Context, c.memory, c.entropy, c.patched, c.ended = nil, nil, nil, nil, nil
	if cap(c.output.b) > outputBytes {
		c.output.b = nil
	}
	if fuel > deepFuel {
		l.entry = l.mod.ExportedFunction(module.ExportCall)
	}
	return answer, fuel, l.put(empty{})
}

// deepFuel is the fuel after which a call's stack is given back. wazero grows it up to 100 MB and never shrinks it, and a call that used
// less cannot have gone very deep.
const deepFuel = 100_000

func (l *lane) enter(c *call, r *request) (uint64, error) {
	if r.input == nil {
		return l.dispatch(c, r.entry, 0)
	}
	at, err := l.dispatch(c, module.EntryAlloc, uint64(len(r.input)))
	if err != nil {
		return 0, err
	}
	if !l.mod.Memory().Write(uint32(at), r.input) {
		return 0, protocol("%s(%d) answers %d, which is outside of the guest's memory of %d bytes", module.EntryAlloc, len(r.input), uint32(at), l.mod.Memory().Size())
	}
	return l.dispatch(c, r.entry, uint64(len(r.input)))
}

func (l *lane) dispatch(c *call, e module.Entry, argument uint64) (uint64, error) {
	l.stack = [2]uint64{uint64(e), argument}
	if err := l.entry.CallWithStack(c, l.stack[:]); err != nil {
		return 0, c.trapOf(err)
	}
	return l.stack[0], nil
}

// spanOf gives the bytes that an answer names.
func spanOf(m memory, what module.Entry, answer uint64, limit int) ([]byte, error) {
	at, n := answer>>32, answer&0xffff_ffff
	b := m.bytes()
	if at+n > uint64(len(b)) {
		return nil, protocol("%s answers %d bytes at %d, outside of the guest's memory of %d bytes", what, n, at, len(b))
	}
	if n > uint64(limit) {
		t := protocol("%s answers %d bytes; at most %d are allowed", what, n, limit)
		t.Limit = int64(limit)
		return nil, t
	}
	return b[at : at+n], nil
}

func protocol(format string, a ...any) *ports.Trap {
	return &ports.Trap{Which: ports.TrapProtocol, Message: fmt.Sprintf(format, a...)}
}

// close gives the lane back.
func (l *lane) close(ctx context.Context) { _ = l.mod.Close(ctx) }
