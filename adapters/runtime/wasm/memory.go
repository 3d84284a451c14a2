package wasm

import (
	"bytes"
	"sync/atomic"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
)

// pageBytes is the grain in which memories are compared, copied and stored: smaller than a WebAssembly page, and on most machines the
// page of the processor.
const pageBytes = 4096

// wasmPage is the page of WebAssembly, in which memories grow.
const wasmPage = module.PageBytes

var zeroPage [pageBytes]byte

// memory is a linear memory that a lane can work on.
type memory interface {
	bytes() []byte          // all of it; the slice is good until the next grow
	grow(size uint64) error // to a larger multiple of 64 KiB; Overloaded when the machine has no room
}

// space is the linear memory of one instance: a copy of an image, as if it had been copied whole. Confined to one goroutine.
type space interface {
	memory
	// changed calls visit for each page whose content differs from the image (from zero beyond the image's end), in order.
	changed(visit func(page uint32, content []byte) error) error
	// cost is how many bytes the space occupies now beyond the image.
	cost() int64
	// trim gives back what can be had again from the image. Nothing else may use the space meanwhile.
	trim()
	// close gives the memory back; nothing may be called afterwards.
	close()
}

// spareRoom is what closed spaces may still keep, in all programs of a runtime together.
type spareRoom struct {
	written budget // bytes that they have to themselves
	warm    budget // bytes of images that they have mapped: one that has them mapped costs the next run no faults
	size    int64  // of written, at the beginning
}

// init gives closed spaces so much of each of the two.
func (r *spareRoom) init(bytes int64) {
	r.size = max(bytes, 16<<20)
	r.written.Store(r.size)
	r.warm.Store(r.size)
}

// used is what closed spaces have to themselves.
func (r *spareRoom) used() int64 { return r.size - r.written.Load() }

// budget is what is left of a number of bytes.
type budget struct{ atomic.Int64 }

func (b *budget) take(n int64) bool {
	if b.Add(-n) < 0 {
		b.Add(n)
		return false
	}
	return true
}

// heapMemory is a plain memory in Go's heap: what the image is baked in.
type heapMemory struct{ b []byte }

func (m *heapMemory) bytes() []byte { return m.b }

func (m *heapMemory) grow(size uint64) error {
	if size > uint64(cap(m.b)) {
		m.b = append(make([]byte, 0, size+size/4), m.b...)
	}
	m.b = m.b[:size]
	return nil
}

// comparePages visits the pages of now in which it differs from base.
func comparePages(now, base []byte, visit func(page uint32, content []byte) error) error {
	for at := 0; at < len(now); at += pageBytes {
		if page := now[at : at+pageBytes]; differs(page, base, at) {
			if err := visit(uint32(at/pageBytes), page); err != nil {
				return err
			}
		}
	}
	return nil
}

func differs(page, base []byte, at int) bool {
	if at < len(base) {
		return !bytes.Equal(page, base[at:at+pageBytes])
	}
	return !bytes.Equal(page, zeroPage[:])
}

// wholePages says whether size is a length that a linear memory can have.
func wholePages(size uint64) bool { return size%module.PageBytes == 0 }

func outOfRoom(err error) error {
	return fault.Wrap(fault.Overloaded, err, "no memory for an instance of workflow code").
		Hinted("give the process more memory or address space, or lower runtime.cache_bytes")
}
