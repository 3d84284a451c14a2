package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Program implements ports.Program: a compiled package with its image. Safe for concurrent use.
type Program struct {
	runtime  *Runtime
	hash     model.PackageHash
	info     ports.ProgramInfo
	compiled wazero.CompiledModule
	mutable  []int // the guest's mutable globals
	maxBytes int64 // of memory, as the guest declares
	laneCost int64

	imageHash string
	image     *backing
	globals   []uint64 // what they hold in the image

	mu    sync.Mutex
	lanes []*lane // idle ones; as many as there are turns at most
}

// What a lane costs in memory, for Stats: wazero keeps a reference, an entry and a pointer for each function in the table, and a stack.
const (
	laneBytes        = 24 << 10
	laneElementBytes = 48
)

// bakeFuel bounds what a package may compute while it is initialised: some seconds.
const bakeFuel = 200_000_000

// prepare makes a program out of a package's code.
func (r *Runtime) prepare(hash model.PackageHash, code []byte) (*Program, error) {
	parsed, err := module.Parse(code)
	if err != nil {
		return nil, err
	}
	runnable := parsed.Rewrite()
	if need := int64(runnable.MinPages) * module.PageBytes; need > r.options.MemoryBytes {
		return nil, fault.Invalidf("the package's memory begins with %d bytes; at most %d are allowed", need, r.options.MemoryBytes)
	}
	compiled, err := r.compileModule(runnable.Code)
	if err != nil {
		return nil, err
	}
	p := &Program{
		runtime: r, hash: hash, compiled: compiled, mutable: runnable.Globals,
		maxBytes: int64(runnable.MaxPages) * module.PageBytes,
		laneCost: laneBytes + laneElementBytes*int64(runnable.Elements),
	}
	if err := p.bake(runnable); err != nil {
		p.close(r.ctx)
		return nil, err
	}
	r.liveBytes.Add(p.image.cost)
	return p, nil
}

// compileModule compiles the rewritten module, from the disk cache where it is there.
func (r *Runtime) compileModule(code []byte) (wazero.CompiledModule, error) {
	select {
	case r.compile <- struct{}{}:
		defer func() { <-r.compile }()
	case <-r.ctx.Done():
		return nil, errClosed()
	}
	compiled, err := compileSafely(r.ctx, r.engine, code)
	if err == nil {
		return compiled, nil
	}
	// Either the module is wrong or the cached machine code is damaged. Without the cache only the first can be.
	plain := wazero.NewRuntimeWithConfig(r.ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false))
	defer func() { _ = plain.Close(r.ctx) }()
	if _, again := compileSafely(r.ctx, plain, code); again != nil {
		return nil, fault.Wrap(fault.InvalidInput, again, "the WebAssembly module does not pass validation").
			Hinted("build the package with `aion build`")
	}
	dir := filepath.Join(r.options.CacheDir, compiledDir)
	r.log.Warn("the cache of compiled workflow code is damaged and is made anew", "dir", dir, "error", err)
	if err := emptyDir(dir); err != nil {
		return nil, cacheFault(err, dir)
	}
	if compiled, err = compileSafely(r.ctx, r.engine, code); err != nil {
		return nil, cacheFault(err, dir)
	}
	return compiled, nil
}

// compileSafely turns a panic of the compiler, which would be a defect that an upload found, into an error.
func compileSafely(ctx context.Context, engine wazero.Runtime, code []byte) (compiled wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler failed: %v", p)
		}
	}()
	return engine.CompileModule(ctx, code)
}

