package sqlstore

var namespaceAttributes = migration{"search attributes, and what namespaces declare", []string{
	// One row for each search attribute that a run has, and for each keyword of a list and each word of a text. value is the key of
	// model.AttributeValue; all of it ascends, so that one index serves equality, ranges and both orders.
	`CREATE TABLE attr (
			ns BLOB NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, started_at INTEGER NOT NULL, run_id BLOB NOT NULL,
			PRIMARY KEY (ns, name, value, started_at, run_id)
		) WITHOUT ROWID`,
	`CREATE INDEX attr_run ON attr (run_id, name)`,
	`ALTER TABLE namespace ADD COLUMN version INTEGER NOT NULL DEFAULT 1`,
	`ALTER TABLE namespace ADD COLUMN detail BLOB NOT NULL DEFAULT x''`,
}}
