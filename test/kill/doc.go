// Package kill holds the kill test: a server and its workers under load are killed with SIGKILL over and over, at moments that hurt, and
// afterwards everything that was acknowledged, done and recorded is compared. KILL_TEST=full runs it at full size.
package kill
