package native_test

import (
	"testing"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/runtimetest"
	"github.com/aionrun/aion/ports/runtimetest/workflows"
)

func TestConformance(t *testing.T) {
	again := func(t *testing.T, rt ports.Runtime) ports.Program {
		p, err := rt.Load(t.Context(), model.NativePackage, nil)
		if err != nil {
			t.Error(err)
		}
		return p
	}
	runtimetest.Run(t, runtimetest.Harness{
		Open: func(t *testing.T, _ bool) (ports.Runtime, ports.Program) {
			rt := native.New(workflows.Workflows()...)
			return rt, again(t, rt)
		},
		Again: again,
	})
}
