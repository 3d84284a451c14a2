package module

import "time"

// What an uploaded module may hold at most. The bounds are several times what the largest Go packages need, and keep the time and the
// memory of a compilation in proportion to the upload.
const (
	MaxBytes         = 32 << 20 // the whole module
	MaxTypes         = 4096     // function types
	MaxParams        = 64       // parameters of a function type
	MaxImports       = 128      // the ABI knows about fifty functions
	MaxFunctions     = 100_000  // functions with a body
	MaxBodyBytes     = 2 << 20  // one function's body
	MaxLocals        = 2048     // locals of a function, parameters included
	MaxNesting       = 16_384   // open blocks in a function
	MaxControls      = 16_384   // control instructions in a function
	MaxTargets       = 65_536   // branch targets in the tables of a function
	MaxTableElements = 200_000  // entries of the table
	MaxGlobals       = 1024     // globals
	MaxExports       = 10_000   // exports
	MaxElements      = 10_000   // element segments; their entries are bounded by MaxTableElements
	MaxDataSegments  = 500_000  // data segments: the Go linker makes tens of thousands of small ones
	MaxNameBytes     = 1024     // one name in an import, an export or the name section
	MaxMemoryPages   = 65_536   // 64 KiB each: what 32 bits can address
)

// MaxCompileTime bounds the estimated time of a compilation, see compileTime. A package of 4 MB is estimated at 5 s and takes 1.3 s.
const MaxCompileTime = 60 * time.Second

// compileTime estimates from above how long the engine compiles a function: its passes are not linear in the number of basic blocks, nor
// in locals that live over many of them, which an upload could use to keep a processor busy for hours. The factors were measured with
// functions made for the purpose on the machine of docs/performance.md.
func compileTime(bytes, controls, loops, locals int) time.Duration {
	blocks := time.Duration(controls + loops)
	return time.Duration(bytes)*500 + blocks*blocks*20 + blocks*time.Duration(locals)*1500 + time.Duration(loops*locals)*10_000
}
