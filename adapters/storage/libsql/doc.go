// Package libsql is the store on a SQLite file with the driver github.com/tursodatabase/go-libsql, which needs CGO and has
// libraries for Linux (amd64, arm64) and macOS (arm64). Elsewhere Open answers an error that names the other driver. It
// reads and writes the same files as the sqlite driver.
//
// What the driver does that sqlstore works around: a TEXT that looks like a date comes back as another one and is cut at a
// NUL byte (so nothing is TEXT); Exec runs only the first of several statements (so there is never more than one) and fails
// where a pragma answers with a row (so pragmas are queries); named parameters are bound by position (so all are "?");
// errors are texts (so they are classified by SQLite's messages); a context does not stop a query (so reads are small and
// get none); BeginTx knows one kind of transaction (so BEGIN IMMEDIATE is a statement); statements are compiled at each
// execution; busy_timeout starts at 0 (so it is the first thing that a connection is told); a closed connection is
// closed a moment later, in the background (so Close has put the log into the file before).
package libsql
