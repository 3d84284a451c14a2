//go:build wasip1

package wasip1

import (
	"unsafe"

	"github.com/aionrun/aion/sdk/guest"
)

// keep bounds the buffers that stay between calls, so that one large value does not enlarge a parked instance for ever.
const keep = 64 << 10

var (
	program  *guest.Program
	failure  error
	instance *guest.Instance
	input    []byte // what the host writes before a call
	output   []byte // the span that the last call answered
)

// Serve sets what the exports work on. Called while the package is initialised.
func Serve(ws []*guest.Workflow) {
	program, failure = guest.NewProgram(ws)
	if failure == nil {
		instance = program.NewInstance()
		instance.Patches = isPatched
	}
}

// The host inserts calls to yield for its metering; the guest only has to keep the import.
//
//go:wasmimport aion yield
func yield()

// The host answers at once, and records its answer.
//
//go:wasmimport aion patched
func patched(id unsafe.Pointer, n uint32) uint32

func isPatched(id string) bool {
	return patched(unsafe.Pointer(unsafe.StringData(id)), uint32(len(id))) != 0
}

var never bool

//go:wasmexport aion_abi_v1
func abi() int32 {
	if never {
		yield()
	}
	return guest.ABIVersion
}

//go:wasmexport aion_alloc
func alloc(n int32) int32 {
	size := max(int(n), 1)
	if cap(input) < size || cap(input) > keep && size <= keep {
		input = make([]byte, size)
	}
	input = input[:size]
	return int32(uintptr(unsafe.Pointer(&input[0])))
}

//go:wasmexport aion_describe
func describe() int64 {
	served()
	d := program.Describe()
	return span(d.Append(room()))
}

//go:wasmexport aion_activate
func activate(n int32) int64 {
	served()
	return span(instance.Activate(room(), input[:n]))
}

//go:wasmexport aion_query
func query(n int32) int64 {
	served()
	return span(instance.Answer(room(), input[:n]))
}

func served() {
	if failure != nil {
		panic(failure)
	}
	if instance == nil {
		panic("no workflows are served; build the package with aion build")
	}
}

func room() []byte {
	if cap(output) > keep {
		output = nil
	}
	return output[:0]
}

func span(b []byte) int64 {
	output = b
	if len(b) == 0 {
		return 0
	}
	return int64(uintptr(unsafe.Pointer(&b[0])))<<32 | int64(len(b))
}
