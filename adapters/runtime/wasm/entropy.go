package wasm

import (
	"crypto/sha256"
	"math/rand/v2"

	"github.com/aionrun/aion/domain/model"
)

// imageSeed is the entropy of a package's initialisation: the same for everybody who has the package (D-1).
func imageSeed(hash model.PackageHash) [32]byte {
	return sha256.Sum256([]byte(string(hash) + "image v1"))
}

// entropy is what random_get answers: the ChaCha8 stream of a seed, and how far into it the guest has read. The position is part of the
// guest's state.
type entropy struct {
	stream   *rand.ChaCha8
	position uint64
	start    [32]byte
}

func newEntropy(seed [32]byte) *entropy {
	return &entropy{stream: rand.NewChaCha8(seed), start: seed}
}

func (e *entropy) read(b []byte) {
	_, _ = e.stream.Read(b) // never fails
	e.position += uint64(len(b))
}

// state gives the stream's inner state, for setState.
func (e *entropy) state() []byte {
	b, _ := e.stream.MarshalBinary() // never fails
	return b
}

// setState goes to a position that was reached before.
func (e *entropy) setState(position uint64, state []byte) error {
	e.position = position
	return e.stream.UnmarshalBinary(state)
}

// clone gives an independent stream at the same position.
func (e *entropy) clone() *entropy {
	c := newEntropy(e.start)
	if e.position > 0 {
		_ = c.setState(e.position, e.state()) // its own state
	}
	return c
}
