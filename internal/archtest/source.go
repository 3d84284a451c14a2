package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// goFile is what the rules need to know of one Go file.
type goFile struct {
	path       string // from the repository's root, with slashes
	folder     string // "." for the root
	imports    []goImport
	lines      int
	generated  bool
	test       bool
	documented bool // it carries the package comment
}

type goImport struct {
	path string
	line int
}

// tree is the repository as far as the rules look at it.
type tree struct {
	files  []goFile
	goMods map[string]string // go.mod and go.work files: path to text
}

// readTree reads every Go file, whatever its build constraints, and every go.mod and go.work. It leaves out what is not ours to
// keep (build/, hidden folders, node_modules) and testdata, whose files are input and not code.
func readTree(root fs.FS) (tree, error) {
	t := tree{goMods: map[string]string{}}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (name == "build" || base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case base == "go.mod" || base == "go.work":
			text, err := fs.ReadFile(root, name)
			t.goMods[name] = string(text)
			return err
		case path.Ext(name) == ".go":
			text, err := fs.ReadFile(root, name)
			if err != nil {
				return err
			}
			f, err := parseGoFile(name, text)
			t.files = append(t.files, f)
			return err
		}
		return nil
	})
	return t, err
}

func parseGoFile(name string, text []byte) (goFile, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, name, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return goFile{}, fmt.Errorf("read %s: %w", name, err)
	}
	f := goFile{
		path:       name,
		folder:     path.Dir(name),
		lines:      bytes.Count(text, []byte("\n")),
		generated:  ast.IsGenerated(syntax),
		test:       strings.HasSuffix(name, "_test.go"),
		documented: syntax.Doc != nil,
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return goFile{}, fmt.Errorf("read %s: import %s: %w", name, spec.Path.Value, err)
		}
		f.imports = append(f.imports, goImport{imported, set.Position(spec.Pos()).Line})
	}
	return f, nil
}
