package wasm

import (
	"encoding/binary"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pages reads from the kernel which pages of a private mapping were written: those are pages of the process, and the others still the
// file's. It takes 6 µs for an image of 4 MB, where comparing all of it takes 270 µs.
//
// The kernel's soft-dirty bits would need to be cleared and are missing in many kernels; this needs only the two bits that every kernel
// since 3.5 has. Whether they mean here what they should (a container may hide the file, another kernel may answer otherwise) is tried
// once before they are relied on; otherwise the caller compares.
var pages pagemap

type pagemap struct {
	once sync.Once
	file *os.File
	page int // of the processor
}

const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
)

func (p *pagemap) ok() bool {
	p.once.Do(func() {
		p.page = os.Getpagesize()
		f, err := os.Open("/proc/self/pagemap")
		if err != nil {
			return
		}
		if p.file = f; !p.works() {
			_ = f.Close()
			p.file = nil
		}
	})
	return p.file != nil
}

// works tries the four states of a page: never touched, read, written with other bytes, written with the same bytes.
func (p *pagemap) works() bool {
	const untouched, read, written, same, count = 0, 1, 2, 3, 4
	if p.page%pageBytes != 0 {
		return false
	}
	fd, err := unix.MemfdCreate("aion-pagemap", unix.MFD_CLOEXEC)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	size := count * p.page
	if unix.Ftruncate(fd, int64(size)) != nil {
		return false
	}
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Munmap(b) }()
	b[written*p.page] = 1 + b[read*p.page]
	b[same*p.page] = b[read*p.page]
	found := map[int]bool{}
	err = p.each(b, func(at, n int) error {
		for ; n > 0; at, n = at+p.page, n-p.page {
			found[at/p.page] = true
		}
		return nil
	})
	return err == nil && len(found) == 2 && found[written] && found[same] && !found[untouched] && !found[read]
}

var pagemapBuffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// each visits the written parts of a mapping, as runs of whole pages in order. It reads the whole mapping's state, 8 bytes a page.
func (p *pagemap) each(mapping []byte, visit func(at, n int) error) error {
	buffer := pagemapBuffers.Get().(*[16 << 10]byte)
	defer pagemapBuffers.Put(buffer)
	first := int64(uintptr(unsafe.Pointer(unsafe.SliceData(mapping)))) / int64(p.page)
	count := len(mapping) / p.page
	start := -1 // of the current run
	for i := 0; i < count; {
		n := min(count-i, len(buffer)/8)
		if _, err := p.file.ReadAt(buffer[:8*n], 8*(first+int64(i))); err != nil {
			return err
		}
		for k := range n {
			bits := binary.LittleEndian.Uint64(buffer[8*k:])
			dirty := bits&pageSwapped != 0 || (bits&pagePresent != 0 && bits&pageOfFile == 0)
			if dirty && start < 0 {
				start = i + k
			}
			if !dirty && start >= 0 {
				if err := visit(start*p.page, (i+k-start)*p.page); err != nil {
					return err
				}
				start = -1
			}
		}
		i += n
	}
	if start >= 0 {
		return visit(start*p.page, (count-start)*p.page)
	}
	return nil
}
