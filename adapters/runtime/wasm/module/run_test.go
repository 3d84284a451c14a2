package module_test

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/adapters/runtime/wasm/module"
)

// features are those of the ABI.
const features = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureBulkMemoryOperations

// compiles asks the engine's validator, in the interpreter, which is quick.
func compiles(code []byte) (err error) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	defer rt.Close(ctx)
	_, err = rt.CompileModule(ctx, code)
	return err
}

// machine runs a module, rewritten or not.
type machine struct {
	m      api.Module
	fuel   api.MutableGlobal
	left   int64 // not given to the module yet
	yields int
}

func (h *machine) give() {
	n := min(h.left, module.Slice)
	h.left -= n
	h.fuel.Set(uint64(int64(h.fuel.Get()) + n))
}

func (h *machine) used(total int64) int64 { return total - h.left - int64(h.fuel.Get()) }

type outOfFuel struct{}

func (outOfFuel) Error() string { return "out of fuel" }

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}

func start(t tester, code []byte, fuel int64) *machine {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	t.Cleanup(func() { rt.Close(ctx) })
	h := &machine{left: fuel}
	host := rt.NewHostModuleBuilder(module.HostModule)
	host.NewFunctionBuilder().WithFunc(func() {
		h.yields++
		if h.fuel == nil {
			return
		}
		h.give()
		if int64(h.fuel.Get()) <= 0 {
			panic(outOfFuel{})
		}
	}).Export(module.HostYield)
	host.NewFunctionBuilder().WithFunc(func(uint32, uint32) uint32 { return 0 }).Export(module.HostPatched)
	wasi := rt.NewHostModuleBuilder(module.WASIModule)
	for name, typ := range module.WASI {
		wasi.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), types(typ.Params), types(typ.Results)).Export(name)
	}
	for _, b := range []wazero.HostModuleBuilder{host, wasi} {
		if _, err := b.Instantiate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if h.m, err = rt.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions()); err != nil {
		t.Fatal(err)
	}
	if g := h.m.ExportedGlobal(module.ExportFuel); g != nil {
		h.fuel = g.(api.MutableGlobal)
		h.give()
	}
	return h
}

func types(ts []module.ValType) (out []api.ValueType) {
	for _, t := range ts {
		out = append(out, api.ValueType(t))
	}
	return out
}

// rewritten starts the rewritten form of a module.
func rewritten(t tester, b *asm.Builder, fuel int64) *machine {
	t.Helper()
	m, err := module.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r := m.Rewrite()
	h := start(t, r.Code, fuel)
	h.m.Memory().Grow(r.MinPages)
	for _, d := range r.Data {
		h.m.Memory().Write(d.Offset, d.Bytes)
	}
	return h
}

func (h *machine) call(e module.Entry, argument uint32) (uint64, error) {
	r, err := h.m.ExportedFunction(module.ExportCall).Call(context.Background(), uint64(e), uint64(argument))
	if err != nil {
		return 0, err
	}
	return r[0], nil
}
