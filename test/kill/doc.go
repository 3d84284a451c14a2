// Package kill holds the kill test: a server and its workers under load are killed with SIGKILL over and over, at moments that hurt, and
// afterwards everything that was acknowledged, done and recorded is compared. KILL_TEST=full runs it at full size, KILL_SEED
// repeats what a failed run printed, KILL_STORE chooses the storage engine (libsql or sqlite).
package kill
