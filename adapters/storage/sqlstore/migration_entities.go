package sqlstore

// entities keeps what chains of another kind than a workflow have instead of a history (M-5). The configuration stands by itself, so that a step,
// which writes the state, does not write it anew.
var entities = migration{"entities of chains that are no workflows", []string{
	`CREATE TABLE entity (ns BLOB NOT NULL, workflow_id BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (ns, workflow_id))`,
	`CREATE TABLE entity_config (ns BLOB NOT NULL, workflow_id BLOB NOT NULL, config BLOB NOT NULL, PRIMARY KEY (ns, workflow_id))`,
}}
