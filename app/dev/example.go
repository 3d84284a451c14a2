package dev

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// exampleInput makes up a value for a workflow's input from the source in dir: a struct that is declared there, with something in
// each field of a simple type. Empty when the source does not tell; nothing depends on it.
func exampleInput(dir, workflowType string) string {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return ""
	}
	structs, input := map[string]*ast.StructType{}, ""
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					structs[n.Name.Name] = s
				}
			case *ast.CallExpr:
				if t := definedInput(n, workflowType); t != "" {
					input = t
				}
			}
			return true
		})
	}
	switch s := structs[input]; {
	case s != nil:
		return exampleOf(s)
	case input == "string":
		return `"Ada"`
	}
	return ""
}

// definedInput gives the name of the input type when call is workflow.Define of the wanted type.
func definedInput(call *ast.CallExpr, want string) string {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != "Define" || len(call.Args) < 2 {
		return ""
	}
	name, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	if text, err := strconv.Unquote(name.Value); err != nil || text != want {
		return ""
	}
	code, ok := call.Args[1].(*ast.FuncLit)
	if !ok || len(code.Type.Params.List) < 2 {
		return ""
	}
	if t, ok := code.Type.Params.List[1].Type.(*ast.Ident); ok {
		return t.Name
	}
	return ""
}

func exampleOf(s *ast.StructType) string {
	var parts []string
	for _, field := range s.Fields.List {
		t, ok := field.Type.(*ast.Ident)
		if !ok {
			continue
		}
		value := map[string]string{"string": `"Ada"`, "int": "1", "int64": "1", "float64": "1", "bool": "true"}[t.Name]
		for _, name := range field.Names {
			key := jsonName(name.Name, field.Tag)
			if value != "" && key != "" && name.IsExported() {
				parts = append(parts, quote(key)+":"+value)
			}
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func jsonName(name string, tag *ast.BasicLit) string {
	if tag == nil {
		return name
	}
	text, err := strconv.Unquote(tag.Value)
	if err != nil {
		return name
	}
	switch key, _, _ := strings.Cut(reflect.StructTag(text).Get("json"), ","); key {
	case "-":
		return ""
	case "":
		return name
	default:
		return key
	}
}

// quote writes a JSON string; a string can always be written.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
