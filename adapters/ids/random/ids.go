// Package random mints identifiers and secrets from the machine's entropy.
package random

import (
	"crypto/rand"

	"github.com/google/uuid"

	"github.com/aionrun/aion/ports"
)

// IDs mints from crypto/rand. Safe for concurrent use.
type IDs struct{}

var _ ports.IDs = IDs{}

// UUIDv7 gives a time-ordered UUID in canonical text form.
func (IDs) UUIDv7() string { return uuid.Must(uuid.NewV7()).String() }

// Random fills b with unpredictable bytes; the operating system's source does not fail.
func (IDs) Random(b []byte) { _, _ = rand.Read(b) }
