package build

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// Finding is something in workflow code that does not belong there.
type Finding struct {
	Position string   // file:line
	What     string   // e.g. "time.Sleep"
	Instead  string   // what to do
	Path     []string // how Workflows reaches it: functions and package variables
	Refused  bool     // false: a warning

	at token.Position
}

// String is the finding for people, in two lines.
func (f Finding) String() string {
	return f.Position + ": " + f.What + ": " + f.Instead + "\n    " + strings.Join(f.Path, " → ")
}

// judge gives the warnings, or an error that lists everything that is refused.
func judge(all []Finding, strict bool) (warnings []Finding, err error) {
	var refused []string
	for _, f := range all {
		if f.Refused || strict {
			refused = append(refused, f.String())
		} else {
			warnings = append(warnings, f)
		}
	}
	if len(refused) > 0 {
		return nil, fault.Invalidf("workflow code must not do this:\n%s", strings.Join(refused, "\n"))
	}
	return warnings, nil
}

// walker follows everything that Workflows can reach: whatever a function mentions counts as called, and so does each method of a
// type that it mentions which an interface call can mean. That finds too much rather than too little.
type walker struct {
	*code
	seen    map[types.Object]bool
	from    map[types.Object]types.Object
	queue   []types.Object
	types   map[*types.Named]types.Object // mentioned types, by whom
	calls   map[string][]*types.Interface // methods called through an interface
	pkgs    map[*types.Package]bool
	current types.Object
	out     []Finding
}

// calledOutside are the methods that the standard library calls through its interfaces.
var calledOutside = []string{"String", "Error", "GoString", "Format", "Is", "As", "Unwrap", "MarshalJSON", "UnmarshalJSON", "MarshalText",
	"UnmarshalText", "Len", "Less", "Swap", "Push", "Pop", "Read", "Write", "Close", "Scan"}

// vet finds what does not belong into workflow code, in the order of the source.
func (c *code) vet() ([]Finding, error) {
	w := &walker{code: c, seen: map[types.Object]bool{}, from: map[types.Object]types.Object{}, types: map[*types.Named]types.Object{},
		calls: map[string][]*types.Interface{}, pkgs: map[*types.Package]bool{}}
	for _, m := range calledOutside {
		w.calls[m] = []*types.Interface{nil}
	}
	w.reach(c.root)
	for len(w.queue) > 0 {
		for len(w.queue) > 0 {
			w.current, w.queue = w.queue[0], w.queue[1:]
			d := w.decls[w.current]
			ast.Inspect(d.node, func(n ast.Node) bool { w.look(n, d.info); return true })
		}
		w.dispatch()
	}
	slices.SortStableFunc(w.out, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Line, b.at.Line))
	})
	return w.out, nil
}

// reach adds what the current function mentions.
func (w *walker) reach(o types.Object) {
	switch f := o.(type) {
	case *types.Func:
		o = f.Origin()
	case *types.Var:
		o = f.Origin()
	}
	if _, ok := w.decls[o]; !ok || w.seen[o] {
		return
	}
	w.seen[o] = true
	w.from[o] = w.current
	w.queue = append(w.queue, o)
	if p := o.Pkg(); !w.pkgs[p] {
		w.pkgs[p] = true
		for _, f := range w.inits[p] {
			w.seen[f] = true
			w.from[f] = o
			w.queue = append(w.queue, f)
		}
	}
}

