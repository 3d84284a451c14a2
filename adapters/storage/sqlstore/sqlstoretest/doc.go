// Package sqlstoretest checks what a database driver and a file system do to sqlstore: names of files, locks, damaged and
// foreign files, a full disk. Both drivers run it in their tests.
package sqlstoretest
