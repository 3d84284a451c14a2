package wasm

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// The error numbers of WASI that are answered.
const (
	wasiOK    = 0
	wasiBadF  = 8
	wasiFault = 21
	wasiInval = 28
	wasiNoSys = 52
)

// The clocks of WASI that answer.
const (
	clockReal = 0
	clockMono = 1
)

// maxVectors is how many buffers one fd_write may name.
const maxVectors = 1024

// hostUnits is the fuel that a call of the host costs, beside what it does: it takes a hundred nanoseconds.
const hostUnits = 8

// hostFunction implements one system function. p holds its parameters; the upper 32 bits of those that are i32 are garbage.
type hostFunction func(c *call, m api.Memory, p []uint64) uint32

// system holds what is more than "not supported".
var system = map[string]hostFunction{
	"args_get":          func(*call, api.Memory, []uint64) uint32 { return wasiOK },
	"environ_get":       func(*call, api.Memory, []uint64) uint32 { return wasiOK },
	"args_sizes_get":    none,
	"environ_sizes_get": none,
	"sched_yield":       func(*call, api.Memory, []uint64) uint32 { return wasiOK },
	"clock_time_get":    clockTime,
	"random_get":        random,
	"fd_write":          fdWrite,
	"poll_oneoff":       pollOneoff,
}

// instantiateHost makes the two modules that a guest may import: a closed WASI, and aion.
func instantiateHost(ctx context.Context, rt wazero.Runtime) error {
	wasi := rt.NewHostModuleBuilder(module.WASIModule)
	for name, typ := range module.WASI {
		f := system[name]
		if name == "proc_exit" {
			wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(procExit), valueTypes(typ.Params), nil).Export(name)
			continue
		}
		if f == nil {
			f = func(*call, api.Memory, []uint64) uint32 { return wasiNoSys }
			if strings.HasPrefix(name, "fd_") {
				f = func(*call, api.Memory, []uint64) uint32 { return wasiBadF }
			}
		}
		wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, stack []uint64) {
			c := callOf(ctx)
			c.charge(hostUnits, 0)
			stack[0] = uint64(f(c, m.Memory(), stack))
		}), valueTypes(typ.Params), valueTypes(typ.Results)).Export(name)
	}
	if _, err := wasi.Instantiate(ctx); err != nil {
		return err
	}
	_, err := rt.NewHostModuleBuilder(module.HostModule).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, _ []uint64) { callOf(ctx).yield() }), nil, nil).Export(module.HostYield).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(patched), valueTypes(module.Patched.Params), valueTypes(module.Patched.Results)).Export(module.HostPatched).
		Instantiate(ctx)
	return err
}

func valueTypes(types []module.ValType) []api.ValueType {
	out := make([]api.ValueType, 0, len(types))
	for _, t := range types {
		out = append(out, api.ValueType(t))
	}
	return slices.Clip(out)
}

// none answers that there are no arguments and no environment.
func none(_ *call, m api.Memory, p []uint64) uint32 {
	if !m.WriteUint32Le(uint32(p[0]), 0) || !m.WriteUint32Le(uint32(p[1]), 0) {
		return wasiFault
	}
	return wasiOK
}

// clockTime answers the step's recorded time on the wall clock and, one nanosecond later, on the monotonic clock: Go's runtime does not
// start with a monotonic clock at zero, which is where the image is baked.
func clockTime(c *call, m api.Memory, p []uint64) uint32 {
	now := uint64(c.now)
	switch uint32(p[0]) {
	case clockReal:
	case clockMono:
		now++
	default:
		return wasiInval
	}
	if !m.WriteUint64Le(uint32(p[2]), now) {
		return wasiFault
	}
	return wasiOK
}

func random(c *call, m api.Memory, p []uint64) uint32 {
	b, ok := guestBytes(m, p[0], p[1])
	if !ok {
		return wasiFault
	}
	c.charge(int64(len(b)/16), 0)
	c.entropy.read(b)
	return wasiOK
}

// fdWrite captures what is written to the standard output and error.
func fdWrite(c *call, m api.Memory, p []uint64) uint32 {
	if fd := uint32(p[0]); fd != 1 && fd != 2 {
		return wasiBadF
	}
	count := uint32(p[2])
	if count > maxVectors {
		return wasiInval
	}
	vectors, ok := guestBytes(m, p[1], uint64(count)*8)
	if !ok {
		return wasiFault
	}
	total := uint64(0)
	for v := vectors; len(v) > 0; v = v[8:] {
		b, ok := guestBytes(m, uint64(binary.LittleEndian.Uint32(v)), uint64(binary.LittleEndian.Uint32(v[4:])))
		if !ok || total+uint64(len(b)) > math.MaxUint32 {
			return wasiFault
		}
		total += uint64(len(b))
		c.charge(int64(min(len(b), outputBytes)/64)+1, 0)
		c.output.write(b)
	}
	if !m.WriteUint32Le(uint32(p[3]), uint32(total)) {
		return wasiFault
	}
	return wasiOK
}

// shortWait is the longest wait, in nanoseconds, that passes at once: Go's runtime takes such naps while it prints a panic. After
// maxShortWaits of them in one call the code is taken to wait for the clock, which stands still.
const (
	shortWait     = 1_000_000
	maxShortWaits = 1000
)

// pollOneoff is what a guest calls to wait for the clock: in the sandbox no time passes. A subscription is 48 bytes: at 8 its kind (0: a
// clock), at 24 the time, at 40 a flag for absolute ones.
func pollOneoff(c *call, m api.Memory, p []uint64) uint32 {
	if uint32(p[2]) == 1 && c.waits < maxShortWaits {
		if s, ok := guestBytes(m, p[0], 48); ok && s[8] == 0 && s[40] == 0 && binary.LittleEndian.Uint64(s[24:]) <= shortWait {
			c.waits++
			if !m.WriteUint32Le(uint32(p[3]), 0) {
				return wasiFault
			}
			return wasiOK
		}
	}
	c.end(&ports.Trap{Which: ports.TrapDeadlock, Message: "the code waits for real time to pass (time.Sleep, time.After, a deadline): wait for a timer of the workflow instead"})
	return wasiNoSys
}

// patched is aion.patched: whether a patch is in, by its name in the guest's memory.
func patched(ctx context.Context, m api.Module, stack []uint64) {
	c := callOf(ctx)
	id, ok := guestBytes(m.Memory(), stack[0], uint64(uint32(stack[1])))
	c.charge(hostUnits+int64(len(id)/16), 0)
	if !ok || model.ValidateID("patch", string(id[:min(len(id), maxPatchID+1)])) != nil {
		c.end(protocol("the code asks for a patch whose name is not 1 to %d bytes of text without control characters", maxPatchID))
	}
	stack[0] = 0
	if c.patched != nil && c.patched(string(id)) {
		stack[0] = 1
	}
}

// maxPatchID bounds the name of a patch, as that of all identifiers.
const maxPatchID = model.MaxIDBytes

func procExit(ctx context.Context, _ api.Module, stack []uint64) {
	c := callOf(ctx)
	c.exited, c.code = true, uint32(stack[0])
	c.end(fmt.Errorf("exit %d", c.code))
}
