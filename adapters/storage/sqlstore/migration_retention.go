package sqlstore

var closedRuns = migration{"find what is kept no longer", []string{
	// NULL while a run is open, so that an open run has no entry.
	`ALTER TABLE run ADD COLUMN closed_at INTEGER`,
	`CREATE INDEX run_closed ON run (ns, closed_at, run_id) WHERE closed_at IS NOT NULL`,
	// The rows of before say in a form that SQL cannot read when they closed: their retention begins now.
	`UPDATE run SET closed_at = strftime('%s', 'now') * 1000000000 WHERE status <> 1`,
	`CREATE INDEX dedup_expires ON dedup (expires)`,
	// Runs that are removed, but not all of what they took yet.
	`CREATE TABLE garbage (run BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID`,
	// The highest position that was given out when rows were removed.
	`INSERT INTO meta (name, value) VALUES ('position', 0)`,
}}
