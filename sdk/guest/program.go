package guest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// A Workflow is one workflow type without its Go types.
type Workflow struct {
	Type string
	Run  func(ctx Context, input Payload) (Payload, error)
}

// A Program is a set of workflow types. It is not changed after it was made and safe for concurrent use.
type Program struct{ workflows map[string]*Workflow }

// NewProgram makes a Program. It refuses an empty set, a type without a name, and two of the same name.
func NewProgram(ws []*Workflow) (*Program, error) {
	p := &Program{workflows: map[string]*Workflow{}}
	if len(ws) == 0 {
		return nil, errors.New("the package has no workflow; Workflows() must list at least one")
	}
	for _, w := range ws {
		switch {
		case w == nil || w.Run == nil:
			return nil, errors.New("Workflows() lists a zero workflow; make it with workflow.Define")
		case w.Type == "":
			return nil, errors.New("a workflow has no name; give workflow.Define one")
		case p.workflows[w.Type] != nil:
			return nil, fmt.Errorf("two workflows have the name %q", w.Type)
		}
		p.workflows[w.Type] = w
	}
	return p, nil
}

// NewInstance gives the code of a run that has not begun.
func (p *Program) NewInstance() *Instance { return &Instance{program: p} }

func (p *Program) types() []string { return slices.Sorted(maps.Keys(p.workflows)) }

// Description lists what a package declares, each list in order. Signals, queries, updates and activities are those of the whole program that it is linked into.
type Description struct {
	Workflows  []string
	Signals    []string
	Queries    []string
	Activities []string
	Updates    []string
	SDK        string
}

// Describe lists what the program declares.
func (p *Program) Describe() Description {
	return Description{
		Workflows:  p.types(),
		Signals:    declared.list(DeclaredSignal),
		Queries:    declared.list(DeclaredQuery),
		Activities: declared.list(DeclaredActivity),
		Updates:    declared.list(DeclaredUpdate),
		SDK:        SDK,
	}
}

// DeclaredKind says what a declared name is the name of.
type DeclaredKind uint8

// The kinds of declared names.
const (
	DeclaredSignal DeclaredKind = iota
	DeclaredQuery
	DeclaredActivity
	DeclaredUpdate
)

// declared holds the names that package variables declare while the program is initialised, for Describe only.
var declared registry

type registry struct {
	mu    sync.Mutex
	names [4]map[string]bool
}

// Declare notes a name for the package's description.
func Declare(kind DeclaredKind, name string) {
	declared.mu.Lock()
	defer declared.mu.Unlock()
	if declared.names[kind] == nil {
		declared.names[kind] = map[string]bool{}
	}
	declared.names[kind][name] = true
}

func (r *registry) list(kind DeclaredKind) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.names[kind]))
}
