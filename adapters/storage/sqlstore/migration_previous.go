package sqlstore

// previousRoutes remembers what a type was routed to before, as a packed hash; that of no package is empty.
var previousRoutes = migration{"previous routes", []string{
	`ALTER TABLE route ADD COLUMN previous BLOB NOT NULL DEFAULT x''`,
}}
