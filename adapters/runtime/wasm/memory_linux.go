package wasm

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/aionrun/aion/domain/fault"
)

// backing is an image in an anonymous file. Every space is a private mapping of it: pages are shared until they are written.
type backing struct {
	fd   int
	base []byte // the file, mapped for reading
	cost int64  // pages with content

	mu    sync.Mutex
	spare []*mapped // closed spaces in the state of the image
}

func newBacking(data []byte) (*backing, error) {
	fd, err := unix.MemfdCreate("aion-image", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, outOfRoom(err)
	}
	b := &backing{fd: fd}
	if err := b.fill(data); err != nil {
		b.close()
		return nil, outOfRoom(err)
	}
	return b, nil
}

func (b *backing) fill(data []byte) (err error) {
	if err := unix.Ftruncate(b.fd, int64(len(data))); err != nil {
		return err
	}
	err = comparePages(data, nil, func(page uint32, content []byte) error { // pages of zeros stay holes
		b.cost += pageBytes
		n, err := unix.Pwrite(b.fd, content, int64(page)*pageBytes)
		if err == nil && n != len(content) {
			err = unix.ENOSPC
		}
		return err
	})
	if err == nil {
		b.base, err = unix.Mmap(b.fd, 0, len(data), unix.PROT_READ, unix.MAP_SHARED)
	}
	return err
}

func (b *backing) close() {
	for _, m := range b.spare {
		m.giveBack()
		m.unmap()
	}
	b.spare = nil
	if b.base != nil {
		_ = unix.Munmap(b.base)
	}
	_ = unix.Close(b.fd)
}

// mapped is a private mapping of an image at the start of reserved addresses.
type mapped struct {
	image *backing
	all   []byte // the reserved addresses; what is beyond size must not be touched
	size  int
	room  *spareRoom
	kept  int64 // bytes of its own while it is spare
	warm  int64 // bytes of the image that it has mapped while it is spare, 0 when it gave them back
}

// giveBack takes a spare space out of the account of spare ones.
func (m *mapped) giveBack() {
	m.room.written.Add(m.kept)
	m.room.warm.Add(m.warm)
	m.warm = 0
}

// space gives a mapping of the image. reserve is how large the space may ever grow; addresses cost nothing. A spare space is preferred: a page
// that was written before costs no fault, and faults are most of what a short run costs. bytes is what the space occupies already.
func (b *backing) space(reserve uint64, room *spareRoom) (_ space, bytes int64, err error) {
	b.mu.Lock()
	if n := len(b.spare); n > 0 {
		m := b.spare[n-1]
		b.spare = b.spare[:n-1]
		b.mu.Unlock()
		m.giveBack()
		return m, m.kept, nil
	}
	b.mu.Unlock()
	reserve = max(reserve, uint64(len(b.base)))
	at, err := unix.MmapPtr(-1, 0, nil, uintptr(reserve), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, 0, outOfRoom(err)
	}
	_, err = unix.MmapPtr(b.fd, 0, at, uintptr(len(b.base)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	if err != nil {
		_ = unix.MunmapPtr(at, uintptr(reserve))
		return nil, 0, outOfRoom(err)
	}
	return &mapped{image: b, all: unsafe.Slice((*byte)(at), reserve), size: len(b.base), room: room}, 0, nil
}

func (m *mapped) bytes() []byte { return m.all[:m.size:m.size] }

func (m *mapped) grow(size uint64) error {
	if size > uint64(len(m.all)) || size < uint64(m.size) || !wholePages(size) {
		return fault.Internalf("a memory of %d bytes cannot become %d bytes large; %d are reserved", m.size, size, len(m.all))
	}
	if int(size) > m.size {
		if err := unix.Mprotect(m.all[m.size:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return outOfRoom(err)
		}
	}
	m.size = int(size)
	return nil
}

func (m *mapped) close() {
	if !m.recycle() {
		m.unmap()
	}
}

func (m *mapped) unmap() {
	_ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(m.all)), uintptr(len(m.all)))
	m.all, m.size = nil, 0
}

// recycle puts every written page back to what it is in the image and keeps the space for the next instance. What was written the kernel
// knows (see pagemap); where that cannot be relied on, where the memory grew, or where much was written, the space is not kept.
func (m *mapped) recycle() bool {
	if m.size != len(m.image.base) || !pages.ok() {
		return false
	}
	m.kept = 0
	err := pages.each(m.bytes(), func(at, n int) error {
		if m.kept += int64(n); m.kept > maxSpare {
			return errTooMuch
		}
		copy(m.all[at:at+n], m.image.base[at:at+n])
		return nil
	})
	if err != nil || !m.room.written.take(m.kept) {
		return false
	}
	if m.room.warm.take(m.image.cost) {
		m.warm = m.image.cost
	} else {
		m.trim()
	}
	m.image.mu.Lock()
	m.image.spare = append(m.image.spare, m)
	m.image.mu.Unlock()
	return true
}

// mappedBytes is how much of the image a space may have mapped.
func (b *backing) mappedBytes() int64 { return b.cost }

// trim unmaps the pages of the image that were not written.
func (m *mapped) trim() {
	if !pages.ok() {
		return
	}
	at, image := 0, m.all[:len(m.image.base)]
	clean := func(to int) {
		if to > at {
			_ = unix.Madvise(image[at:to], unix.MADV_DONTNEED) // refused: the pages stay, which is harmless
		}
	}
	if err := pages.each(image, func(written, n int) error {
		clean(written)
		at = written + n
		return nil
	}); err == nil {
		clean(len(image))
	}
}

// maxSpare is how many written bytes a space may have to be kept.
const maxSpare = 1 << 20

var errTooMuch = errors.New("too much of the space was written")

func (m *mapped) changed(visit func(page uint32, content []byte) error) error {
	if pages.ok() {
		return pages.each(m.bytes(), func(at, n int) error {
			return comparePages(m.all[at:at+n], tail(m.image.base, at), func(page uint32, content []byte) error {
				return visit(uint32(at/pageBytes)+page, content)
			})
		})
	}
	return comparePages(m.bytes(), m.image.base, visit)
}

func (m *mapped) cost() int64 {
	n := int64(0)
	if pages.ok() {
		_ = pages.each(m.bytes(), func(_, bytes int) error { n += int64(bytes); return nil })
		return n
	}
	_ = comparePages(m.bytes(), m.image.base, func(_ uint32, content []byte) error { n += int64(len(content)); return nil })
	return n
}

func tail(b []byte, at int) []byte {
	if at >= len(b) {
		return nil
	}
	return b[at:]
}

// maxSpaces is how many spaces a process may map: the kernel bounds its mappings, and each space is up to three of them (D-9).
func maxSpaces() int64 {
	n := int64(65_530)
	if b, err := os.ReadFile("/proc/sys/vm/max_map_count"); err == nil {
		_, _ = fmt.Sscan(string(b), &n)
	}
	return n / 4
}
