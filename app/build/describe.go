package build

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// describeTimeout bounds the package's initialisation, which is the user's code.
const describeTimeout = time.Minute

type description struct {
	abi        int
	sdk        string
	workflows  []archive.Workflow
	activities []model.ActivityType
}

// describe initialises the module, without clock, files or entropy, and asks it what it declares.
func describe(ctx context.Context, module []byte) (description, error) {
	ctx, stop := context.WithTimeout(ctx, describeTimeout)
	defer stop()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCloseOnContextDone(true))
	defer func() { _ = rt.Close(context.WithoutCancel(ctx)) }()
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	if _, err := rt.NewHostModuleBuilder("aion").NewFunctionBuilder().WithFunc(func() {}).Export("yield").NewFunctionBuilder().WithFunc(func(_, _ uint32) uint32 { return 0 }).Export("patched").Instantiate(ctx); err != nil {
		return description{}, fault.Wrap(fault.Internal, err, "the sandbox cannot be made")
	}
	var stderr tail
	m, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithStderr(&stderr).WithStdout(&stderr))
	if err != nil {
		return description{}, failed(err, &stderr)
	}
	var d description
	r, err := m.ExportedFunction("aion_abi_v1").Call(ctx)
	if err != nil {
		return d, failed(err, &stderr)
	}
	d.abi = int(int32(r[0]))
	if r, err = m.ExportedFunction("aion_describe").Call(ctx); err != nil {
		return d, failed(err, &stderr)
	}
	b, ok := m.Memory().Read(uint32(r[0]>>32), uint32(r[0]))
	if !ok || !d.decode(b) {
		return d, fault.Internalf("the package's description is damaged")
	}
	return d, nil
}

func failed(err error, stderr *tail) error {
	if len(stderr.b) > 0 {
		return fault.Invalidf("the package fails when it is initialised:\n%s", stderr.b)
	}
	return fault.Wrap(fault.InvalidInput, err, "the package fails when it is initialised")
}

// tail keeps the first 16 KiB of what is written.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p[:min(len(p), 16<<10-len(t.b))]...)
	return len(p), nil
}

// decode reads a Description of the guest ABI.
func (d *description) decode(b []byte) bool {
	ok := fields(b, func(num uint64, v []byte) bool {
		switch num {
		case 1:
			var w archive.Workflow
			ok := fields(v, func(num uint64, v []byte) bool {
				switch num {
				case 1:
					w.Type = model.WorkflowType(v)
				case 2:
					w.Signals = append(w.Signals, model.SignalName(v))
				case 3:
					w.Queries = append(w.Queries, model.QueryName(v))
				}
				return true
			})
			d.workflows = append(d.workflows, w)
			return ok
		case 2:
			d.sdk = string(v)
		case 3:
			d.activities = append(d.activities, model.ActivityType(v))
		}
		return true
	})
	return ok && len(d.workflows) > 0
}

// fields walks the length-delimited fields of a message; the description has no others.
func fields(b []byte, fn func(num uint64, v []byte) bool) bool {
	for c := (cursor{b: b}); len(c.b) > 0; {
		key := c.num()
		v := c.take(c.num())
		if c.bad || key&7 != 2 || !fn(key>>3, v) {
			return false
		}
	}
	return true
}
