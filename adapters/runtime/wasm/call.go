package wasm

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// quantum is how long a guest computes before the other goroutines get a turn. Where a processor is idle nobody needs it; on one alone it
// keeps a computing guest from having the processor for the 10 ms that Go would give it, several times in each collection of garbage.
const quantum = 500 * time.Microsecond

// call is one call into a guest and all that the host functions need to know of it. It is the context of the call, too, which is how they
// get at it.
type call struct {
	context.Context
	lane    *lane
	memory  memory
	now     int64 // what the clocks answer, in nanoseconds
	entropy *entropy
	patched func(id string) bool // nil: none is in

	maxMemory   int64     // bytes that the call may grow the memory to
	guestMemory int64     // bytes that the guest's own declaration allows
	budget      int64     // the fuel it was given in all, 0 = no bound
	reserve     int64     // what of it the code has not got yet
	since       time.Time // of the current quantum
	waits       int       // that passed at once
	output      output
	closing     <-chan struct{} // of the runtime

	ended  error // why the host ended the call: a *ports.Trap or an error of the host's own
	exited bool
	code   uint32 // of the exit
}

type callKey struct{}

// Value gives the call itself for callKey.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// callOf finds the call that a host function belongs to.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// end unwinds the guest's code; the lane's caller finds the error in ended.
func (c *call) end(err error) {
	c.ended = err
	panic(errEnded)
}

type endedError struct{}

func (endedError) Error() string { return "the host ended the call" }

var errEnded error = endedError{}

// start gives the code its first fuel.
func (c *call) start(fuel int64) {
	c.budget = fuel
	if fuel <= 0 || fuel > math.MaxInt64/2 {
		fuel, c.budget = math.MaxInt64/2, 0
	}
	first := min(fuel, module.Slice)
	c.reserve = fuel - first
	c.lane.setFuel(first)
}

// used says how much fuel the code has used.
func (c *call) used() int64 {
	total := c.budget
	if total == 0 {
		total = math.MaxInt64 / 2
	}
	return total - c.reserve - c.lane.getFuel()
}

// charge takes units for what the host does on the guest's behalf and refills what the code has at hand. The code must be left with at
// least so many units.
func (c *call) charge(units, least int64) {
	total := c.reserve + c.lane.getFuel() - units
	if total < least {
		c.reserve = 0
		c.lane.setFuel(0)
		c.end(&ports.Trap{Which: ports.TrapFuel, Limit: c.budget, Message: "the code computes for longer than one step may"})
	}
	now := min(total, module.Slice)
	c.reserve = total - now
	c.lane.setFuel(now)
}

// yield is aion.yield: the inserted code calls it with no fuel left, or, from a bulk operation, with less than none; a guest's own code may
// call it at any time.
func (c *call) yield() {
	select {
	case <-c.Done():
		c.end(fault.Wrap(fault.Unavailable, context.Cause(c.Context), "the workflow code was stopped"))
	case <-c.closing:
		c.end(errClosed())
	default:
	}
	if now := time.Now(); now.Sub(c.since) > quantum {
		if !c.since.IsZero() {
			runtime.Gosched()
		}
		c.since = now
	}
	switch fuel := c.lane.getFuel(); {
	case fuel == 0:
		c.charge(0, 1) // the code is about to take a unit
	case fuel < 0:
		c.charge(0, 0)
	default:
		c.charge(hostUnits, 0)
	}
}

// grow is memory.grow: the new size, or nil where the guest's own declaration forbids it. A limit of the host's ends the call, because a
// guest that is told of it could behave differently under another limit (D-2).
func (c *call) grow(size uint64) []byte {
	if size > uint64(c.guestMemory) {
		return nil
	}
	if size > uint64(c.maxMemory) {
		c.end(&ports.Trap{Which: ports.TrapMemory, Limit: c.maxMemory, Message: "the code needs more memory than it may have"})
	}
	if err := c.memory.grow(size); err != nil {
		c.end(err)
	}
	return c.memory.bytes()
}

// outputBytes is how much of what a guest prints is kept: the end, because that is where a panic stands.
const outputBytes = 64 << 10

// output keeps the end of what a guest wrote to its standard output and error.
type output struct{ b []byte }

func (o *output) write(b []byte) {
	if len(b) > outputBytes {
		b = b[len(b)-outputBytes:]
	}
	if over := len(o.b) + len(b) - 2*outputBytes; over > 0 { // trim now and then, not at each write
		o.b = append(o.b[:0], o.b[len(o.b)-outputBytes/2:]...)
	}
	o.b = append(o.b, b...)
}

func (o *output) text() string {
	b := o.b
	if len(b) > outputBytes {
		b = b[len(b)-outputBytes:]
	}
	return text(b, outputBytes)
}

// guestBytes is a part of the guest's memory; ok is false where it reaches beyond it.
func guestBytes(m api.Memory, at, n uint64) (b []byte, ok bool) {
	return m.Read(uint32(at), uint32(n)) // what is above 32 bits is garbage
}
