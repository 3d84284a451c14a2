package module_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
)

var update = flag.Bool("update", false, "write testdata/hostile anew")

const folder = "../testdata/hostile"

// The folder holds the modules as files, so that other tools and readers can look at them; it is made from the catalogue in internal/asm.
func TestHostileFolderIsFresh(t *testing.T) {
	var lines []string
	want := map[string][]byte{}
	for _, c := range asm.Hostile() {
		if _, twice := want[c.Name+".wasm"]; twice {
			t.Fatalf("two cases named %s", c.Name)
		}
		want[c.Name+".wasm"] = c.Code
		lines = append(lines, c.Name+": "+c.Expectation())
	}
	slices.Sort(lines)
	want["expectations.txt"] = []byte(strings.Join(lines, "\n") + "\n")
	if *update {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, b := range want {
			if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		have, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := want[e.Name()]; !ok || string(b) != string(have) {
			t.Errorf("%s differs from the catalogue: run go test -run TestHostileFolderIsFresh -update", e.Name())
		}
		delete(want, e.Name())
	}
	for name := range want {
		t.Errorf("%s is missing: run go test -run TestHostileFolderIsFresh -update", name)
	}
}

func TestHostile(t *testing.T) {
	for _, c := range asm.Hostile() {
		t.Run(c.Name, func(t *testing.T) {
			m, err := module.Parse(c.Code)
			if c.Refused == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				m.Rewrite()
				return
			}
			if err == nil {
				t.Fatalf("accepted; want a refusal that says %q", c.Refused)
			}
			if !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), c.Refused) {
				t.Errorf("refused with %q; want invalid input that says %q", err, c.Refused)
			}
		})
	}
}

// However a module is cut or damaged, parsing and rewriting come to an end without a panic.
func TestDamage(t *testing.T) {
	try := func(code []byte) {
		if m, err := module.Parse(code); err == nil {
			m.Rewrite()
		}
	}
	for _, c := range append(asm.Hostile(), asm.Case{Code: asm.Guest().Bytes()}) {
		if len(c.Code) > 2000 {
			continue
		}
		code := slices.Clone(c.Code)
		for i := range code {
			try(code[:i])
			for _, v := range []byte{0, 0x7f, 0x80, 0xff, code[i] + 1} {
				was := code[i]
				code[i] = v
				try(code)
				code[i] = was
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range asm.Hostile() {
		f.Add(c.Code)
	}
	f.Add(asm.Guest().Bytes())
	f.Fuzz(func(t *testing.T, code []byte) {
		m, err := module.Parse(code)
		if err != nil {
			if !fault.Has(err, fault.InvalidInput) {
				t.Fatalf("not an invalid input: %v", err)
			}
			return
		}
		r := m.Rewrite()
		if len(r.Code) > 64*len(code)+4096 {
			t.Errorf("%d bytes became %d", len(code), len(r.Code))
		}
		// What the engine accepts before the rewrite it must accept afterwards, and the other way round.
		before, after := compiles(code), compiles(r.Code)
		if (before == nil) != (after == nil) {
			t.Errorf("before: %v\nafter: %v", before, after)
		}
	})
}
