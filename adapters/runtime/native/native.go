package native

import (
	"context"
	"sync/atomic"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	_ ports.Runtime  = (*Runtime)(nil)
	_ ports.Program  = (*Program)(nil)
	_ ports.Instance = (*instance)(nil)
)

// Runtime gives instances of workflow code that is linked into this process. Safe for concurrent use.
type Runtime struct {
	programs map[model.PackageHash]*Program
}

// New makes a runtime whose package model.NativePackage has these workflows. Definitions that cannot be (none, two of one name) are
// reported by Load.
func New(defs ...workflow.Definition) *Runtime {
	return Of(NewProgram(model.NativePackage, defs...))
}

// Of makes a runtime of several programs, for tests that need two versions of code under two hashes. Of two with the same hash the last counts.
func Of(programs ...*Program) *Runtime {
	r := &Runtime{programs: map[model.PackageHash]*Program{}}
	for _, p := range programs {
		r.programs[p.hash] = p
	}
	return r
}

// Load gives the program of a hash; code must be empty. Errors: NotFound, InvalidInput.
func (r *Runtime) Load(_ context.Context, hash model.PackageHash, code []byte) (ports.Program, error) {
	p := r.programs[hash]
	switch {
	case len(code) > 0:
		return nil, fault.Invalidf("package %s has code to be loaded, but this runtime only runs code that is compiled into the process", hash).
			Hinted("use the wasm runtime for deployed packages")
	case p == nil:
		return nil, fault.NotFoundf("package %s is not compiled into this process", hash)
	case p.err != nil:
		return nil, fault.Wrap(fault.InvalidInput, p.err, "package %s", hash)
	}
	return p, nil
}

// Stats tells how many instances live and what they are estimated to hold.
func (r *Runtime) Stats() ports.RuntimeStats {
	var s ports.RuntimeStats
	for _, p := range r.programs {
		s.LiveInstances += p.live.Load()
		s.LiveBytes += p.bytes.Load()
	}
	return s
}

// Close does nothing: instances belong to those who made them.
func (r *Runtime) Close(context.Context) error { return nil }

// Program is a set of workflow definitions under one hash. Safe for concurrent use.
type Program struct {
	hash  model.PackageHash
	code  *guest.Program
	err   error
	live  atomic.Int64
	bytes atomic.Int64
}

// NewProgram makes a program, to be given to Of.
func NewProgram(hash model.PackageHash, defs ...workflow.Definition) *Program {
	code, err := guest.NewProgram(workflow.Guest(defs))
	return &Program{hash: hash, code: code, err: err}
}

// Hash is the program's hash.
func (p *Program) Hash() model.PackageHash { return p.hash }

// ImageHash is empty: native code has no image.
func (p *Program) ImageHash() string { return "" }

// Info lists the workflow types; activities, signals, queries and updates are those of the whole process.
func (p *Program) Info() ports.ProgramInfo {
	d := p.code.Describe()
	info := ports.ProgramInfo{SDK: d.SDK}
	for _, t := range d.Workflows {
		info.Workflows = append(info.Workflows, ports.WorkflowInfo{
			Type:       model.WorkflowType(t),
			Activities: names[model.ActivityType](d.Activities),
			Signals:    names[model.SignalName](d.Signals),
			Queries:    names[model.QueryName](d.Queries),
			Updates:    names[model.UpdateName](d.Updates),
		})
	}
	return info
}

func names[T ~string](in []string) []T {
	out := make([]T, len(in))
	for i, s := range in {
		out[i] = T(s)
	}
	return out
}

// New gives a fresh instance. The seed that counts is the one in the Started event.
func (p *Program) New(context.Context, [32]byte) (ports.Instance, error) {
	p.live.Add(1)
	i := &instance{program: p, code: p.code.NewInstance()}
	i.account()
	return i, nil
}

// Restore never finds anything.
func (p *Program) Restore(context.Context, ports.SnapshotKey, [32]byte) (ports.Instance, bool, error) {
	return nil, false, nil
}

// Forget does nothing.
func (p *Program) Forget(model.RunID) {}

type instance struct {
	program *Program
	code    *guest.Instance
	bytes   int64
	closed  bool
}

func (i *instance) account() {
	n := i.code.Size()
	i.program.bytes.Add(n - i.bytes)
	i.bytes = n
}

// Activate runs the code until it blocks. Limits and ctx are not looked at: native code cannot be interrupted.
func (i *instance) Activate(_ context.Context, a ports.Activation) (ports.ActivationResult, error) {
	if i.closed {
		return ports.ActivationResult{}, fault.Internalf("an instance was activated after it was closed")
	}
	i.code.Patches = a.Patched
	defer func() { i.code.Patches = nil }()
	i.code.Begin(a.Now.UnixNano())
	i.code.History(uint32(a.HistoryLength), a.HistoryBytes, a.SuggestContinue)
	for page := a.Events; len(page) > 0; {
		raw, _, rest, err := history.Split(page)
		if err != nil {
			return ports.ActivationResult{}, err
		}
		i.code.Apply(raw)
		page = rest
	}
	r := i.code.Run()
	i.account()
	if r.Panic != nil {
		return ports.ActivationResult{}, &ports.Trap{Which: ports.TrapPanic, Message: r.Panic.Message, Stack: r.Panic.Stack}
	}
	out := ports.ActivationResult{Commands: r.Commands}
	if a.Live && len(r.Logs) > 0 {
		out.Logs = make([]ports.LogLine, len(r.Logs))
		for k, l := range r.Logs {
			line := ports.LogLine{Level: l.Level, Message: l.Message}
			if len(l.Attrs) > 0 {
				line.Attrs = make(map[string]string, len(l.Attrs))
			}
			for _, e := range l.Attrs {
				line.Attrs[e.Key] = e.Value
			}
			out.Logs[k] = line
		}
	}
	return out, nil
}

// Query answers a query on this instance.
func (i *instance) Query(_ context.Context, q ports.Query) (model.Payload, error) {
	if i.closed {
		return model.Payload{}, fault.Internalf("an instance was queried after it was closed")
	}
	r := i.code.Query(string(q.Name), guest.Payload(q.Input))
	switch r.Kind {
	case guest.QueryUnknown:
		return model.Payload{}, fault.New(fault.UnknownQuery, "%s", r.Error)
	case guest.QueryFailed:
		return model.Payload{}, fault.New(fault.QueryFailed, "%s", r.Error)
	}
	return model.Payload(r.Output), nil
}

// Clone cannot be done.
func (i *instance) Clone(context.Context) (ports.Instance, bool, error) { return nil, false, nil }

// Hibernate cannot be done.
func (i *instance) Hibernate(context.Context, ports.SnapshotKey) (bool, error) { return false, nil }

// Digest is nil: native state cannot be read.
func (i *instance) Digest() []byte { return nil }

// Bytes is an estimate.
func (i *instance) Bytes() int64 { return i.bytes }

// Close ends the instance's coroutines.
func (i *instance) Close(context.Context) {
	if i.closed {
		return
	}
	i.closed = true
	i.code.Close()
	i.program.bytes.Add(-i.bytes)
	i.program.live.Add(-1)
	i.bytes = 0
}
