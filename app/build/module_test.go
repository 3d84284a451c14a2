package build

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// writeModule writes a Go module that uses the SDK of this repository and gives its directory.
func writeModule(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "module")
	_, here, _, _ := runtime.Caller(0)
	sdk := filepath.Join(filepath.Dir(here), "..", "..", "sdk")
	all := map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.26.0\n\nrequire github.com/aionrun/aion/sdk v0.0.0\n\nreplace github.com/aionrun/aion/sdk => " + sdk + "\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if text == "" {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// environ is the process's environment without the workspace of this repository, and with more variables.
func environ(more ...string) []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GOFLAGS=") && !strings.HasPrefix(e, "GOWORK=") {
			out = append(out, e)
		}
	}
	return append(append(out, "GOWORK=off"), more...)
}

const helloSource = `package hello

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

type In struct {
	Name string ` + "`json:\"name\"`" + `
}

var Greet = activity.Define[In, string]("Greet", activity.Options{StartToClose: 5 * time.Second})

var Hello = workflow.Define("Hello", func(ctx workflow.Context, in In) (string, error) {
	return Greet.Execute(ctx, in)
})

func Workflows() []workflow.Definition { return []workflow.Definition{Hello} }
`
