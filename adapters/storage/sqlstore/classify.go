package sqlstore

import "strings"

// texts are SQLite's own messages, which are all that a driver without result codes gives. SQLite has kept them for decades;
// the drivers' tests hold them.
var texts = []struct {
	text  string
	class Class
}{
	{"database is locked", ClassBusy},
	{"database table is locked", ClassBusy},
	{"database schema is locked", ClassBusy},
	{"database or disk is full", ClassFull},
	{"constraint failed", ClassConstraint},
	{"attempt to write a readonly database", ClassReadOnly},
	{"access permission denied", ClassReadOnly},
	{"file is not a database", ClassNotADB},
	{"database disk image is malformed", ClassCorrupt},
	{"malformed database schema", ClassCorrupt},
	{"disk I/O error", ClassIO},
	{"unable to open database file", ClassCantOpen},
	{"no transaction is active", ClassNoTx},
}

// ClassifyText tells the class of an error by SQLite's message in it.
func ClassifyText(message string) Class {
	for _, t := range texts {
		if strings.Contains(message, t.text) {
			return t.class
		}
	}
	return ClassOther
}
