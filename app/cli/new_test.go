package cli

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What aion new makes is formatted, and short enough to be read at once: at most 60 lines, also with the requirements of a release.
func TestNew(t *testing.T) {
	dir := t.TempDir()
	p := project{Name: "orders", Module: "orders", Version: "v1.2.3"}
	err := fs.WalkDir(templates, "template", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return p.write(path, dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	var names []string
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		lines += bytes.Count(b, []byte{'\n'})
		if strings.HasSuffix(path, ".go") {
			if nice, err := format.Source(b); err != nil || !bytes.Equal(nice, b) {
				t.Errorf("%s is not formatted (%v):\n%s", name, err, nice)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "go.mod orders.go orders_test.go worker/main.go"; strings.Join(names, " ") != want {
		t.Errorf("files %v, want %s", names, want)
	}
	if lines > 60 {
		t.Errorf("%d lines", lines)
	}
}
