// Package workflow is what durable workflow code is written with. The code reads like a plain function; it survives the end of
// the process because everything that it waits for is in the run's history, and the function is run again over that history.
//
// # Rules for workflow code
//
// The code must do the same on every run over the same history:
//   - start coroutines with [Go] or [Async], never with a go statement; wait with [Sleep], [Await], [Select] and futures, never with channels,
//     select, sync or package time;
//   - take the time from [Now], randomness from [Rand] and [UUID];
//   - leave every side effect to activities.
//
// "aion build" checks these rules. Inside a WebAssembly package the sandbox makes most of them hold by itself. In the native
// runtime nothing does: there, code that blocks on a bare channel blocks the engine's goroutine and cannot be detected.
//
// Coroutines run one at a time, in the order of their creation, each until it waits. Variables shared between them need no lock.
//
// Returning an error fails the run; returning [ErrCanceled] (by errors.Is) after a cancel was requested closes it as canceled; a
// panic blocks it until the code is repaired.
//
// # Values
//
// Inputs and outputs are written as JSON. The type [None] stands for no value, [Payload] for one that the codec must not touch.
package workflow