// emptyDir removes the files in the folders of dir, and leaves the folders.
func emptyDir(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, f := range files {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// bake initialises the package and makes the image (D-1): clock zero, entropy from the package's hash alone, and this order of calls:
// _initialize, aion_abi_v1, aion_describe. Whoever changes anything here makes version 2 of the image.
func (p *Program) bake(runnable *module.Runnable) error {
	r := p.runtime
	done, err := r.turn(r.ctx)
	if err != nil {
		return err
	}
	defer done()
	l, err := newLane(r.ctx, r.engine, p.compiled, p.mutable)
	if err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the package cannot be instantiated")
	}
	defer l.close(r.ctx)
	mem := &heapMemory{make([]byte, int(runnable.MinPages)*module.PageBytes)}
	for _, d := range runnable.Data {
		copy(mem.b[d.Offset:], d.Bytes)
	}
	p.globals = make([]uint64, len(l.globals))
	for i, g := range l.globals {
		p.globals[i] = g.Get()
	}
	req := request{
		memory: mem, globals: p.globals, entropy: newEntropy(imageSeed(p.hash)), guest: p.maxBytes,
		limits: ports.Limits{Fuel: bakeFuel, MemoryBytes: r.options.MemoryBytes}, closing: r.ctx.Done(),
	}
	enter := func(e module.Entry, doing string) (answer uint64, err error) {
		req.entry = e
		answer, fuel, err := l.run(r.ctx, &req)
		r.fuelled.Add(fuel)
		var trap *ports.Trap
		if errors.As(err, &trap) {
			err = fault.Invalidf("%s did not end: %s: %s", doing, trap.Which, trap.Message).Hinted("package initialisation must be short and plain; do the work in a workflow")
		}
		return answer, err
	}
	if _, err := enter(module.EntryInitialize, "the package's initialisation"); err != nil {
		return err
	}
	if v, err := enter(module.EntryVersion, "asking for the ABI's version"); err != nil || v != 1 {
		return firstError(err, fault.Invalidf("the package follows version %d of the guest ABI; this server knows version 1", v))
	}
	answer, err := enter(module.EntryDescribe, "describing the package")
	if err != nil {
		return err
	}
	b, err := spanOf(mem, module.EntryDescribe, answer, maxAnswerBytes)
	if err == nil {
		p.info, err = decodeDescription(b)
	}
	if err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the description of the package is not one").Hinted("build the package with `aion build`")
	}
	if p.image, err = newBacking(mem.b); err != nil {
		return err
	}
	p.imageHash = hashImage(p.hash, mem.b, p.globals)
	return nil
}

// hashImage identifies an image: the package, the memory and the mutable globals.
func hashImage(hash model.PackageHash, memory []byte, globals []uint64) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "aion image v1\n%s\n%d\n", hash, len(memory))
	h.Write(memory)
	var b []byte
	for _, g := range globals {
		b = binary.LittleEndian.AppendUint64(b, g)
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// Hash implements ports.Program.
func (p *Program) Hash() model.PackageHash { return p.hash }

// ImageHash implements ports.Program.
func (p *Program) ImageHash() string { return p.imageHash }

// Info implements ports.Program.
func (p *Program) Info() ports.ProgramInfo { return p.info }

// takeLane gives a lane to the holder of a turn.
func (p *Program) takeLane(ctx context.Context) (*lane, error) {
	p.mu.Lock()
	if n := len(p.lanes); n > 0 {
		l := p.lanes[n-1]
		p.lanes = p.lanes[:n-1]
		p.mu.Unlock()
		return l, nil
	}
	p.mu.Unlock()
	l, err := newLane(ctx, p.runtime.engine, p.compiled, p.mutable)
	if err != nil {
		return nil, fault.Wrap(fault.Overloaded, err, "no lane for workflow code could be made")
	}
	p.runtime.liveBytes.Add(p.laneCost)
	return l, nil
}

// giveLane takes a lane back, before the turn is given back; after a failed call it is thrown away.
func (p *Program) giveLane(ctx context.Context, l *lane, healthy bool) {
	if !healthy {
		p.runtime.liveBytes.Add(-p.laneCost)
		l.close(ctx)
		return
	}
	p.mu.Lock()
	p.lanes = append(p.lanes, l)
	p.mu.Unlock()
}

// close discards lanes, image and code, once no instance is left.
func (p *Program) close(ctx context.Context) {
	p.mu.Lock()
	lanes := p.lanes
	p.lanes = nil
	p.mu.Unlock()
	for _, l := range lanes {
		p.giveLane(ctx, l, false)
	}
	if p.image != nil {
		p.runtime.liveBytes.Add(-p.image.cost)
		p.image.close()
	}
	_ = p.compiled.Close(ctx)
}
