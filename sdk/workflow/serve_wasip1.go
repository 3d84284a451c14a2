package workflow

import "github.com/aionrun/aion/sdk/guest/wasip1"

// Serve makes a WebAssembly program of definitions. Only the entry point that "aion build" writes calls it.
func Serve(defs []Definition) { wasip1.Serve(Guest(defs)) }
