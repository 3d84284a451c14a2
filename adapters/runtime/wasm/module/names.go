package module

import "strings"

// customSection keeps the names of functions and drops everything else. The section is no part of the module's meaning, so damage in it
// loses the names and refuses nothing.
func (m *Module) customSection(r *reader) {
	name := r.name("a custom section")
	rest := r.sub(uint32(r.left()))
	if !r.ok() || name != "name" || m.names != nil {
		return
	}
	for rest.left() > 0 && rest.ok() {
		id, sub := rest.byte(), rest.sub(rest.u32())
		if !rest.ok() || id != 1 {
			continue
		}
		m.names = map[uint32]string{}
		for range sub.count("names", MaxFunctions, 2) {
			index, n := sub.u32(), sub.u32()
			text := sub.bytes(n)
			if sub.ok() && n > 0 {
				m.names[index] = strings.ToValidUTF8(string(text[:min(len(text), MaxNameBytes)]), "")
			}
		}
	}
}

// nameSection writes the kept names, in order of the functions.
func (m *Module) nameSection() []byte {
	var entries []byte
	count := uint32(0)
	for i := range uint32(len(m.imports) + len(m.functions)) {
		if n, ok := m.names[i]; ok {
			entries = putName(putU32(entries, i), n)
			count++
		}
	}
	if count == 0 {
		return nil
	}
	list := append(putU32(nil, count), entries...)
	out := append(putName(nil, "name"), 1)
	return append(putU32(out, uint32(len(list))), list...)
}
