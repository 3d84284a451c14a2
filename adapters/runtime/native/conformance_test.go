package native_test

import (
	"context"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/runtimetest"
	"github.com/aionrun/aion/ports/runtimetest/workflows"
)

func TestConformance(t *testing.T) {
	load := func(t *testing.T, rt ports.Runtime) ports.Program {
		p, err := rt.Load(context.Background(), model.NativePackage, nil)
		if err != nil {
			t.Error(err)
		}
		return p
	}
	runtimetest.Run(t, runtimetest.Harness{
		Open: func(t *testing.T, _ bool) (ports.Runtime, ports.Program) {
			rt := native.New(workflows.Workflows()...)
			t.Cleanup(func() { _ = rt.Close(context.Background()) })
			return rt, load(t, rt)
		},
		Again: load,
	})
}
