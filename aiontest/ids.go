package aiontest

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"sync"

	"github.com/aionrun/aion/ports"
)

// ids mints the same identifiers and secrets in every run of a test.
type ids struct {
	clock *clock

	mu   sync.Mutex
	dice *rand.ChaCha8
}

var _ ports.IDs = (*ids)(nil)

func newIDs(c *clock, name string) *ids {
	return &ids{clock: c, dice: rand.NewChaCha8(sha256.Sum256([]byte(name)))}
}

// UUIDv7 implements ports.IDs.
func (i *ids) UUIDv7() string {
	ms := uint64(i.clock.Now().UnixMilli())
	var b [16]byte
	i.Random(b[6:])
	for k := range 6 {
		b[k] = byte(ms >> (40 - 8*k))
	}
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// Random implements ports.IDs.
func (i *ids) Random(b []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, _ = i.dice.Read(b) // which does not fail
}
