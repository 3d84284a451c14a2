package wasm_test

import (
	"testing"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/runtimetest"
)

func TestConformance(t *testing.T) {
	for _, g := range []*guest{flow, conformance} {
		t.Run(g.name, func(t *testing.T) {
			if raceEnabled && g == conformance {
				t.Skip("the race detector makes compiling a guest take 20 s, and a second one shows it nothing new")
			}
			code, hash := g.load(t)
			runtimetest.Run(t, runtimetest.Harness{
				Open: func(t *testing.T, fresh bool) (ports.Runtime, ports.Program) {
					if !fresh {
						return g.shared(t)
					}
					rt := open(t, wasm.Options{})
					return rt, load(t, rt, code)
				},
				Again: func(t *testing.T, rt ports.Runtime) ports.Program {
					p, err := rt.Load(t.Context(), hash, nil)
					if err != nil {
						t.Error(err)
					}
					return p
				},
				Clones: true, Hibernates: true, Sandboxed: true, OwnsInstances: true,
			})
		})
	}
}
