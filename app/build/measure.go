package build

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// The sections of a WebAssembly module that matter here.
const (
	sectionCustom = 0
	sectionImport = 2
	sectionCode   = 10
)

// measure takes the names off a module and tells which of packages have the most code in it, five at most.
func measure(named []byte, packages []string) (module []byte, largest []Dependency, err error) {
	damaged := fault.Internalf("the linker gave a damaged module")
	if len(named) < 8 {
		return nil, nil, damaged
	}
	module = append(module, named[:8]...)
	var imported uint64
	var sizes []int64
	var names map[uint64]string
	for b := named[8:]; len(b) > 0; {
		n, k := binary.Uvarint(b[1:])
		if k <= 0 || n > uint64(len(b)-1-k) {
			return nil, nil, damaged
		}
		id, body, section := b[0], b[1+k:1+k+int(n)], b[:1+k+int(n)]
		b = b[len(section):]
		ok := true
		switch id {
		case sectionCustom:
			if isName(body) {
				names, ok = functionNames(body)
				section = nil
			}
		case sectionImport:
			imported, ok = importedFunctions(body)
		case sectionCode:
			sizes, ok = bodySizes(body)
		}
		if !ok {
			return nil, nil, damaged
		}
		module = append(module, section...)
	}
	total, by := map[string]int64{}, owners(packages)
	for i, size := range sizes {
		if p := by.of(names[imported+uint64(i)]); p != "" {
			total[p] += size
		}
	}
	for p, n := range total {
		largest = append(largest, Dependency{p, n})
	}
	slices.SortFunc(largest, func(a, b Dependency) int {
		return cmp.Or(cmp.Compare(b.CodeBytes, a.CodeBytes), strings.Compare(a.Path, b.Path))
	})
	return module, largest[:min(5, len(largest))], nil
}

// cursor reads LEB128 numbers and names; bad sticks.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) num() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func isName(custom []byte) bool {
	c := cursor{b: custom}
	return string(c.take(c.num())) == "name"
}

// functionNames reads sub-section 1 of the name section.
func functionNames(custom []byte) (map[uint64]string, bool) {
	c := cursor{b: custom}
	c.take(c.num())
	out := map[uint64]string{}
	for len(c.b) > 0 && !c.bad {
		id := c.take(1)
		sub := cursor{b: c.take(c.num())}
		if c.bad || id[0] != 1 {
			continue
		}
		for n := sub.num(); n > 0 && !sub.bad; n-- {
			i := sub.num()
			out[i] = string(sub.take(sub.num()))
		}
		c.bad = sub.bad
	}
	return out, !c.bad
}

// importedFunctions counts them: they come first in the numbering. Go imports functions only.
func importedFunctions(body []byte) (uint64, bool) {
	c := cursor{b: body}
	return c.num(), !c.bad
}

func bodySizes(body []byte) ([]int64, bool) {
	c := cursor{b: body}
	n := c.num()
	if n > uint64(len(body)) {
		return nil, false
	}
	out := make([]int64, n)
	for i := range out {
		size := c.num()
		c.take(size)
		out[i] = int64(size)
	}
	return out, !c.bad
}

// An owner finds the package that a function's name in the module belongs to.
type owner map[string]string

// owners indexes import paths by how the linker writes them: dots of the last element escaped, and then everything but letters, digits,
// dots and underscores replaced.
func owners(paths []string) owner {
	o := owner{}
	for _, p := range paths {
		slash := strings.LastIndexByte(p, '/')
		written := p[:slash+1] + strings.ReplaceAll(p[slash+1:], ".", "%2e")
		o[strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_':
				return r
			}
			return '_'
		}, written)] = p
	}
	return o
}

// of is the import path of a function, "" for what belongs to no package.
func (o owner) of(name string) string {
	for i := 0; i < len(name); i++ {
		if name[i] == '.' && o[name[:i]] != "" {
			return o[name[:i]]
		}
	}
	return ""
}
