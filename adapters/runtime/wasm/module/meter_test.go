package module_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/adapters/runtime/wasm/module"
)

const plenty = int64(1) << 50

// counted is: local 1 = n; loop { body; local 1 -= 1; branch while not zero }.
func counted(n int32, body ...any) asm.Code {
	return asm.Seq(asm.I32(n), asm.Set(1), asm.Loop(asm.Seq(body...), asm.Get(1), asm.I32(1), asm.I32Sub, asm.Tee(1), asm.BrIf(0)))
}

func activate(t *testing.T, fuel int64, change func(b *asm.Builder) asm.Code) (used int64, h *machine, err error) {
	t.Helper()
	b := asm.Guest()
	code := change(b)
	b.Func("aion_activate", "i:l", "ii", code, asm.Span(asm.Answer, 0))
	h = rewritten(t, b, fuel)
	_, err = h.call(module.EntryActivate, 0)
	return h.used(fuel), h, err
}

// [D-3] Every loop header costs one unit, every entry of a function that calls or loops and does not begin with a loop another one, long
// straight code one per 512 instructions, bulk operations length/64.
func TestFuel(t *testing.T) {
	long := slices.Repeat(asm.Seq(asm.I32(1), asm.Drop), 1000) // weighs 2000: 512 of it are one unit
	cases := []struct {
		name string
		code func(b *asm.Builder) asm.Code
		want int64
	}{
		{"nothing", func(*asm.Builder) asm.Code { return nil }, 0},
		{"a loop of 1,000", func(*asm.Builder) asm.Code { return counted(1000) }, 1000},
		{"a loop that begins the function", func(*asm.Builder) asm.Code {
			return asm.Loop(asm.Get(1), asm.I32(1), asm.I32Add, asm.Tee(1), asm.I32(1000), asm.I32LtU, asm.BrIf(0))
		}, 1000},
		{"long straight code", func(*asm.Builder) asm.Code { return long }, 1 + 3},
		{"long code in a loop", func(*asm.Builder) asm.Code { return counted(100, long) }, 100 * (1 + 3)},
		{"long code that is branched over", func(*asm.Builder) asm.Code {
			return counted(100, asm.Block(asm.Br(0), long))
		}, 100},
		{"code behind a branch over code", func(*asm.Builder) asm.Code { // no site is in the dead half, and the living half is paid
			half := long[:600]
			return counted(100, asm.Block(half, asm.Br(0), long), half)
		}, 100 * (1 + 1)},
		{"both ways of an if", func(*asm.Builder) asm.Code {
			return counted(100, asm.I32(0), asm.Seq(0x04, 0x40, long, asm.Else, asm.Nop, asm.End))
		}, 100},
		{"small functions pay through their callers", func(b *asm.Builder) asm.Code {
			f := b.Func("", ":", "", long[:600]) // weighs 400: each call 408
			return counted(100, asm.Call(f), asm.Call(f), asm.Call(f))
		}, 100 * (1 + 2)},
		{"large functions pay at their entry", func(b *asm.Builder) asm.Code {
			f := b.Func("", ":", "", long)
			return counted(100, asm.Call(f))
		}, 100 * (1 + 1 + 3)},
		{"functions that call pay at their entry", func(b *asm.Builder) asm.Code {
			f := b.Func("", ":", "", asm.Nop)
			g := b.Func("", ":", "", asm.Call(f))
			return counted(100, asm.Call(g))
		}, 100 * (1 + 1)},
		{"a short fill", func(*asm.Builder) asm.Code { return asm.Fill(asm.I32(0), asm.I32(1), asm.I32(6400)) }, 100},
		{"a long fill", func(b *asm.Builder) asm.Code {
			b.Memory(asm.Seq(0, asm.U(20)))
			return asm.Fill(asm.I32(0), asm.I32(1), asm.I32(1_000_000))
		}, 1_000_000 / 64},
		{"a long copy", func(b *asm.Builder) asm.Code {
			b.Memory(asm.Seq(0, asm.U(40)))
			return asm.Copy(asm.I32(5), asm.I32(1_000_000), asm.I32(1_000_000))
		}, 1_000_000 / 64},
		{"a long copy backwards", func(b *asm.Builder) asm.Code {
			b.Memory(asm.Seq(0, asm.U(40)))
			return asm.Copy(asm.I32(1_000_000), asm.I32(5), asm.I32(1_000_000))
		}, 1_000_000 / 64},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			used, h, err := activate(t, plenty, c.code)
			if err != nil {
				t.Fatal(err)
			}
			if used != c.want {
				t.Errorf("used %d units; want %d", used, c.want)
			}
			if least := int(used/module.Slice) - 1; h.yields < least {
				t.Errorf("%d yields for %d units; want at least %d", h.yields, used, least)
			}
			// The limit is exact: with what was used it ends well, with one less it does not.
			if used == 0 {
				return
			}
			if _, _, err := activate(t, used, c.code); err != nil {
				t.Errorf("with %d units: %v", used, err)
			}
			if _, _, err := activate(t, used-1, c.code); !errors.Is(err, outOfFuel{}) {
				t.Errorf("with %d units: %v; want out of fuel", used-1, err)
			}
		})
	}
}

// [D-2] The guest can neither see nor set what the host adds: its exports are gone, whatever they are called, and its own globals keep
// their numbers.
func TestExports(t *testing.T) {
	b := asm.Guest()
	g := b.Global(0x7e, 1, asm.I64(41))
	b.Global(0x7c, 0, asm.Seq(0x44, "12345678"))
	for _, name := range []string{module.ExportCall, module.ExportFuel, module.ExportGlobal(0), "other"} {
		b.Export(name, 3, uint32(g))
	}
	b.Func("aion_activate", "i:l", "", asm.GlobalGet(g), asm.I64(1), asm.I64Add, asm.Seq(asm.GlobalSet(g), asm.GlobalGet(g)))
	h := rewritten(t, b, plenty)
	if v, err := h.call(module.EntryActivate, 0); v != 42 || err != nil {
		t.Errorf("activate answers %d, %v; want 42", v, err)
	}
	if v := h.m.ExportedGlobal(module.ExportGlobal(0)).Get(); v != 42 {
		t.Errorf("the global is %d; want 42", v)
	}
	if h.m.ExportedGlobal("other") != nil || h.m.ExportedFunction("aion_activate") != nil || h.m.ExportedGlobal(module.ExportGlobal(1)) != nil {
		t.Error("exports of the guest's are left")
	}
	if h.m.ExportedFunction(module.ExportCall) == nil {
		t.Error("the dispatcher is not exported")
	}
}

// [D-1] The same upload gives the same module to run.
func TestRewriteIsDeterministic(t *testing.T) {
	b := asm.Guest()
	b.Raw(asm.Custom, asm.Seq(asm.Name("name"), 1, asm.U(10), asm.Vec(asm.Seq(6, asm.Name("one")), asm.Seq(7, asm.Name("two")))[:10]))
	code := b.Bytes()
	var first []byte
	for range 3 {
		m, err := module.Parse(code)
		if err != nil {
			t.Fatal(err)
		}
		out := m.Rewrite().Code
		if first == nil {
			first = out
		}
		if string(out) != string(first) {
			t.Fatal("two rewrites differ")
		}
	}
}
