package module_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/adapters/runtime/wasm/module"
)

// gen writes random code that ends: structured blocks, counted loops, stores, bulk operations of every size and overlap, calls.
type gen struct {
	t     *rapid.T
	fuel  int // instructions that may still be written
	loops int
	depth int
	calls []uint32
}

func (g *gen) address(max int) asm.Code {
	return asm.I32(int32(rapid.IntRange(0, max).Draw(g.t, "address")))
}

func (g *gen) value() asm.Code {
	switch rapid.IntRange(0, 2).Draw(g.t, "value") {
	case 0:
		return asm.I32(rapid.Int32().Draw(g.t, "number"))
	case 1:
		return asm.Get(rapid.IntRange(0, 3).Draw(g.t, "local"))
	}
	return asm.Seq(g.address(1<<16), asm.Load32(0))
}

func (g *gen) code() (c asm.Code) {
	for g.fuel > 0 {
		g.fuel--
		switch rapid.IntRange(0, 11).Draw(g.t, "kind") {
		case 0:
			return c
		case 1:
			c = asm.Seq(c, g.value(), asm.Set(rapid.IntRange(0, 3).Draw(g.t, "local")))
		case 2, 3:
			c = asm.Seq(c, g.address(1<<18), g.value(), asm.Store32(0))
		case 4:
			c = asm.Seq(c, asm.Fill(g.address(1<<18), g.value(), g.address(1<<18)))
		case 5:
			c = asm.Seq(c, asm.Copy(g.address(1<<18), g.address(1<<18), g.address(1<<18)))
		case 6:
			c = asm.Seq(c, g.value(), asm.If(g.inner()))
		case 7:
			c = asm.Seq(c, g.value(), 0x04, 0x40, g.inner(), asm.Else, g.inner(), asm.End)
		case 8:
			c = asm.Seq(c, asm.Block(g.inner()))
		case 9:
			if g.loops > 0 {
				g.loops--
				n := 4 + g.loops // a counter of its own
				c = asm.Seq(c, asm.I32(3), asm.Set(n), asm.Loop(asm.Block(g.inner()), asm.Get(n), asm.I32(1), asm.I32Sub, asm.Tee(n), asm.BrIf(0)))
			}
		case 10:
			if g.depth > 0 {
				c = asm.Seq(c, g.value(), asm.I32(7), asm.I32And, asm.I32Eqz, asm.BrIf(0))
			}
		case 11:
			if len(g.calls) > 0 {
				c = asm.Seq(c, asm.Call(rapid.SampledFrom(g.calls).Draw(g.t, "callee")))
			}
		}
	}
	return c
}

func (g *gen) inner() asm.Code {
	loops := g.loops
	g.depth++
	defer func() { g.depth--; g.loops = min(g.loops, loops) }()
	return g.code()
}

// Metering changes nothing that the guest can see: random code leaves the same memory behind with and without it, and uses the same fuel
// every time.
func TestSameWork(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := asm.Guest()
		b.Memory(asm.Seq(0, 6)) // 384 KiB: bulk operations go beyond it now and then
		var calls []uint32
		for range rapid.IntRange(0, 2).Draw(rt, "functions") {
			g := &gen{t: rt, fuel: 12, loops: 1, calls: calls}
			calls = append(calls, b.Func("", ":", "iiiiii", g.code()))
		}
		g := &gen{t: rt, fuel: 30, loops: 2, calls: calls}
		b.Func("aion_activate", "i:l", "iiiiiiii", g.code(), asm.Span(asm.Answer, 0))

		plain := start(rt, b.Bytes(), 0)
		_, wantErr := plain.m.ExportedFunction("aion_activate").Call(context.Background(), 0)
		var used [2]int64
		for i := range used {
			h := rewritten(rt, b, plenty)
			_, err := h.call(module.EntryActivate, 0)
			if (err == nil) != (wantErr == nil) {
				rt.Fatalf("metered: %v\nplain: %v", err, wantErr)
			}
			have, _ := h.m.Memory().Read(0, h.m.Memory().Size())
			want, _ := plain.m.Memory().Read(0, plain.m.Memory().Size())
			if string(have) != string(want) {
				rt.Fatal("metered code left another memory behind")
			}
			used[i] = h.used(plenty)
		}
		if used[0] != used[1] {
			rt.Fatalf("used %d units, then %d", used[0], used[1])
		}
	})
}
