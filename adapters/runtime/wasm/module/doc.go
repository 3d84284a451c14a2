// Package module is the toolkit for the binaries that users upload: it parses and checks a WebAssembly module, refuses whatever the
// guest ABI (docs/runtime-abi.md) does not allow, and rewrites the rest into the form that the host runs.
//
// It trusts nothing: every count is compared with the bytes that are left before anything is allocated for it, and no input makes it
// panic. What it does not check is the typing of operands; the WebAssembly engine validates that when it compiles the result, and
// nothing that is inserted here changes it.
//
// The rewritten module differs from the uploaded one in these points:
//
//   - it is metered (see Meter): charges against a hidden fuel global, with calls of aion.yield;
//   - memory.fill and memory.copy run in chunks, each of them charged, so that no single instruction runs for long;
//   - it exports exactly what the host needs (see the Export… names): the memory, one dispatching function, the mutable globals and the
//     fuel. All other exports are dropped, so no name can collide;
//   - the memory begins empty and data segments are taken out: the host writes them once, into the memory from which the image is
//     baked, and every instance starts with a copy of the image;
//   - custom sections are dropped but for the names of functions, which make traces readable.
package module
