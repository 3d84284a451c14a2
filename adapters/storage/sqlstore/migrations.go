package sqlstore

// migration takes the schema from one version to the next. The list only grows: a migration that was released never
// changes. Statements stand one by one because a driver runs only the first of several and reports success.
type migration struct {
	name       string
	statements []string
}

// layoutVersion says what a position means (S-3: cursors carry it). It changes when positions are given out anew.
const layoutVersion = 1

// applicationID marks a SQLite file as ours ("Aion"); other databases are refused.
const applicationID = 0x41696f6e

// migrations[i] leads to schema version i+1.
//
// All identifiers and payloads are BLOB, all times unix nanoseconds. Run IDs and package hashes are packed (see pack).
// chain and run are clustered by their keys; history is clustered by position, which is what the feed reads and what lets
// new rows go to the end of the file.
var migrations = []migration{
	{"chains, runs, history and what changes with them", []string{
		// The guard of every append (C-1). wake_at is NULL where nothing happens without outside input (S-2).
		`CREATE TABLE chain (
			ns BLOB NOT NULL, workflow_id BLOB NOT NULL,
			version INTEGER NOT NULL, current_run BLOB NOT NULL, head_seq INTEGER NOT NULL, wake_at INTEGER, checkpoint_seq INTEGER NOT NULL,
			PRIMARY KEY (ns, workflow_id)
		) WITHOUT ROWID`,
		`CREATE INDEX chain_due ON chain (wake_at, ns, workflow_id) WHERE wake_at IS NOT NULL`,

		// Visibility: written when a run starts, closes, or shows something else (S-1). Columns are what runs are found by;
		// detail is the rest (see appendDetail): each column costs about a microsecond at every write.
		`CREATE TABLE run (
			run_id BLOB NOT NULL PRIMARY KEY, ns BLOB NOT NULL, workflow_id BLOB NOT NULL,
			type BLOB NOT NULL, status INTEGER NOT NULL, blocked BLOB NOT NULL, started_at INTEGER NOT NULL,
			prior INTEGER NOT NULL, -- 1 when the chain has a newer run
			detail BLOB NOT NULL
		) WITHOUT ROWID`,
		`CREATE INDEX run_time ON run (ns, started_at DESC, run_id DESC)`,
		`CREATE INDEX run_kind ON run (ns, type, status, started_at DESC, run_id DESC)`,
		// A chain's current run is found through its chain: only the others need an index, so that most runs have no entry.
		`CREATE INDEX run_prior ON run (ns, workflow_id, started_at DESC, run_id DESC) WHERE prior = 1`,
		`CREATE INDEX run_blocked ON run (ns, started_at DESC, run_id DESC) WHERE blocked <> x''`,

		// One row for each step and at most 1 MiB (C-5); pos is dense and given out by the writer (S-3).
		`CREATE TABLE history (
			pos INTEGER PRIMARY KEY, run BLOB NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
			append_id BLOB NOT NULL, bytes BLOB NOT NULL
		)`,
		`CREATE UNIQUE INDEX history_run ON history (run, first_seq)`,

		// Undelivered messages only (M-1), in order of arrival.
		`CREATE TABLE inbox (
			ns BLOB NOT NULL, workflow_id BLOB NOT NULL, pos INTEGER NOT NULL, dedup_key BLOB NOT NULL, bytes BLOB NOT NULL,
			PRIMARY KEY (ns, workflow_id, pos)
		) WITHOUT ROWID`,
		`CREATE UNIQUE INDEX inbox_key ON inbox (ns, workflow_id, dedup_key)`,

		`CREATE TABLE dedup (
			ns BLOB NOT NULL, workflow_id BLOB NOT NULL, request_id BLOB NOT NULL,
			digest BLOB NOT NULL, run BLOB NOT NULL, expires INTEGER NOT NULL,
			PRIMARY KEY (ns, workflow_id, request_id)
		) WITHOUT ROWID`,

		// The backlog. ord is ports.TaskOrder: by priority, then in commit order.
		`CREATE TABLE task (
			ns BLOB NOT NULL, queue BLOB NOT NULL, ord INTEGER NOT NULL,
			workflow_id BLOB NOT NULL, run BLOB NOT NULL, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL,
			PRIMARY KEY (ns, queue, ord)
		) WITHOUT ROWID`,
		`CREATE UNIQUE INDEX task_attempt ON task (run, ordinal, attempt)`,

		`CREATE TABLE counter (
			ns BLOB NOT NULL, type BLOB NOT NULL, status INTEGER NOT NULL, n INTEGER NOT NULL CHECK (n > 0),
			PRIMARY KEY (ns, type, status)
		) WITHOUT ROWID`,
		`CREATE TABLE pin (package BLOB NOT NULL PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0)) WITHOUT ROWID`,

		`CREATE TABLE checkpoint (run BLOB NOT NULL PRIMARY KEY, seq INTEGER NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL)`,
		`CREATE TABLE heartbeat (
			run BLOB NOT NULL, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL,
			content_type BLOB NOT NULL, metadata BLOB NOT NULL, data BLOB NOT NULL,
			PRIMARY KEY (run, ordinal)
		)`,

		// The code stands last, so that reading the other columns never touches its pages.
		`CREATE TABLE package (
			hash BLOB NOT NULL PRIMARY KEY, name BLOB NOT NULL, deployed_at INTEGER NOT NULL, code_bytes INTEGER NOT NULL,
			manifest BLOB NOT NULL, code BLOB NOT NULL
		)`,
		`CREATE TABLE route (type BLOB NOT NULL PRIMARY KEY, package BLOB NOT NULL, set_at INTEGER NOT NULL) WITHOUT ROWID`,
		`CREATE INDEX route_package ON route (package)`,
		// Workers that are connected, or were when the server ended.
		`CREATE TABLE worker (identity BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID`,
		`CREATE TABLE namespace (name BLOB NOT NULL PRIMARY KEY, created_at INTEGER NOT NULL, retention INTEGER NOT NULL) WITHOUT ROWID`,
	}},
	pausedRuns,
	namespaceAttributes,
	previousRoutes,
	closedRuns,
	entities,
	auditRecords,
	queueSettings,
}
