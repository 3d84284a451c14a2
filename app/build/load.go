package build

import (
	"context"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/aionrun/aion/domain/fault"
)

// maxErrors bounds how many of the compiler's errors are shown.
const maxErrors = 10

// code is the type-checked source of a package and of every package outside of the standard library and the SDK that it links.
type code struct {
	module  string   // path of the package's module
	modules []module // longest directory first
	fset    *token.FileSet
	self    *types.Package
	root    *types.Func // Workflows
	decls   map[types.Object]decl
	inits   map[*types.Package][]*types.Func
	info    map[*types.Package]*types.Info
}

// decl is where a function or a package variable gets what it does.
type decl struct {
	node ast.Node
	info *types.Info
}

// load type-checks the sources.
func (t *tree) load(ctx context.Context) (*code, error) {
	var paths []string
	for _, path := range t.order {
		if p := t.all[path]; !p.Standard && !isSDK(path) {
			paths = append(paths, path)
		}
	}
	c := &code{fset: token.NewFileSet(), decls: map[types.Object]decl{}, inits: map[*types.Package][]*types.Func{}, info: map[*types.Package]*types.Info{}}
	c.modules = t.modules()
	if t.pkg.Module != nil {
		c.module = t.pkg.Module.Path
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode:       packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo,
		Context:    ctx,
		Dir:        t.dir,
		Env:        t.guestEnv,
		BuildFlags: []string{"-trimpath"},
		Fset:       c.fset,
	}, paths...)
	if ctx.Err() != nil {
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "the build was interrupted")
	}
	if err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "the package cannot be loaded")
	}
	var wrong []string
	for _, p := range pkgs {
		for _, e := range p.Errors {
			wrong = append(wrong, e.Error())
		}
	}
	if len(wrong) > 0 {
		if len(wrong) > maxErrors {
			wrong = append(wrong[:maxErrors], "too many errors")
		}
		return nil, fault.Invalidf("the package does not compile:\n%s", strings.Join(wrong, "\n"))
	}
	for _, p := range pkgs {
		c.collect(p)
		if p.PkgPath == t.pkg.ImportPath {
			c.self = p.Types
		}
	}
	if c.self == nil {
		return nil, fault.Internalf("package %s was listed but not loaded", t.pkg.ImportPath)
	}
	return c, c.findRoot()
}

// isSDK says whether a package is the SDK's own, which is not vetted: it is what gives coroutines and waiting their meaning.
func isSDK(path string) bool {
	return path == workflowPath || path == sdkPath+"/activity" || path == sdkPath+"/guest" || strings.HasPrefix(path, sdkPath+"/guest/")
}

// collect notes what each function and package variable of a package does.
func (c *code) collect(p *packages.Package) {
	c.info[p.Types] = p.TypesInfo
	for _, file := range p.Syntax {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				f, ok := p.TypesInfo.Defs[d.Name].(*types.Func)
				if !ok || d.Body == nil {
					continue
				}
				if d.Recv == nil && d.Name.Name == "init" {
					c.inits[p.Types] = append(c.inits[p.Types], f)
				}
				c.decls[f] = decl{d.Body, p.TypesInfo}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					c.collectVars(s, p.TypesInfo)
				}
			}
		}
	}
}

func (c *code) collectVars(s ast.Spec, info *types.Info) {
	v, ok := s.(*ast.ValueSpec)
	if !ok {
		return
	}
	for i, name := range v.Names {
		obj := info.Defs[name]
		switch {
		case obj == nil || len(v.Values) == 0:
		case len(v.Values) == len(v.Names):
			c.decls[obj] = decl{v.Values[i], info}
		default:
			c.decls[obj] = decl{v.Values[0], info}
		}
	}
}

// findRoot finds the function Workflows and checks its type.
func (c *code) findRoot() error {
	f, ok := c.self.Scope().Lookup("Workflows").(*types.Func)
	if !ok {
		return fault.Invalidf("package %s has no function Workflows, which lists what it offers. Write:\n\n%s", c.self.Path(), rootExample)
	}
	sig := f.Signature()
	if sig.Params().Len() != 0 || sig.TypeParams().Len() != 0 || sig.Results().Len() != 1 ||
		types.TypeString(sig.Results().At(0).Type(), nil) != "[]"+workflowPath+".Definition" {
		return fault.Invalidf("%s: Workflows has the type %s. Write:\n\n%s", c.position(f.Pos()), sig, rootExample)
	}
	c.root = f
	return nil
}

const rootExample = `	func Workflows() []workflow.Definition {
		return []workflow.Definition{Hello} // each made by workflow.Define
	}
`

// position is a place in the source for people: relative to the module of the package, or after the path and version of another module.
func (c *code) position(pos token.Pos) string {
	p := c.fset.Position(pos)
	for _, m := range c.modules {
		if rel, ok := strings.CutPrefix(p.Filename, m.Dir+string(filepath.Separator)); ok {
			p.Filename = filepath.ToSlash(rel)
			if m.Path != c.module {
				p.Filename = m.Path + "@" + m.Version + "/" + p.Filename
			}
			break
		}
	}
	p.Column = 0
	return p.String()
}
