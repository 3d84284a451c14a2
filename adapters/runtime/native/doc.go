// Package native is the runtime for workflow code that is compiled into the host process: for embedding Aion as a Go library,
// for unit tests, and for the highest throughput. It runs the same driver as a WebAssembly package does (sdk/guest).
//
// What it cannot do: bound CPU and memory of an activation (Limits are ignored), copy an instance or store it (Clone and Hibernate
// answer false, so the engine replays), or notice code that blocks on something the engine does not know. Workflow code that
// waits on a bare channel, a mutex or a sleep blocks the goroutine that activates it, for as long as it waits.
package native
