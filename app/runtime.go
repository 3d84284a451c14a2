package app

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// warmBytes is what idle instances may have mapped of their images beside runtime.cache_bytes, so that the resident size of the process stays near it.
const warmBytes = 160 << 20

// runtimes runs code of this process and deployed packages side by side. Either may be nil.
type runtimes struct {
	native ports.Runtime
	wasm   ports.Runtime
}

var _ ports.Runtime = runtimes{}

// Load gives model.NativePackage to the native runtime and everything else to the other.
func (r runtimes) Load(ctx context.Context, hash model.PackageHash, code []byte) (ports.Program, error) {
	switch {
	case hash == model.NativePackage && r.native != nil:
		return r.native.Load(ctx, hash, code)
	case hash == model.NativePackage:
		return nil, fault.NotFoundf("no workflow is compiled into this server")
	case r.wasm == nil:
		return nil, fault.New(fault.Unimplemented, "this server does not run deployed packages")
	}
	return r.wasm.Load(ctx, hash, code)
}

// Stats adds up what both hold.
func (r runtimes) Stats() ports.RuntimeStats {
	var sum ports.RuntimeStats
	for _, one := range r.both() {
		s := one.Stats()
		sum.LiveInstances += s.LiveInstances
		sum.LiveBytes += s.LiveBytes
		sum.Hibernated += s.Hibernated
		sum.Restored += s.Restored
		sum.Dropped += s.Dropped
		sum.FuelUsed += s.FuelUsed
	}
	return sum
}

// Close closes both.
func (r runtimes) Close(ctx context.Context) error {
	var all []error
	for _, one := range r.both() {
		all = append(all, one.Close(ctx))
	}
	return errors.Join(all...)
}

func (r runtimes) both() []ports.Runtime {
	var out []ports.Runtime
	for _, one := range []ports.Runtime{r.native, r.wasm} {
		if one != nil {
			out = append(out, one)
		}
	}
	return out
}

// openRuntimes makes the runtimes of a server. undo gives back what they used beside themselves; it is called after their Close.
func openRuntimes(c config.Runtime, o Options, store ports.StoreInfo, log *slog.Logger) (r runtimes, undo func() error, err error) {
	undo = func() error { return nil }
	dir := c.CacheDir
	switch {
	case dir != "":
	case store.Durable && store.Shards <= 1:
		dir = store.Detail + "-cache" // one server at a time has the store, and so this folder
	default:
		if dir, err = os.MkdirTemp("", "aion-cache-"); err != nil {
			return r, undo, config.Fault("runtime.cache_dir", "%v", err)
		}
		undo = func() error { return os.RemoveAll(dir) }
	}
	w, err := wasm.New(wasm.Options{CacheDir: dir, HibernateBytes: c.CacheBytes, WarmBytes: min(c.CacheBytes, warmBytes), MemoryBytes: c.MemoryBytes, Logger: log})
	if err != nil {
		f := config.Fault("runtime.cache_dir", "%s", dir)
		f.Err = err
		return r, undo, errors.Join(f, undo())
	}
	r.wasm = w
	if len(o.Native) > 0 {
		r.native = native.New(o.Native...)
	}
	return r, undo, nil
}
