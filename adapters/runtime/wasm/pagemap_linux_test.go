package wasm

import (
	"math/rand/v2"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
)

// What the kernel says was written and what a comparison finds are the same, wherever the writes are, also beyond the image and where a
// write changed nothing.
func TestPagemapFindsWhatWasWritten(t *testing.T) {
	if !pages.ok() {
		t.Skip("this kernel does not tell which pages were written; memories are compared instead, and not reused")
	}
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 32*module.PageBytes)
	for range 3000 {
		data[r.IntN(len(data))] = byte(r.Int())
	}
	image, err := newBacking(data)
	if err != nil {
		t.Fatal(err)
	}
	defer image.close()
	var room spareRoom
	room.init(0)
	for range 50 {
		s, _, err := image.space(64*module.PageBytes, &room)
		if err != nil {
			t.Fatal(err)
		}
		if string(s.bytes()) != string(data) {
			t.Fatal("a space does not begin as the image")
		}
		if r.IntN(2) == 0 {
			if err := s.grow(48 * module.PageBytes); err != nil {
				t.Fatal(err)
			}
		}
		b := s.bytes()
		for range r.IntN(200) {
			at := r.IntN(len(b))
			if r.IntN(3) > 0 {
				b[at]++
			} else {
				_ = b[at]
				b[at] = b[at] | 0 // a write that changes nothing
			}
		}
		found := func() (list []uint32) {
			if err := s.changed(func(page uint32, content []byte) error {
				if string(content) != string(b[int(page)*pageBytes:][:pageBytes]) {
					t.Error("visited with other content")
				}
				list = append(list, page)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return list
		}
		told, cost := found(), s.cost()
		file := pages.file
		pages.file = nil // as where the kernel does not tell
		compared, exact := found(), s.cost()
		pages.file = file
		if string(bytesOf(told)) != string(bytesOf(compared)) {
			t.Fatalf("told %v, compared %v", told, compared)
		}
		if cost < exact || exact != int64(len(compared))*pageBytes {
			t.Fatalf("costs %d, by comparison %d, for %d pages", cost, exact, len(compared))
		}
		s.close()
	}
}

func bytesOf(list []uint32) (b []byte) {
	for _, v := range list {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}

// Without the kernel's help memories are compared and not reused, and everything else stays the same.
func TestWithoutPagemap(t *testing.T) {
	if pages.ok() {
		file := pages.file
		pages.file = nil
		defer func() { pages.file = file }()
	}
	data := make([]byte, module.PageBytes)
	data[5000] = 7
	image, err := newBacking(data)
	if err != nil {
		t.Fatal(err)
	}
	defer image.close()
	var room spareRoom
	room.init(0)
	for range 3 {
		s, bytes, err := image.space(module.PageBytes, &room)
		if err != nil || bytes != 0 || string(s.bytes()) != string(data) {
			t.Fatalf("a space with %d bytes: %v", bytes, err)
		}
		s.bytes()[0] = 1
		s.trim()
		if s.bytes()[0] != 1 || s.bytes()[5000] != 7 {
			t.Error("trimming changed the content")
		}
		s.close()
	}
}
