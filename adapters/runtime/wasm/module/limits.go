package module

// What an uploaded module may hold at most. The bounds are several times what the largest Go packages need, and keep the time and the
// memory of a compilation in proportion to the upload.
const (
	MaxBytes         = 32 << 20 // the whole module
	MaxTypes         = 4096     // function types
	MaxParams        = 64       // parameters of a function type
	MaxImports       = 128      // the ABI knows about fifty functions
	MaxFunctions     = 100_000  // functions with a body
	MaxBodyBytes     = 2 << 20  // one function's body
	MaxLocals        = 4096     // locals of a function, parameters included
	MaxNesting       = 16_384   // open blocks in a function
	MaxControls      = 65_536   // control instructions and branch targets in a function
	MaxControlLocals = 64 << 20 // control instructions × locals of one function: what a compiler's memory grows with
	MaxLoopLocals    = 1 << 20  // loops × locals of one function: the same, and worse
	MaxTableElements = 200_000  // entries of the table
	MaxGlobals       = 1024     // globals
	MaxExports       = 10_000   // exports
	MaxElements      = 10_000   // element segments; their entries are bounded by MaxTableElements
	MaxDataSegments  = 500_000  // data segments: the Go linker makes tens of thousands of small ones
	MaxNameBytes     = 1024     // one name in an import, an export or the name section
	MaxMemoryPages   = 65_536   // 64 KiB each: what 32 bits can address
)
