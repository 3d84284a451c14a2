//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package config

// defaultBackend is the storage engine where nobody chooses one. libsql needs CGO and exists for these platforms only.
const (
	defaultBackend = BackendLibSQL
	haveLibSQL     = true
)
