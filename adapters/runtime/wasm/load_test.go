package wasm_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func TestLoad(t *testing.T) {
	code := asm.Guest().Bytes()
	hash := hashOf(code)
	rt := open(t, wasm.Options{})
	for _, c := range []struct {
		name string
		hash model.PackageHash
		code []byte
		want fault.Reason
	}{
		{"no code", hash, nil, fault.NotFound},
		{"native", model.NativePackage, code, fault.NotFound},
		{"no hash", "x", code, fault.InvalidInput},
		{"empty code", hash, []byte{}, fault.InvalidInput},
		{"cut code", hash, code[:100], fault.InvalidInput},
	} {
		if p, err := rt.Load(t.Context(), c.hash, c.code); p != nil || !fault.Has(err, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, p, err, c.want)
		}
	}
	// What failed can be tried again, and many at the same time get the same program.
	var programs sync.Map
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			p, err := rt.Load(context.Background(), hash, code)
			if err != nil {
				t.Error(err)
			}
			programs.Store(p, true)
		})
	}
	wait.Wait()
	n := 0
	programs.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d programs of one hash", n)
	}
	// A caller that gives up does not stop the load for the others.
	other := asm.Guest()
	other.Func("", ":", "", asm.Nop)
	bytes := other.Bytes()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := rt.Load(ctx, hashOf(bytes), bytes); err != nil && (!fault.Has(err, fault.Unavailable) || !errors.Is(err, context.Canceled)) {
		t.Errorf("given up: %v", err)
	}
	if _, err := rt.Load(t.Context(), hashOf(bytes), nil); err != nil && !fault.Has(err, fault.NotFound) {
		t.Errorf("after giving up: %v", err)
	}
}

// What a package declares is checked like everything else that comes from outside.
func TestDescriptions(t *testing.T) {
	field := func(n byte, s string) asm.Code { return asm.Seq(asm.Code{n<<3 | 2}, asm.Name(s)) }
	rt := open(t, wasm.Options{})
	for name, c := range map[string]struct {
		description asm.Code
		ok          bool
	}{
		"complete":             {asm.Seq(field(1, string(asm.Seq(field(1, "Order"), field(2, "go"), field(3, "state")))), field(2, "go 1"), field(3, "Pay")), true},
		"unknown fields":       {asm.Seq(field(1, string(field(1, "Order"))), field(9, "new"), 0x50, 1), true},
		"nameless workflow":    {field(1, ""), false},
		"control characters":   {field(1, string(field(1, "a\x00b"))), false},
		"signal not in UTF-8":  {field(1, string(asm.Seq(field(1, "Order"), field(2, "\xff")))), false},
		"activity too long":    {asm.Seq(field(1, string(field(1, "Order"))), field(3, strings.Repeat("x", 300))), false},
		"no workflow":          {field(2, "go 1"), false},
		"truncated":            {asm.Code{0x0a, 99, 1}, false},
		"not the wire format":  {asm.Code{0xff, 0xff, 0xff}, false},
		"group of another age": {asm.Code{0x0b, 0x0c}, false},
	} {
		b := asm.Guest()
		b.Data(8000, string(c.description))
		b.Func("aion_describe", ":l", "", asm.Span(8000, uint32(len(c.description))))
		bytes := b.Bytes()
		p, err := rt.Load(t.Context(), hashOf(bytes), bytes)
		if c.ok != (err == nil) || (err != nil && !fault.Has(err, fault.InvalidInput)) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "complete" && err == nil {
			w := p.Info().Workflows[0]
			if w.Type != "Order" || w.Signals[0] != "go" || w.Queries[0] != "state" || w.Activities[0] != "Pay" || p.Info().SDK != "go 1" {
				t.Errorf("info %+v", p.Info())
			}
		}
	}
}

// A damaged cache of compiled code is made anew, with a warning; it never refuses a good package.
func TestDamagedCompiledCode(t *testing.T) {
	dir := t.TempDir()
	code := asm.Guest().Bytes()
	first := open(t, wasm.Options{CacheDir: dir})
	image := load(t, first, code).ImageHash()
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "compiled", "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b[len(b)/2:] {
			b[len(b)/2+i] ^= 0x55
		}
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	rt := open(t, wasm.Options{CacheDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	p := load(t, rt, code)
	if p.ImageHash() != image {
		t.Error("another image")
	}
	if _, err := activateOnce(t, p, ports.Limits{}); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "damaged") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestCacheDirThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := wasm.New(wasm.Options{CacheDir: filepath.Join(file, "x")}); err == nil || !strings.Contains(err.Error(), "runtime.cache_dir") {
		t.Errorf("New: %v; want an error that names the setting", err)
	}
}
