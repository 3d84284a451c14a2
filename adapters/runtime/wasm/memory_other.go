//go:build !linux

package wasm

import (
	"math"
	"slices"
)

// backing is an image in the heap. Without the mappings of memory_linux.go every space is a plain copy of it.
type backing struct {
	base []byte
	cost int64
}

func newBacking(data []byte) (*backing, error) {
	return &backing{base: slices.Clone(data), cost: int64(len(data))}, nil
}

func (b *backing) close() {}

type copied struct {
	heapMemory
	image *backing
}

func (b *backing) space(uint64, *spareRoom) (space, int64, error) {
	return &copied{heapMemory{slices.Clone(b.base)}, b}, int64(len(b.base)), nil
}

func (c *copied) changed(visit func(page uint32, content []byte) error) error {
	return comparePages(c.b, c.image.base, visit)
}

func (c *copied) cost() int64 { return int64(cap(c.b)) }

func (c *copied) trim() {}

func (b *backing) mappedBytes() int64 { return 0 }

func (c *copied) close() { c.b = nil }

func maxSpaces() int64 { return math.MaxInt64 }
