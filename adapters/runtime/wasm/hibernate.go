package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// A hibernated instance is one file:
//
//	magic      8 bytes
//	key       32 bytes   SHA-256 of image, run, seq, history digest and seed: any difference makes the blob useless
//	checksum  32 bytes   SHA-256 of everything that follows
//	body                 compressed by S2:
//	    position 8, state length 4, state        of the entropy
//	    now 8                                    of the last activation
//	    count 4, 8 each                          the globals
//	    pages 4                                  the memory's size, 64 KiB each
//	    count 4, number 4 each                   the pages of 4 KiB that differ from the image, in order
//	    their bytes, each exclusive-or the image's page: mostly zeros where little was changed
const (
	blobMagic  = "aionhib1"
	blobHeader = len(blobMagic) + 32 + 32
)

var errBlob = errors.New("the blob does not fit")

// keyOf identifies what a blob is good for.
func (p *Program) keyOf(key ports.SnapshotKey, seed [32]byte) [32]byte {
	h := sha256.New()
	b := append([]byte(p.imageHash), 0)
	b = append(append(b, key.Run...), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(key.Seq))
	b = append(append(b, key.Digest[:]...), seed[:]...)
	h.Write(b)
	return [32]byte(h.Sum(nil))
}

// Why S2 and not zstd: measured on parked Go guests it takes 20 µs instead of 80 for the 180 KB of a young run, which become 5 KB instead
// of 3.5, and 160 µs instead of 630 for the 600 KB after a thousand activities, 61 KB instead of 31. The exclusive-or with the image
// does most of the work: without it the same young run is 9 KB.
var bodyBuffers = sync.Pool{New: func() any { return new([]byte) }}

// keptBody is how large a buffer is kept for the next body.
const keptBody = 1 << 20

// withBuffer lends a buffer, whose final form f returns.
func withBuffer(f func(b []byte) []byte) {
	b := bodyBuffers.Get().(*[]byte)
	if *b = f((*b)[:0]); cap(*b) <= keptBody {
		bodyBuffers.Put(b)
	}
}

// Hibernate implements ports.Instance.
func (i *Instance) Hibernate(_ context.Context, key ports.SnapshotKey) (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.usable(); err != nil {
		return false, err
	}
	r := i.program.runtime
	if r.blobs == nil {
		return false, nil
	}
	var err error
	withBuffer(func(body []byte) []byte {
		if body, err = i.appendBody(body); err != nil {
			return body
		}
		withBuffer(func(blob []byte) []byte {
			sum := i.program.keyOf(key, i.entropy.start)
			blob = append(append(blob, blobMagic...), sum[:]...)
			blob = append(blob, sum[:]...) // the checksum's place
			blob = slices.Grow(blob, s2.MaxEncodedLen(len(body)))
			packed := s2.Encode(blob[blobHeader:cap(blob)], body)
			blob = blob[:blobHeader+len(packed)]
			sum = sha256.Sum256(packed)
			copy(blob[blobHeader-len(sum):], sum[:])
			err = r.blobs.write(key.Run, blob)
			return blob
		})
		return body
	})
	if err != nil {
		// A cache that cannot be written is no reason to fail a run: the instance is dropped and replayed later.
		r.log.Warn("a parked run could not be hibernated", "run", key.Run, "error", err)
		return false, nil
	}
	r.hibernated.Add(1)
	return true, nil
}

func (i *Instance) appendBody(b []byte) ([]byte, error) {
	state := i.entropy.state()
	b = binary.LittleEndian.AppendUint64(b, i.entropy.position)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(state)))
	b = append(b, state...)
	b = binary.LittleEndian.AppendUint64(b, uint64(i.now))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(i.globals)))
	for _, g := range i.globals {
		b = binary.LittleEndian.AppendUint64(b, g)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(i.space.bytes())/wasmPage))
	var numbers []uint32
	if err := i.space.changed(func(page uint32, _ []byte) error { numbers = append(numbers, page); return nil }); err != nil {
		return b, err
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(numbers)))
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	all := i.space.bytes()
	for _, n := range numbers {
		b = append(b, all[int(n)*pageBytes:][:pageBytes]...)
		i.program.image.xor(b[len(b)-pageBytes:], n)
	}
	return b, nil
}

