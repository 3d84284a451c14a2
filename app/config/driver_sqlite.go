//go:build !cgo || !((linux && (amd64 || arm64)) || (darwin && arm64))

package config

// defaultBackend is the storage engine where nobody chooses one: the driver in pure Go, for builds that cannot have libsql.
const (
	defaultBackend = BackendSQLite
	haveLibSQL     = false
)
