package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
)

// Every refusal says what is wrong and what to do.
func TestRefusals(t *testing.T) {
	replace := func(old, new string) map[string]string {
		return map[string]string{"hello/hello.go": strings.Replace(helloSource, old, new, 1)}
	}
	for _, c := range []struct {
		name   string
		files  map[string]string
		dir    string
		reason fault.Reason
		want   []string
	}{
		{"no directory", nil, "nowhere", fault.InvalidInput, []string{"is not a directory", "name the directory"}},
		{"empty directory", map[string]string{"hello/README": "x"}, "hello", fault.InvalidInput, []string{"no Go package", "name the directory"}},
		{"no module", map[string]string{"go.mod": "", "hello/hello.go": helloSource}, "hello", fault.InvalidInput, []string{"no go.mod", "go mod init"}},
		{"package main", replace("package hello", "package main"), "hello", fault.InvalidInput, []string{"package main", "move the workflows"}},
		{"missing Workflows", replace("func Workflows()", "func Flows()"), "hello", fault.InvalidInput,
			[]string{"has no function Workflows", "func Workflows() []workflow.Definition {\n\t\treturn []workflow.Definition{Hello}"}},
		{"Workflows of another type", replace("func Workflows() []workflow.Definition { return []workflow.Definition{Hello} }",
			"func Workflows() workflow.Definition { return Hello }"), "hello", fault.InvalidInput, []string{"hello/hello.go:20", "has the type", "func Workflows()"}},
		{"two workflows of one name", replace("{Hello}", "{Hello, Hello}"), "hello", fault.InvalidInput, []string{`two workflows have the name "Hello"`}},
		{"no workflow", replace("{Hello} }", "{} }"), "hello", fault.InvalidInput, []string{"must list at least one"}},
		{"does not parse", replace("var Greet =", "var Greet := "), "hello", fault.InvalidInput, []string{"hello.go:14", "syntax error"}},
		{"does not compile", replace("Greet.Execute(ctx, in)", "Greet.Execute(ctx, 7)"), "hello", fault.InvalidInput, []string{"does not compile", "hello.go:17", "In"}},
		{"missing import", replace(`"time"`, `"time"`+"\n\t_ \"example.com/nowhere\""), "hello", fault.InvalidInput, []string{"hello.go:5", "example.com/nowhere"}},
		{"in the way", map[string]string{"hello/hello.go": helloSource, "hello/" + entryDir + "/x.txt": "x"}, "hello", fault.InvalidInput, []string{entryDir, "rename it"}},
		{"links net/http", map[string]string{
			"hello/hello.go": strings.Replace(helloSource, `"time"`, `"time"`+"\n\t_ \"example.com/shop/a\"", 1),
			"a/a.go":         "package a\n\nimport _ \"example.com/shop/b\"\n",
			"b/b.go":         "package b\n\nimport _ \"net/http\"\n",
		}, "hello", fault.InvalidInput, []string{"links net/http", "example.com/shop/hello\n            →  example.com/shop/a\n            →  example.com/shop/b\n            →  net/http", "activity"}},
		{"links database/sql", replace(`"time"`, `"time"`+"\n\t_ \"database/sql\""), "hello", fault.InvalidInput, []string{"links database/sql"}},
		{"links os/exec", replace(`"time"`, `"time"`+"\n\t_ \"os/exec\""), "hello", fault.InvalidInput, []string{"links os/exec"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Package(context.Background(), filepath.Join(writeModule(t, c.files), c.dir), Options{Env: environ()})
			if !fault.Has(err, c.reason) {
				t.Fatalf("%v: %v", fault.ReasonOf(err), err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		})
	}
}

// A missing or too old Go is named, with where to get another.
func TestGoVersion(t *testing.T) {
	dir := writeModule(t, map[string]string{"hello/hello.go": helloSource})
	fake := func(script string) []string {
		bin := t.TempDir()
		if script != "" {
			if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return []string{"PATH=" + bin, "HOME=" + t.TempDir()}
	}
	for _, c := range []struct {
		name, want string
		env        []string
	}{
		{"missing", "the go command is not in PATH; aion build needs Go 1.26 or later", fake("")},
		{"old", "the go command is go1.25.4; aion build needs Go 1.26 or later", fake(`echo '{"GOVERSION":"go1.25.4","GOMOD":"/x/go.mod"}'`)},
		{"odd", "something else than JSON", fake(`echo hello`)},
		{"failing", "go env failed:\nno luck", fake("echo no luck >&2; exit 3")},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Package(context.Background(), filepath.Join(dir, "hello"), Options{Env: c.env})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatal(err)
			}
			var f *fault.Error
			if errors.As(err, &f) && (c.name == "missing" || c.name == "old") && !strings.Contains(f.Hint, "go.dev/dl") {
				t.Error(f.Hint)
			}
		})
	}
	t.Run("experiment", func(t *testing.T) {
		_, err := Package(context.Background(), filepath.Join(dir, "hello"), Options{Env: environ("GOEXPERIMENT=nogreenteagc")})
		if !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), "GOEXPERIMENT") {
			t.Fatal(err)
		}
	})
}

func TestOlder(t *testing.T) {
	for version, want := range map[string]bool{
		"go1.25.9": true, "go1.9": true, "go1.26": false, "go1.26.0": false, "go1.26rc1": false, "go1.30.1": false, "go2.0": false, "go1.26.8-custom": false,
		"devel go1.27-abc": false, "": false,
	} {
		if older(version, "1.26") != want {
			t.Errorf("older(%q) is not %v", version, want)
		}
	}
}

// A build that is interrupted says so.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Package(ctx, filepath.Join(writeModule(t, map[string]string{"hello/hello.go": helloSource}), "hello"), Options{Env: environ()})
	if !fault.Has(err, fault.Unavailable) {
		t.Fatal(err)
	}
}
