// Package libsql is the store on a SQLite file with the driver github.com/tursodatabase/go-libsql, which needs CGO and has
// libraries for Linux (amd64, arm64) and macOS (arm64). Elsewhere Open answers an error that names the other driver. It
// reads and writes the same files as the sqlite driver.
package libsql
