// Package wasm runs workflow packages that are WebAssembly modules, by wazero: package workflows of the guest ABI (docs/runtime-abi.md)
// become ports.Program and ports.Instance.
//
// # How a run is held
//
// A package is compiled once, and its memory is baked once: the module is initialised with clock zero and an entropy stream that only the
// package's hash decides, and what its memory and globals hold then is the image (rule D-1). An instance is nothing but a copy-on-write
// mapping of the image, the values of the globals and a position in the run's entropy: between two calls a guest keeps all its state
// there, including the stacks of its coroutines. wazero's own instance, which has a function table of some 300 KB and takes a hundred times
// as long to make (250 µs against 3), is held by a lane; there are as many lanes as activations may run at once, and an activation puts
// the run's memory and globals into a lane and takes them out again. The memory of a closed instance is put back into the state of the
// image and used for the next one, because most of what a short run costs are page faults (110 µs against 360 for a start and one activity).
//
// # What bounds a guest
//
// Fuel, memory and stack end in a *ports.Trap (D-2). Machine code cannot be preempted, so that the module package makes the guest come
// back to Go every few thousand units of fuel, and at most GOMAXPROCS − 1 calls run at the same time (D-3). The guest sees no file, no
// network, no clock but the step's recorded time and no entropy but the run's stream.
//
// # Hibernation
//
// The pages that differ from the image, the globals and the position of the entropy are a blob of some kilobytes in a file (D-9). It is
// a cache: whatever does not fit exactly is dropped, and the run is replayed.
package wasm
