package dev

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Changes of code are told, in folders that come later too.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := watch(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.go"), "package a")
	<-changed
	write(t, filepath.Join(dir, "a.go"), "package b")
	<-changed
	if err := os.Mkdir(filepath.Join(dir, "worker"), 0o755); err != nil {
		t.Fatal(err)
	}
	// The new folder is watched once its creation has been heard of; until then what is in it may be missed.
	for i := 0; ; i++ {
		write(t, filepath.Join(dir, "worker", "main.go"), "package main")
		write(t, filepath.Join(dir, "go.mod"), "module a")
		<-changed
		if i == 1 {
			break
		}
	}
	if err := os.Remove(filepath.Join(dir, "worker", "main.go")); err != nil {
		t.Fatal(err)
	}
	<-changed
	cancel()
}

func TestIsCode(t *testing.T) {
	for name, want := range map[string]bool{
		"a.go": true, "x/go.mod": true, "go.sum": true, "go.work": true, "a_test.go": false, ".a.go.swp": false, "a.go~": false, "a.txt": false, ".aion/dev.db": false,
	} {
		if got := isCode(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	if has, err := hasCode(dir); has || err != nil {
		t.Errorf("an empty folder: %v, %v", has, err)
	}
	write(t, filepath.Join(dir, "a_test.go"), "package a")
	if has, err := hasCode(dir); has || err != nil {
		t.Errorf("tests only: %v, %v", has, err)
	}
	if _, has := workerFolder(dir); has {
		t.Error("a worker out of nothing")
	}
	write(t, filepath.Join(dir, "worker", "main.go"), "package main")
	if _, has := workerFolder(dir); !has {
		t.Error("the worker is not found")
	}
	if _, err := hasCode(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that does not exist is no error")
	}
	state, err := StateFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(state, ".gitignore")); err != nil || string(b) != "*\n" {
		t.Errorf("%q, %v", b, err)
	}
	for _, suffix := range []string{"", "-wal", "-cache/x", ".lock"} {
		write(t, Database(state)+suffix, "x")
	}
	if err := Reset(state); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(Database(state) + "*")
	if err != nil || len(left) != 1 || left[0] != Database(state)+".lock" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestExampleInput(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.go"), `package a

type In struct {
	Name  string `+"`json:\"name,omitempty\"`"+`
	Count int
	Deep  []string
	Skip  string `+"`json:\"-\"`"+`
	quiet bool
}

var (
	One   = workflow.Define("One", func(ctx workflow.Context, in In) (string, error) { return "", nil })
	Two   = workflow.Define("Two", func(ctx workflow.Context, in string) (string, error) { return "", nil })
	Three = workflow.Define("Three", code)
)
`)
	for typ, want := range map[string]string{"One": `{"name":"Ada","Count":1}`, "Two": `"Ada"`, "Three": "", "Four": ""} {
		if got := exampleInput(dir, typ); got != want {
			t.Errorf("%s: got %s, want %s", typ, got, want)
		}
	}
}
