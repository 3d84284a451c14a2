package module

import "fmt"

// Entry is a function of the ABI that a guest exports; the dispatcher of the rewritten module takes it as its first argument.
type Entry uint32

// The entries, in the order of the dispatcher's numbers.
const (
	EntryInitialize Entry = iota
	EntryVersion
	EntryAlloc
	EntryDescribe
	EntryActivate
	EntryQuery
	numEntries
)

var entryExports = [numEntries]struct {
	name string
	typ  FuncType
}{
	EntryInitialize: {"_initialize", sig(":")},
	EntryVersion:    {"aion_abi_v1", sig(":i")},
	EntryAlloc:      {"aion_alloc", sig("i:i")},
	EntryDescribe:   {"aion_describe", sig(":l")},
	EntryActivate:   {"aion_activate", sig("i:l")},
	EntryQuery:      {"aion_query", sig("i:l")},
}

// String is the name of the guest's export.
func (e Entry) String() string {
	if e < numEntries {
		return entryExports[e].name
	}
	return fmt.Sprintf("entry %d", uint32(e))
}

// checkABI looks for what every guest must have.
func (m *Module) checkABI() error {
	yields := 0
	for i, f := range m.imports {
		if f.module == HostModule && f.name == HostYield {
			m.yield = uint32(i)
			yields++
		}
	}
	if yields != 1 {
		return fmt.Errorf("it must import %s.%s once, and does so %d times", HostModule, HostYield, yields)
	}
	if e, ok := m.exports["memory"]; !ok || e.kind != kindMemory || m.memory.min == 0 {
		return fmt.Errorf("it has no memory of at least one page that is exported as %q", "memory")
	}
	for entry, want := range entryExports {
		e, ok := m.exports[want.name]
		if !ok {
			return fmt.Errorf("the export %s is missing: it must be a function of type %s", want.name, want.typ)
		}
		if e.kind != kindFunc {
			return fmt.Errorf("the export %s is no function", want.name)
		}
		if have := m.typeOf(e.index); !have.equal(want.typ) {
			return fmt.Errorf("the export %s has the type %s; it must be %s", want.name, have, want.typ)
		}
		m.entries[entry] = e.index
	}
	return nil
}

func (m *Module) typeOf(f uint32) FuncType {
	if int(f) < len(m.imports) {
		return m.types[m.imports[f].typ]
	}
	return m.types[m.functions[int(f)-len(m.imports)]]
}
