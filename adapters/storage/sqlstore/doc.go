// Package sqlstore is ports.Store on a SQLite file: all SQL, the schema and its migrations, the group-commit writer, the
// readers and the write-ahead log's checkpoints. It knows no driver: adapters/storage/libsql and adapters/storage/sqlite
// bring one each, and both open the same file format.
//
// # How it writes
//
// One pinned connection and one goroutine commit everything. Callers queue their appends (at most Options.QueueBytes; a
// full queue makes them wait, then fail with Overloaded). The writer takes whatever queued up during the last commit,
// without any delay of its own, and puts it into one transaction:
//
//	BEGIN IMMEDIATE
//	for each append: compare-and-set of its chain's row, one statement; a loser writes nothing else
//	the other rows of all winners, many to a statement
//	the counters, once per transaction
//	COMMIT (one fsync)
//
// In the rare case that a statement fails for a reason of its own append, the transaction is rolled back and tried again
// with a savepoint around each append, so that only the culprit fails.
//
// # What may be relied on
//
//   - An acknowledged append is on disk: journal_mode=WAL, synchronous=FULL, read back when a connection opens.
//   - An append that its caller gives up (context) while it is queued is not written. Once the writer has taken it, the
//     call waits for the outcome: it never answers with an outcome that it does not know.
//   - A COMMIT whose outcome is unknown stops the store (C-8): every call answers UnknownOutcome from then on and
//     Options.OnFatal is called once; the process must end, and reading the file again is the recovery.
//   - A full disk is not such a case: the appends fail with Unavailable, nothing of them is kept, and the next ones are tried again.
//   - Reads do not hold up writes and see committed data only. Each read is one short statement of its own; a read that
//     has begun runs to its end (one driver cannot be interrupted), which is why every read is bounded.
//
// Text that users control and all bytes are stored as BLOB, times as unix nanoseconds; run IDs and package hashes are
// packed to half their size (see pack).
package sqlstore