// xor combines a page with the image's; twice gives the page back.
func (b *backing) xor(page []byte, number uint32) {
	if at := int(number) * pageBytes; at < len(b.base) {
		base := b.base[at : at+pageBytes]
		for k := 0; k < pageBytes; k += 8 {
			binary.LittleEndian.PutUint64(page[k:], binary.LittleEndian.Uint64(page[k:])^binary.LittleEndian.Uint64(base[k:]))
		}
	}
}

// Restore implements ports.Program. Whatever is wrong with the blob drops it.
func (p *Program) Restore(_ context.Context, key ports.SnapshotKey, seed [32]byte) (ports.Instance, bool, error) {
	r := p.runtime
	if r.blobs == nil {
		return nil, false, nil
	}
	blob := r.blobs.read(key.Run)
	if blob == nil {
		return nil, false, nil
	}
	i, err := p.restore(blob, key, seed)
	if errors.Is(err, errBlob) {
		r.blobs.forget(nameOf(key.Run))
		r.dropped.Add(1)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	r.restored.Add(1)
	return i, true, nil
}

func (p *Program) restore(blob []byte, key ports.SnapshotKey, seed [32]byte) (i *Instance, err error) {
	if len(blob) < blobHeader || string(blob[:len(blobMagic)]) != blobMagic {
		return nil, errBlob
	}
	header, packed := blob[len(blobMagic):blobHeader], blob[blobHeader:]
	want, sum := p.keyOf(key, seed), sha256.Sum256(packed)
	if !bytes.Equal(header[:32], want[:]) || !bytes.Equal(header[32:], sum[:]) {
		return nil, errBlob
	}
	length, err := s2.DecodedLen(packed)
	if err != nil || int64(length) > 2*maxMemoryBytes {
		return nil, errBlob
	}
	withBuffer(func(body []byte) []byte {
		body, err = s2.Decode(slices.Grow(body, length)[:length], packed)
		if err != nil {
			err = errBlob
			return body
		}
		i, err = p.make(newEntropy(seed), func(i *Instance) error { return i.readBody(body) })
		return body
	})
	return i, err
}

// blobReader takes a body apart; the first missing byte sets bad.
type blobReader struct {
	b   []byte
	bad bool
}

func (r *blobReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *blobReader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *blobReader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// readBody puts a body's content into a fresh instance.
func (i *Instance) readBody(body []byte) error {
	r := &blobReader{b: body}
	position := r.u64()
	state := r.take(uint64(r.u32()))
	i.now = int64(r.u64())
	if n := r.u32(); int(n) != len(i.program.globals) {
		return errBlob
	}
	for range i.program.globals {
		i.globals = append(i.globals, r.u64())
	}
	size := uint64(r.u32()) * wasmPage
	count := uint64(r.u32())
	numbers := &blobReader{b: r.take(4 * count)}
	if r.bad || i.entropy.setState(position, state) != nil || size < uint64(len(i.space.bytes())) || size > max(i.program.reserve(), uint64(len(i.space.bytes()))) {
		return errBlob
	}
	if err := i.space.grow(size); err != nil {
		return err
	}
	to := i.space.bytes()
	for last := -1; len(numbers.b) > 0; {
		n := numbers.u32()
		page := r.take(pageBytes)
		if int(n) <= last || uint64(n) >= size/pageBytes || page == nil {
			return errBlob
		}
		last = int(n)
		at := to[int(n)*pageBytes:][:pageBytes]
		copy(at, page)
		i.program.image.xor(at, n)
	}
	if len(r.b) > 0 {
		return errBlob
	}
	i.count(max(i.bytes, instanceBytes+int64(count)*pageBytes))
	return nil
}

// Forget implements ports.Program.
func (p *Program) Forget(run model.RunID) {
	if s := p.runtime.blobs; s != nil {
		s.forget(nameOf(run))
	}
}
