package build

import (
	"go/ast"
	"go/token"
	"go/types"
)

// refusedCalls block the whole package instead of parking it, by the full name of the function.
var refusedCalls = map[string]string{
	"time.Sleep":             "use workflow.Sleep",
	"time.After":             "use workflow.NewTimer, or workflow.After in workflow.Select",
	"time.AfterFunc":         "use workflow.NewTimer in workflow.Go",
	"time.NewTimer":          "use workflow.NewTimer",
	"time.Tick":              "use workflow.Sleep in a loop",
	"time.NewTicker":         "use workflow.Sleep in a loop",
	"(*sync.WaitGroup).Wait": "use workflow.All, workflow.Map or workflow.Await",
	"(*sync.WaitGroup).Go":   "use workflow.Go, workflow.Async or workflow.Map",
	"(*sync.Cond).Wait":      "use workflow.Await",
}

// warnedCalls are made deterministic by the sandbox and by nothing in the native runtime.
var warnedCalls = map[string]string{
	"time.Now":   "use workflow.Now",
	"time.Since": "use workflow.Now",
	"time.Until": "use workflow.Now",
}

const warned = " (the sandbox makes it deterministic; the native runtime does not)"

// checkCall looks at a function that is mentioned.
func (w *walker) checkCall(pos token.Pos, f *types.Func) {
	name := f.Origin().FullName()
	if instead, ok := refusedCalls[name]; ok {
		w.refuse(pos, name, instead)
		return
	}
	if instead, ok := warnedCalls[name]; ok {
		w.warn(pos, name, instead+warned)
		return
	}
	if p := f.Pkg(); p != nil && f.Signature().Recv() == nil {
		switch p.Path() {
		case "math/rand", "math/rand/v2":
			if !isConstructor(f.Name()) {
				w.warn(pos, name, "use workflow.Rand"+warned)
			}
		case "crypto/rand":
			w.warn(pos, name, "use workflow.UUID or workflow.Rand; make secrets in activities"+warned)
		}
	}
}

// isConstructor says whether a function of math/rand makes a source that is seeded by its caller.
func isConstructor(name string) bool { return len(name) > 3 && name[:3] == "New" || name == "New" }

// lookRange handles a range statement: over a channel, or over a map with a body whose effect depends on the order.
func (w *walker) lookRange(n *ast.RangeStmt, info *types.Info) {
	t := info.TypeOf(n.X)
	if t == nil {
		return
	}
	switch t.Underlying().(type) {
	case *types.Chan:
		w.refuse(n.Pos(), "a range over a channel", "share a variable and wait with workflow.Await")
	case *types.Map, *types.Signature:
		if (isMap(t) || isMapIterator(n.X, info)) && hasEffects(n.Body, info) {
			w.warn(n.Pos(), "a range over a map that calls the workflow", "range over slices.Sorted(maps.Keys(m))"+warned)
		}
	}
}

func isMap(t types.Type) bool {
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// isMapIterator says whether an expression is a call of maps.Keys, maps.Values or maps.All.
func isMapIterator(x ast.Expr, info *types.Info) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := info.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() != "maps" {
		return false
	}
	return f.Name() == "Keys" || f.Name() == "Values" || f.Name() == "All"
}

// hasEffects says whether a body gives a workflow.Context to a call: what that does happens in the order of the iteration.
func hasEffects(body *ast.BlockStmt, info *types.Info) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return !found
		}
		for _, a := range call.Args {
			if t := info.TypeOf(a); t != nil && types.TypeString(types.Unalias(t), nil) == sdkPath+"/guest.Context" {
				found = true
			}
		}
		return !found
	})
	return found
}
