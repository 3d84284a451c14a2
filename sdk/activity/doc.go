// Package activity declares activities and their errors. A declaration (name, types, options) lives beside the workflow code, which
// calls it; the implementation is attached in a worker, by worker.Handle. The package is safe to import from workflow code.
package activity
