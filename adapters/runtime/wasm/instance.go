package wasm

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Instance implements ports.Instance. It is confined to one goroutine at a time; the mutex is for the runtime's Close.
type Instance struct {
	program *Program

	mu      sync.Mutex
	space   space // nil when closed
	globals []uint64
	entropy *entropy
	now     int64                // of the last activation: what a query sees
	patched func(id string) bool // of the present activation
	broken  bool                 // a call failed: nothing but Close is left

	input             []byte // buffer
	bytes             int64  // as counted in the runtime's liveBytes
	unmeasured, calls int64

	warm *list.Element // guarded by the runtime's warm
}

// instanceBytes is what an instance costs beside its memory: page tables, kernel mappings, this struct.
const instanceBytes = 12 << 10

// New implements ports.Program. Errors: Overloaded when there is no room for another instance, Draining.
func (p *Program) New(_ context.Context, seed [32]byte) (ports.Instance, error) {
	i, err := p.make(newEntropy(seed), func(i *Instance) error {
		i.globals = slices.Clone(p.globals)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

// make gives an instance in the state of the image; fill completes it. While it is made the runtime knows it already, so that Close waits.
func (p *Program) make(e *entropy, fill func(i *Instance) error) (*Instance, error) {
	i := &Instance{program: p, entropy: e}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := p.runtime.add(i); err != nil {
		return nil, err
	}
	space, bytes, err := p.image.space(p.reserve(), &p.runtime.spare)
	if err == nil {
		i.space = space
		i.count(instanceBytes + bytes)
		err = fill(i)
	}
	if err != nil {
		i.discard()
		return nil, err
	}
	return i, nil
}

// reserve is how large an instance's memory may ever become.
func (p *Program) reserve() uint64 {
	return uint64(min(memoryHeadroom*p.runtime.options.MemoryBytes, maxMemoryBytes))
}

// count notes what the instance costs now.
func (i *Instance) count(bytes int64) {
	i.program.runtime.liveBytes.Add(bytes - i.bytes)
	i.bytes = bytes
}

// measure counts the pages that differ from the image.
func (i *Instance) measure() {
	i.unmeasured = 0
	i.count(instanceBytes + i.space.cost())
}

// measureAfter decides whether to count again after a call: counting takes microseconds. Writing much takes much fuel, and an instance that
// does little at each of many calls grows slowly, so that it is counted after 1, 2, 4, 8, … of them.
func (i *Instance) measureAfter(fuel int64) {
	const much = 4096
	i.calls++
	if i.unmeasured += fuel; i.unmeasured >= much || i.calls&(i.calls-1) == 0 {
		i.measure()
	}
}

// discard gives everything back; the caller holds the mutex.
func (i *Instance) discard() {
	i.program.runtime.remove(i)
	i.program.runtime.warm.drop(i)
	i.count(0)
	if i.space != nil {
		i.space.close()
		i.space = nil
	}
	i.broken = true
}

// Close implements ports.Instance.
func (i *Instance) Close(context.Context) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.space != nil {
		i.discard()
	}
}

// usable says why an instance cannot be used.
func (i *Instance) usable() error {
	switch {
	case i.space == nil:
		return fault.Internalf("an instance of workflow code was used after it was closed")
	case i.broken:
		return fault.Internalf("an instance of workflow code was used after it failed")
	}
	return nil
}

// Bytes implements ports.Instance.
func (i *Instance) Bytes() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.space != nil && i.unmeasured > 0 {
		i.measure()
	}
	return i.bytes
}

// Activate implements ports.Instance.
func (i *Instance) Activate(ctx context.Context, a ports.Activation) (ports.ActivationResult, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.usable(); err != nil {
		return ports.ActivationResult{}, err
	}
	input, err := appendActivation(i.input[:0], &a)
	if i.input = input; err != nil {
		return ports.ActivationResult{}, err
	}
	i.now, i.patched = a.Now.UnixNano(), a.Patched
	defer func() { i.patched = nil }()
	var result ports.ActivationResult
	fuel, err := i.call(ctx, module.EntryActivate, a.Limits, func(answer []byte) error {
		var trap *ports.Trap
		if result, trap, err = decodeActivation(answer, a.Live); err != nil {
			return protocol("the answer to an activation %v", err)
		}
		if trap != nil {
			return trap
		}
		return nil
	})
	if err != nil {
		return ports.ActivationResult{}, err
	}
	result.FuelUsed = fuel
	return result, nil
}

// Query implements ports.Instance.
func (i *Instance) Query(ctx context.Context, q ports.Query) (model.Payload, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.usable(); err != nil {
		return model.Payload{}, err
	}
	i.input = appendQuery(i.input[:0], string(q.Name), q.Input)
	var out model.Payload
	var failure error
	_, err := i.call(ctx, module.EntryQuery, q.Limits, func(answer []byte) (err error) {
		if out, failure, err = decodeQuery(answer); err != nil {
			return protocol("the answer to a query %v", err)
		}
		return nil
	})
	if err != nil {
		return model.Payload{}, err
	}
	return out, failure
}

// keptInput is how large a buffer an instance keeps for its next input.
const keptInput = 4 << 10

// call calls an entry with i.input and hands its answer to decode. After an error the instance is broken.
func (i *Instance) call(ctx context.Context, entry module.Entry, limits ports.Limits, decode func(answer []byte) error) (fuel int64, err error) {
	p, r := i.program, i.program.runtime
	i.broken = true
	done, err := r.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	l, err := p.takeLane(ctx)
	if err != nil {
		return 0, err
	}
	answer, fuel, err := l.run(ctx, &request{
		entry: entry, input: i.input, memory: i.space, globals: i.globals, entropy: i.entropy, now: i.now, patched: i.patched,
		limits: r.bound(limits), guest: p.maxBytes, closing: r.ctx.Done(),
	})
	p.giveLane(ctx, l, err == nil)
	r.warm.touch(i)
	r.fuelled.Add(fuel)
	if cap(i.input) > keptInput {
		i.input = nil
	}
	if err != nil {
		return fuel, err
	}
	b, err := spanOf(i.space, entry, answer, maxAnswerBytes)
	if err == nil {
		err = decode(b)
	}
	if err != nil {
		return fuel, err
	}
	i.broken = false
	i.measureAfter(fuel)
	return fuel, nil
}

// bound puts the runtime's own limits in the place of those that are not named.
func (r *Runtime) bound(l ports.Limits) ports.Limits {
	if l.MemoryBytes <= 0 {
		l.MemoryBytes = r.options.MemoryBytes
	}
	l.MemoryBytes = min(l.MemoryBytes, memoryHeadroom*r.options.MemoryBytes, maxMemoryBytes)
	return l
}

// Clone implements ports.Instance: only the pages that differ from the image are copied.
func (i *Instance) Clone(context.Context) (ports.Instance, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.usable(); err != nil {
		return nil, false, err
	}
	c, err := i.program.make(i.entropy.clone(), func(c *Instance) error {
		c.globals, c.now = slices.Clone(i.globals), i.now
		if err := c.space.grow(uint64(len(i.space.bytes()))); err != nil {
			return err
		}
		to, bytes := c.space.bytes(), int64(0)
		err := i.space.changed(func(page uint32, content []byte) error {
			bytes += int64(copy(to[int(page)*pageBytes:], content))
			return nil
		})
		c.count(max(c.bytes, instanceBytes+bytes))
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return c, true, nil
}

// Digest implements ports.Instance: SHA-256 of the memory, the globals and the position of the entropy.
func (i *Instance) Digest() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.usable() != nil {
		return nil
	}
	h := sha256.New()
	h.Write(i.space.bytes())
	var b []byte
	for _, g := range i.globals {
		b = binary.LittleEndian.AppendUint64(b, g)
	}
	h.Write(binary.LittleEndian.AppendUint64(b, i.entropy.position))
	return h.Sum(nil)
}
