package sqlstore

// pausedRuns finds the runs that are paused, which stands in the second byte of their detail (see appendDetail).
var pausedRuns = migration{"find paused runs", []string{
	`CREATE INDEX run_paused ON run (ns, started_at DESC, run_id DESC) WHERE ` + sqlPaused,
}}

// sqlPaused is the condition of the index run_paused. A statement that is to use the index says it in the same words.
const sqlPaused = `substr(detail, 2, 1) = x'01'`
