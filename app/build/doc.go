// Package build makes a deployable archive of a Go package of workflow code: it checks the package, compiles it to WebAssembly
// and describes it. It writes nothing into the user's tree, and the same sources give the same bytes from every directory.
package build
