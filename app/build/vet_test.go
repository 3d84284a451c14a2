package build

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
)

// vetted gives what vet finds in a module's package hello, each as "file:line what | path".
func vetted(t *testing.T, files map[string]string) []string {
	t.Helper()
	ctx := context.Background()
	tree, err := inspect(ctx, filepath.Join(writeModule(t, files), "hello"), environ())
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.vet()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, 0, len(all))
	for _, f := range all {
		kind := "warned: "
		if f.Refused {
			kind = "refused: "
		}
		if f.Instead == "" {
			t.Errorf("%s does not say what to do instead", f.What)
		}
		out = append(out, kind+f.Position+" "+f.What+" | "+strings.Join(f.Path, " → "))
	}
	return out
}

const head = `package hello

import (
	"github.com/aionrun/aion/sdk/workflow"
`

const tail0 = `
func Workflows() []workflow.Definition { return []workflow.Definition{Hello} }
`

func TestVetConstructs(t *testing.T) {
	got := vetted(t, map[string]string{"hello/hello.go": head + `	"context"
	crand "crypto/rand"
	"maps"
	"math/rand"
	r2 "math/rand/v2"
	"slices"
	"sync"
	"time"
)

var Hello = workflow.Define("Hello", func(ctx workflow.Context, in workflow.None) (string, error) {
	go func() {}()
	c := make(chan int, 1)
	c <- 1
	<-c
	for range c {
	}
	select {
	case <-c:
	default:
	}
	time.Sleep(1)
	time.After(1)
	time.NewTimer(1)
	time.NewTicker(1)
	time.AfterFunc(1, nil)
	var wg sync.WaitGroup
	wg.Wait()
	wait := wg.Wait
	wait()
	sync.NewCond(nil).Wait()
	_ = time.Now()
	_ = time.Since(time.Time{})
	_ = rand.Int()
	_ = r2.IntN(3)
	_ = rand.New(rand.NewSource(1)).Int()
	_ = r2.New(r2.NewPCG(1, 2)).Int()
	crand.Read(nil)
	m := map[string]int{"a": 1}
	for k := range m {
		_ = k
	}
	for range m {
		workflow.Sleep(ctx, 1)
	}
	for range maps.Keys(m) {
		workflow.Sleep(ctx, 1)
	}
	for range slices.Sorted(maps.Keys(m)) {
		workflow.Sleep(ctx, 1)
	}
	<-context.Background().Done()
	var mu sync.Mutex
	mu.Lock()
	workflow.Go(ctx, func(ctx workflow.Context) { select {} })
	return "", nil
})

func unreached() { go unreached() }
` + tail0})
	var want []string
	for _, w := range []string{
		"refused: hello/hello.go:16 a go statement", "refused: hello/hello.go:18 a channel send", "refused: hello/hello.go:19 a channel receive",
		"refused: hello/hello.go:20 a range over a channel", "refused: hello/hello.go:22 a select statement", "refused: hello/hello.go:23 a channel receive",
		"refused: hello/hello.go:26 time.Sleep", "refused: hello/hello.go:27 time.After", "refused: hello/hello.go:28 time.NewTimer", "refused: hello/hello.go:29 time.NewTicker",
		"refused: hello/hello.go:30 time.AfterFunc", "refused: hello/hello.go:32 (*sync.WaitGroup).Wait", "refused: hello/hello.go:33 (*sync.WaitGroup).Wait",
		"refused: hello/hello.go:35 (*sync.Cond).Wait", "warned: hello/hello.go:36 time.Now", "warned: hello/hello.go:37 time.Since", "warned: hello/hello.go:38 math/rand.Int",
		"warned: hello/hello.go:39 math/rand/v2.IntN", "warned: hello/hello.go:42 crypto/rand.Read",
		"warned: hello/hello.go:47 a range over a map that calls the workflow", "warned: hello/hello.go:50 a range over a map that calls the workflow",
		"refused: hello/hello.go:56 a channel receive", "refused: hello/hello.go:59 a select statement",
	} {
		want = append(want, w+" | Workflows → Hello")
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The walk passes through functions, methods, interfaces, generics, function values, package variables, init functions and other
// packages, and prints how it got there. What nothing reaches is left alone.
func TestVetPaths(t *testing.T) {
	got := vetted(t, map[string]string{
		"hello/hello.go": head + `	"fmt"
	"sort"

	"example.com/shop/lib"
)

type stepper interface{ Step() }

type clean struct{}

func (clean) Step()  {}
func (clean) Other() { go func() {}() }

type dirty struct{ inner holder }

func (*dirty) Step() { lib.Direct() }

type holder struct{ nested }

type nested struct{}

func (nested) String() string { lib.FromString(); return "" }

func generic[T stepper](v T) { v.Step() }

var table = map[string]func(){"a": lib.FromTable}

type byName []string

func (b byName) Len() int           { return len(b) }
func (b byName) Less(i, j int) bool { lib.FromLess(); return b[i] < b[j] }
func (b byName) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

var Hello = workflow.Define("Hello", run)

func run(ctx workflow.Context, in workflow.None) (string, error) {
	generic(clean{})
	generic(&dirty{})
	table["a"]()
	sort.Sort(byName{"b", "a"})
	box := lib.NewBox[int]()
	box.Open(1)
	return fmt.Sprint(box), nil
}
` + tail0,
		"lib/lib.go": `package lib

import "time"

func init() { go background() }

func background() {}

func Direct() { helper() }

func helper() { time.Sleep(1) }

func FromString() { time.Sleep(1) }

func FromTable() { time.Sleep(1) }

func FromLess() { time.Sleep(1) }

type Box[T any] struct{ v T }

func NewBox[T any]() *Box[T] { return &Box[T]{} }

func (b *Box[T]) Open(v T) { time.Sleep(1) }

func (b *Box[T]) Unused() { time.Sleep(1) }

func Unused() { time.Sleep(1) }
`})
	const lib = "example.com/shop/lib."
	want := []string{
		"refused: lib/lib.go:5 a go statement | Workflows → Hello → run → " + lib + "NewBox → " + lib + "init",
		"refused: lib/lib.go:11 time.Sleep | Workflows → Hello → run → (*dirty).Step → " + lib + "Direct → " + lib + "helper",
		"refused: lib/lib.go:13 time.Sleep | Workflows → Hello → run → (nested).String → " + lib + "FromString",
		"refused: lib/lib.go:15 time.Sleep | Workflows → Hello → run → table → " + lib + "FromTable",
		"refused: lib/lib.go:17 time.Sleep | Workflows → Hello → run → (byName).Less → " + lib + "FromLess",
		"refused: lib/lib.go:23 time.Sleep | Workflows → Hello → run → " + lib + "(*Box[T]).Open",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Warnings are reported, and refused when strict.
func TestStrict(t *testing.T) {
	dir := writeModule(t, map[string]string{"hello/hello.go": head + `	"time"
)

var Hello = workflow.Define("Hello", func(ctx workflow.Context, in workflow.None) (time.Time, error) { return time.Now(), nil })
` + tail0})
	_, err := Package(context.Background(), filepath.Join(dir, "hello"), Options{Strict: true, Env: environ()})
	if !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), "hello/hello.go:8: time.Now: use workflow.Now") || !strings.Contains(err.Error(), "Workflows → Hello") {
		t.Error(err)
	}
	r, err := Package(context.Background(), filepath.Join(dir, "hello"), Options{Env: environ()})
	if err != nil || len(r.Warnings) != 1 || r.Warnings[0].What != "time.Now" {
		t.Error(r.Warnings, err)
	}
}
