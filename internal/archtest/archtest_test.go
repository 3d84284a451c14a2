package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

const repository = "../.."

// The repository keeps its own rules.
func TestArchitecture(t *testing.T) {
	found, err := readTree(os.DirFS(repository))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.files) == 0 || found.goMods["go.work"] == "" {
		t.Fatalf("read %d Go files and no go.work in %s: nothing was checked", len(found.files), repository)
	}
	for _, f := range check(found, table) {
		t.Error(f)
	}
}

// What a folder brings along, through whatever it imports, is bounded too.
func TestReach(t *testing.T) {
	for _, r := range reachRules {
		t.Run(r.folder, func(t *testing.T) {
			if files, _ := filepath.Glob(filepath.Join(repository, r.folder, "*")); len(files) == 0 {
				t.Logf("absent: %s/, the rule waits for it", r.folder)
				return
			}
			packages, err := listPackages(repository, r.folder, r.env)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range checkReach(r, packages) {
				t.Error(f)
			}
		})
	}
}

// Every rule catches what it is there for, and lets pass what it should.
func TestRulesCatch(t *testing.T) {
	const doc = "// Package x is documented.\npackage x\n"
	imports := func(paths ...string) string {
		return doc + "import (\n\t_ \"" + strings.Join(paths, "\"\n\t_ \"") + "\"\n)\n"
	}
	own := func(folder string) string { return module + "/" + folder }
	for _, c := range []struct {
		name, file, text string
		want             string // a part of the one finding; empty for none
	}{
		{"core imports an adapter", "domain/engine/step.go", imports("fmt", own("adapters/storage/memory")), `domain/engine/step.go:5: domain/engine may not import "` + own("adapters/storage/memory")},
		{"core imports net/http", "domain/dispatch/x.go", imports("net/http"), `"net/http"`},
		{"core imports database/sql", "domain/engine/x.go", imports("database/sql"), `"database/sql"`},
		{"core imports os", "domain/signal/x.go", imports("os"), `"os"`},
		{"core imports math/rand/v2", "domain/engine/x.go", imports("math/rand/v2"), `"math/rand/v2"`},
		{"core imports C", "domain/engine/x.go", doc + "import \"C\"\n", `"C"`},
		{"core imports protobuf", "domain/history/x.go", imports("google.golang.org/protobuf/proto"), `"google.golang.org/protobuf/proto"`},
		{"core imports connect", "domain/engine/x.go", imports("connectrpc.com/connect"), `"connectrpc.com/connect"`},
		{"core imports a suite", "domain/engine/x.go", imports(own("ports/storetest")), "ports/storetest"},
		{"core imports ports", "domain/engine/x.go", imports(own("ports"), own("domain/history"), "log/slog", "context"), ""},
		{"file of another platform", "domain/engine/x_windows.go", "//go:build never\n\n" + imports("os"), `"os"`},
		{"test of the core on an adapter", "domain/engine/x_test.go", imports("os", own("adapters/storage/memory")), ""},
		{"fault imports model", "domain/fault/x.go", imports(own("domain/model")), "standard library alone"},
		{"model imports ports", "domain/model/x.go", imports(own("ports")), "standard library alone"},
		{"history imports ports", "domain/history/x.go", imports(own("ports")), "model and fault only"},
		{"ports import the engine", "ports/x.go", imports(own("domain/engine")), "values only"},
		{"ports import a suite", "ports/x.go", imports(own("ports/storetest")), "values only"},
		{"suite imports an adapter", "ports/storetest/x.go", imports(own("adapters/storage/memory")), "through ports"},
		{"suite imports rapid", "ports/storetest/x.go", imports(own("ports"), "pgregory.net/rapid", "testing"), ""},
		{"root imports an adapter", "aion.go", imports(own("adapters/storage/memory")), "takes its parts as ports"},
		{"root imports the engine", "aion.go", imports(own("domain/engine"), own("ports")), ""},
		{"aiontest imports a database", "aiontest/x.go", imports(own("adapters/storage/libsql")), "two small adapters"},
		{"aiontest", "aiontest/x.go", imports(module, own("adapters/storage/memory"), own("adapters/runtime/native")), ""},
		{"adapter imports app", "adapters/storage/memory/x.go", imports(own("app/config")), "nothing above"},
		{"adapter imports the engine", "adapters/runtime/wasm/x.go", imports(own("domain/engine")), "nothing above"},
		{"adapter imports another", "adapters/transport/rest/x.go", imports(own("adapters/auth/dev")), "no other adapter"},
		{"driver imports another", "adapters/storage/sqlite/x.go", imports(own("adapters/storage/libsql")), "sqlstore"},
		{"sqlstore imports a driver", "adapters/storage/sqlstore/x.go", imports(own("adapters/storage/libsql")), "no other adapter"},
		{"memory imports sqlstore", "adapters/storage/memory/x.go", imports(own("adapters/storage/sqlstore")), "no other adapter"},
		{"driver imports sqlstore", "adapters/storage/libsql/x.go", imports(own("adapters/storage/sqlstore"), own("ports"), "database/sql"), ""},
		{"adapter imports its own part", "adapters/runtime/wasm/x.go", imports(own("adapters/runtime/wasm/module"), own("sdk/guest")), ""},
		{"app imports a test suite", "app/x.go", imports(own("test/kill")), "not its tests"},
		{"app", "app/x.go", imports(module, own("adapters/storage/libsql"), own("sdk/client"), "github.com/spf13/cobra"), ""},
		{"cmd imports the engine", "cmd/aion/x.go", imports(own("domain/engine")), "main and nothing else"},
		{"api imports the core", "api/gen/x.go", imports(own("domain/model")), "wire contract"},
		{"sdk imports the server", "sdk/client/x.go", imports(own("domain/model")), "without the server"},
		{"workflow imports the client", "sdk/workflow/x.go", imports(own("sdk/client")), "linked into workflow packages"},
		{"workflow imports the wire contract", "sdk/workflow/x.go", imports(own("api/gen/aion/v1")), "linked into workflow packages"},
		{"guest imports net", "sdk/guest/x.go", imports("net"), "linked into workflow packages"},
		{"activity imports protobuf", "sdk/activity/x.go", imports("google.golang.org/protobuf/proto"), "linked into workflow packages"},
		{"workflow imports activity", "sdk/workflow/x.go", imports(own("sdk/activity"), "encoding/json", "iter"), ""},
		{"example imports an adapter", "examples/hello/x.go", imports(own("adapters/storage/memory")), "what users have"},
		{"unknown folder", "server/x.go", doc, "has no row"},
		{"unknown folder, only a test", "server/x_test.go", doc, "has no row"},

		{"replace in go.mod", "sdk/go.mod", "module x\n\nreplace a => b\n", "sdk/go.mod: has a replace"},
		{"replace block in go.work", "go.work", "go 1.26.0\n\nreplace (\n\ta => b\n)\n", "go.work: has a replace"},
		{"word in a comment of go.mod", "sdk/go.mod", "module x // never replace\n", ""},
		{"no package comment", "domain/engine/x.go", "package engine\n", "no file of the folder has a package comment"},
		{"no package comment, only tests", "domain/engine/x_test.go", "package engine\n", "no file of the folder has a package comment"},
		{"long file", "domain/engine/x.go", doc + strings.Repeat("\n", maxLines), "lines, more than"},
		{"long generated file", "api/gen/x.go", "// Code generated by a test. DO NOT EDIT.\n\npackage x\n" + strings.Repeat("\n", maxLines), ""},
		{"vague file", "domain/engine/string_utils.go", doc, `"utils" says nothing about what the file holds`},
		{"vague test file", "domain/engine/helpers_test.go", doc, `"helpers" says nothing`},
		{"vague folder", "app/common/x.go", doc, `"common" says nothing about what the folder holds`},
		{"word inside a name", "domain/engine/commonality.go", doc, ""},
		{"testdata is input", "app/build/testdata/utils.go", "package utils\nimport _ \"os\"\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := readTree(fstest.MapFS{c.file: &fstest.MapFile{Data: []byte(c.text)}})
			if err != nil {
				t.Fatal(err)
			}
			got := check(found, table)
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("%s is fine, but found: %q", c.file, got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("found %q, want one finding with %q", got, c.want)
			}
		})
	}
}

