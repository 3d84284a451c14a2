// Package wasip1 exports a program of workflow code by the guest ABI (docs/runtime-abi.md). It is linked into every
// WebAssembly package by sdk/workflow; nobody else needs it.
package wasip1
