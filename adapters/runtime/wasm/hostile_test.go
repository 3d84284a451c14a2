package wasm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/ports"
)

// Every module of testdata/hostile ends as its line in expectations.txt says: refused by the parser, refused when it is loaded, or
// trapped when it is activated; and the runtime goes on serving others.
func TestHostileModules(t *testing.T) {
	const folder = "testdata/hostile"
	text, err := os.ReadFile(filepath.Join(folder, "expectations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	rt := open(t, wasm.Options{MemoryBytes: 128 << 20})
	good := load(t, rt, asm.Guest().Bytes())
	for line := range strings.Lines(string(text)) {
		name, expected, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("the line %q has no expectation", line)
		}
		t.Run(name, func(t *testing.T) {
			code, err := os.ReadFile(filepath.Join(folder, name+".wasm"))
			if err != nil {
				t.Fatal(err)
			}
			what, detail, _ := strings.Cut(expected, " ")
			p, err := rt.Load(t.Context(), hashOf(code), code)
			switch what {
			case "refused", "load":
				if !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), detail) {
					t.Errorf("loading: %v; want invalid input that says %q", err, detail)
				}
			case "trap":
				if err != nil {
					t.Fatal(err)
				}
				_, err := activateOnce(t, p, ports.Limits{Fuel: 8_000_000, MemoryBytes: 128 << 20})
				if trap := asTrap(t, err); string(trap.Which) != detail || trap.Message == "" {
					t.Errorf("ended by %+v; want a trap of kind %s with a message", trap, detail)
				}
			default:
				t.Errorf("unknown expectation %q", what)
			}
			if _, err := activateOnce(t, good, ports.Limits{}); err != nil {
				t.Errorf("another package suffers: %v", err)
			}
		})
	}
	if s := rt.Stats(); s.LiveInstances != 0 {
		t.Errorf("%d instances are left", s.LiveInstances)
	}
}

// activateOnce starts the workflow "w" in a new instance and closes it.
func activateOnce(t testing.TB, p ports.Program, limits ports.Limits) (ports.ActivationResult, error) {
	t.Helper()
	i, err := p.New(context.Background(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close(context.Background())
	return i.Activate(context.Background(), ports.Activation{Now: time.Unix(1, 0), Live: true, Events: started("w", "null"), Limits: limits})
}

func started(workflow, input string) []byte {
	return history.AppendEvent(nil, &history.Event{Seq: 1, Time: 1, Attr: startedEvent(workflow, input)})
}