// A chain to a forbidden package is shown from its beginning, once.
func TestReachCatches(t *testing.T) {
	r := reachRule{folder: "aiontest", never: []string{"net/http"}, why: "small"}
	packages := []pkg{
		{ImportPath: "net/http", Imports: []string{"net/http/internal"}, DepOnly: true},
		{ImportPath: "net/http/internal", DepOnly: true},
		{ImportPath: "lib", Imports: []string{"net/http"}, DepOnly: true},
		{ImportPath: "aiontest", Imports: []string{"fmt", "lib"}},
	}
	got := checkReach(r, packages)
	if want := "aiontest reaches net/http: aiontest → lib → net/http: small"; len(got) != 1 || got[0] != want {
		t.Errorf("found %q, want %q", got, want)
	}
	if got := checkReach(r, packages[3:]); len(got) != 0 {
		t.Errorf("found %q where nothing is reached", got)
	}
}

// The patterns of the table mean what they say.
func TestRowOf(t *testing.T) {
	for folder, want := range map[string]string{
		".": ".", "ports": "ports", "ports/storetest": "ports/...", "domain/history": "domain/history/...", "domain/engine": "domain/...",
		"domain/historyx": "domain/...", "adapters/storage/libsql": "adapters/storage/libsql/...", "adapters/auth/dev": "adapters/...", "app": "app/...",
	} {
		if r, found := rowOf(table, folder); !found || r.folder != want {
			t.Errorf("%s has the row %q, want %q", folder, r.folder, want)
		}
	}
	if r, found := rowOf(table, "apps"); found {
		t.Errorf("apps has the row %q, want none", r.folder)
	}
}