// look handles one node of a reached function.
func (w *walker) look(n ast.Node, info *types.Info) {
	switch n := n.(type) {
	case *ast.Ident:
		w.mention(n, info)
	case *ast.SelectorExpr:
		if s := info.Selections[n]; s != nil {
			w.mentionType(s.Recv())
			if i, ok := s.Recv().Underlying().(*types.Interface); ok {
				w.calls[n.Sel.Name] = append(w.calls[n.Sel.Name], i)
			}
		}
	case *ast.GoStmt:
		w.refuse(n.Pos(), "a go statement", "start coroutines with workflow.Go")
	case *ast.SelectStmt:
		w.refuse(n.Pos(), "a select statement", "use workflow.Select")
	case *ast.SendStmt:
		w.refuse(n.Pos(), "a channel send", "share a variable and wait with workflow.Await")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			w.refuse(n.Pos(), "a channel receive", "share a variable and wait with workflow.Await")
		}
	case *ast.RangeStmt:
		w.lookRange(n, info)
	case ast.Expr:
		if t, ok := info.Types[n]; ok {
			w.mentionType(t.Type)
		}
	}
}

func (w *walker) mention(id *ast.Ident, info *types.Info) {
	switch o := info.Uses[id].(type) {
	case *types.Func:
		w.checkCall(id.Pos(), o)
		w.reach(o)
	case *types.Var:
		w.mentionType(o.Type())
		if o.Pkg() != nil && o.Parent() == o.Pkg().Scope() {
			w.reach(o)
		}
	case *types.TypeName:
		w.mentionType(o.Type())
	}
	if inst, ok := info.Instances[id]; ok {
		for t := range inst.TypeArgs.Types() {
			w.mentionType(t)
		}
	}
}

// mentionType notes a type and those that it is made of: a value of theirs may meet an interface.
func (w *walker) mentionType(t types.Type) {
	switch t := t.(type) {
	case *types.Alias:
		w.mentionType(types.Unalias(t))
	case *types.Pointer:
		w.mentionType(t.Elem())
	case *types.Slice:
		w.mentionType(t.Elem())
	case *types.Array:
		w.mentionType(t.Elem())
	case *types.Map:
		w.mentionType(t.Key())
		w.mentionType(t.Elem())
	case *types.Struct:
		for f := range t.Fields() {
			w.mentionType(f.Type())
		}
	case *types.Named:
		if _, ok := w.types[t]; ok || t.Obj().Pkg() == nil || w.info[t.Obj().Pkg()] == nil {
			return
		}
		w.types[t] = w.current
		for a := range t.TypeArgs().Types() {
			w.mentionType(a)
		}
		w.mentionType(t.Underlying())
	}
}

// dispatch reaches the methods that calls through interfaces may mean.
func (w *walker) dispatch() {
	named := make([]*types.Named, 0, len(w.types))
	for t := range w.types {
		named = append(named, t)
	}
	slices.SortFunc(named, func(a, b *types.Named) int {
		return strings.Compare(types.TypeString(a, nil), types.TypeString(b, nil))
	})
	for _, t := range named {
		if types.IsInterface(t) {
			continue
		}
		w.current = w.types[t]
		for s := range types.NewMethodSet(types.NewPointer(t)).Methods() {
			f, ok := s.Obj().(*types.Func)
			if ok && slices.ContainsFunc(w.calls[f.Name()], func(i *types.Interface) bool {
				return i == nil || types.Implements(types.NewPointer(t), i)
			}) {
				w.reach(f)
			}
		}
	}
}

func (w *walker) refuse(pos token.Pos, what, instead string) { w.add(pos, what, instead, true) }
func (w *walker) warn(pos token.Pos, what, instead string)   { w.add(pos, what, instead, false) }

func (w *walker) add(pos token.Pos, what, instead string, refused bool) {
	var path []string
	for o := w.current; o != nil; o = w.from[o] {
		path = append(path, w.name(o))
	}
	slices.Reverse(path)
	w.out = append(w.out, Finding{Position: w.position(pos), What: what, Instead: instead, Path: path, Refused: refused, at: w.fset.Position(pos)})
}

// name is a function or variable for people, with its package where that is another one.
func (w *walker) name(o types.Object) string {
	name := o.Name()
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		name = "(" + types.TypeString(f.Signature().Recv().Type(), func(*types.Package) string { return "" }) + ")." + name
	}
	if o.Pkg() != w.self {
		name = o.Pkg().Path() + "." + name
	}
	return name
}
