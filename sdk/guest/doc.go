// Package guest is the part of the Go SDK that runs beside workflow code: the driver of its coroutines, the encoding of
// events and commands, and the untyped primitives that the packages workflow and activity give types to.
// The same code runs in the native runtime and inside a WebAssembly package.
//
// It is public because those packages and the runtimes need it, and outside the compatibility promise: import sdk/workflow
// and sdk/activity instead.
//
// It imports a few packages of the standard library only, so that a workflow package stays small.
package guest

// SDK names this SDK and its version in a package's description and manifest.
const SDK = "go 0.1.0"
