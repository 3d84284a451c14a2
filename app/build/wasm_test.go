package build

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/guest/testdata/random"
	"github.com/aionrun/aion/sdk/workflow"
)

// sandbox is the smallest host of a module: enough to speak the guest ABI with it.
type sandbox struct {
	t  testing.TB
	rt wazero.Runtime
	c  wazero.CompiledModule
}

func newSandbox(t testing.TB, module []byte) *sandbox {
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	if _, err := rt.NewHostModuleBuilder("aion").NewFunctionBuilder().WithFunc(func() {}).Export("yield").NewFunctionBuilder().WithFunc(func(_, _ uint32) uint32 { return 0 }).Export("patched").Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := rt.CompileModule(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	return &sandbox{t, rt, c}
}

func (s *sandbox) instance() api.Module {
	m, err := s.rt.InstantiateModule(context.Background(), s.c, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// call gives a message to an export and reads its answer.
func (s *sandbox) call(m api.Module, export string, in []byte) ([]byte, error) {
	ctx := context.Background()
	p, err := m.ExportedFunction("aion_alloc").Call(ctx, uint64(len(in)))
	if err != nil {
		return nil, err
	}
	if !m.Memory().Write(uint32(p[0]), in) {
		s.t.Fatal("the buffer is outside of the memory")
	}
	r, err := m.ExportedFunction(export).Call(ctx, uint64(len(in)))
	if err != nil {
		return nil, err
	}
	out, ok := m.Memory().Read(uint32(r[0]>>32), uint32(r[0]))
	if !ok {
		s.t.Fatal("the answer is outside of the memory")
	}
	return bytes.Clone(out), nil
}

func field(b []byte, num uint64, v []byte) []byte {
	b = binary.AppendUvarint(b, num<<3|2)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// activation encodes events for the guest.
func activation(now int64, events []history.Attributes) []byte {
	b := binary.AppendUvarint([]byte{1 << 3}, uint64(now))
	for i, a := range events {
		raw, _, _, _ := history.Split(history.AppendEvent(nil, &history.Event{Seq: model.Seq(i + 1), Time: now, Attr: a}))
		b = field(b, 3, raw)
	}
	return b
}

// world answers what the code asks for.
type world struct {
	activities map[model.Ordinal]*history.ActivityScheduled
	timers     map[model.Ordinal]bool
	next       []history.Attributes // what must be delivered in the next round
	closed     bool
	cancel     bool
}

func (w *world) take(t testing.TB, result []byte) {
	t.Helper()
	var page []byte
	if !fields(result, func(num uint64, v []byte) bool {
		switch num {
		case 1:
			page = field(page, 1, v)
		case 3:
			t.Fatalf("panic: %q", v)
		}
		return true
	}) {
		t.Fatalf("damaged result %q", result)
	}
	cmds, err := history.DecodeCommands(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cmds {
		switch c := c.(type) {
		case *history.ActivityScheduled:
			w.activities[c.Ordinal] = c
		case *history.ActivityCancelRequested:
			if a := w.activities[c.Ordinal]; a != nil && a.Options.Cancellation != model.CancelWait {
				delete(w.activities, c.Ordinal)
				w.next = append(w.next, &history.ActivityCanceled{Ordinal: c.Ordinal, Attempt: 1})
			}
		case *history.TimerStarted:
			w.timers[c.Ordinal] = true
		case *history.TimerCanceled:
			delete(w.timers, c.Ordinal)
			w.next = append(w.next, &history.TimerCanceled{Ordinal: c.Ordinal})
		default:
			w.closed = true
		}
	}
}

func (w *world) events(rt *rapid.T) []history.Attributes {
	if len(w.next) > 0 {
		out := w.next
		w.next = nil
		return out
	}
	var out []history.Attributes
	for _, o := range slices.Sorted(maps.Keys(w.activities)) {
		switch rapid.IntRange(0, 5).Draw(rt, "activity") {
		case 0, 1:
			out = append(out, &history.ActivityCompleted{Ordinal: o, Attempt: 1, Result: model.Payload{ContentType: model.ContentTypeJSON, Data: fmt.Appendf(nil, `"r%d"`, o)}})
		case 2:
			out = append(out, &history.ActivityFailed{Ordinal: o, Attempt: 2, Failure: &model.Failure{Type: "bad", Message: "no"}})
		default:
			continue
		}
		delete(w.activities, o)
	}
	for _, o := range slices.Sorted(maps.Keys(w.timers)) {
		if rapid.Bool().Draw(rt, "timer") {
			delete(w.timers, o)
			out = append(out, &history.TimerFired{Ordinal: o})
		}
	}
	if rapid.IntRange(0, 4).Draw(rt, "signal") == 0 {
		out = append(out, &history.SignalReceived{Name: "Signal", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"s"`)}})
	}
	if !w.cancel && rapid.IntRange(0, 15).Draw(rt, "cancel") == 0 {
		w.cancel = true
		out = append(out, &history.CancelRequested{})
	}
	return out
}

func genOps(depth int) *rapid.Generator[[]random.Op] {
	return rapid.Custom(func(t *rapid.T) []random.Op {
		out := make([]random.Op, rapid.IntRange(1, 6).Draw(t, "n"))
		for i := range out {
			out[i] = random.Op{Kind: rapid.SampledFrom(random.Kinds).Draw(t, "kind"), N: rapid.IntRange(1, 4).Draw(t, "N")}
			if depth > 0 && random.Nesting[out[i].Kind] {
				out[i].Body = genOps(depth-1).Draw(t, "body")
			}
		}
		return out
	})
}

// A package that was built, with wazero as its host.
func TestModule(t *testing.T) {
	r, err := Package(context.Background(), "../../sdk/guest/testdata/random", Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t, r.Module)
	t.Run("answers like native code", func(t *testing.T) { answersLikeNative(t, s) })
	t.Run("edges", func(t *testing.T) { edges(t, s) })
}

// Every activation, and a query at the end, is answered byte for byte like the same code does natively.
func answersLikeNative(t *testing.T, s *sandbox) {
	program, err := guest.NewProgram(workflow.Guest(random.Workflows()))
	if err != nil {
		t.Fatal(err)
	}
	activations := 0
	rapid.Check(t, func(rt *rapid.T) {
		input, err := json.Marshal(genOps(2).Draw(rt, "ops"))
		if err != nil {
			rt.Fatal(err)
		}
		native, wasm := program.NewInstance(), s.instance()
		defer native.Close()
		defer func() { _ = wasm.Close(context.Background()) }()
		w := &world{activities: map[model.Ordinal]*history.ActivityScheduled{}, timers: map[model.Ordinal]bool{}}
		seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed")
		w.next = []history.Attributes{&history.Started{WorkflowID: "w", Type: "Random", Seed: seed, Input: model.Payload{ContentType: model.ContentTypeJSON, Data: input}}}
		for step := range 40 {
			in := activation(int64(step+1)*1e9, w.events(rt))
			want := native.Activate(nil, in)
			got, err := s.call(wasm, "aion_activate", in)
			if err != nil || !bytes.Equal(got, want) {
				rt.Fatalf("activation %d: the module answers\n%q\nnative code\n%q\n(%v)", step, got, want, err)
			}
			activations++
			if w.take(t, got); w.closed {
				break
			}
		}
		query := field(nil, 1, []byte("Trace"))
		got, err := s.call(wasm, "aion_query", query)
		if want := native.Answer(nil, query); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("the module saw\n%s\nnative code\n%s\n(%v)", got, want, err)
		}
	})
	t.Logf("%d activations", activations)
}

// A panic of the code is answered, not trapped, and shows where it came from; large values pass.
func edges(t *testing.T, s *sandbox) {
	start := func(kind string) []byte {
		input, _ := json.Marshal([]random.Op{{Kind: kind}})
		return activation(1, []history.Attributes{&history.Started{Type: "Random", Seed: make([]byte, 32), Input: model.Payload{ContentType: model.ContentTypeJSON, Data: input}}})
	}
	out, err := s.call(s.instance(), "aion_activate", start("panic"))
	if err != nil || out[0] != 3<<3|2 || !bytes.Contains(out, []byte("nil pointer")) || !bytes.Contains(out, []byte("random.go:")) {
		t.Errorf("%q %v", out, err)
	}
	big := s.instance()
	if out, err = s.call(big, "aion_activate", start(strings.Repeat("x", 256<<10))); err != nil || len(out) < 256<<10 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if out, err := s.call(big, "aion_query", field(nil, 1, []byte("q"))); err != nil || !bytes.Contains(out, []byte("handles no query")) {
		t.Errorf("%q %v", out, err)
	}
	if out, err := s.call(s.instance(), "aion_activate", nil); err != nil || len(out) != 0 {
		t.Errorf("%q %v", out, err)
	}
}

// BenchmarkModule: one activation of a parked run and its answer, inside wasm.
func BenchmarkModule(b *testing.B) {
	r, err := Package(context.Background(), "../../sdk/guest/testdata/random", Options{})
	if err != nil {
		b.Fatal(err)
	}
	s := newSandbox(b, r.Module)
	ops := make([]random.Op, 3000)
	for i := range ops {
		ops[i] = random.Op{Kind: "call", N: 1}
	}
	input, _ := json.Marshal(ops)
	var m api.Module
	next := model.Ordinal(0)
	b.ResetTimer()
	for b.Loop() {
		if next%3000 == 0 {
			b.StopTimer()
			if m != nil {
				_ = m.Close(context.Background())
			}
			m, next = s.instance(), 1
			in := activation(1, []history.Attributes{&history.Started{Type: "Random", Seed: make([]byte, 32), Input: model.Payload{ContentType: model.ContentTypeJSON, Data: input}}})
			if _, err := s.call(m, "aion_activate", in); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		in := activation(1, []history.Attributes{&history.ActivityCompleted{Ordinal: next, Attempt: 1, Result: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"r"`)}}})
		if _, err := s.call(m, "aion_activate", in); err != nil {
			b.Fatal(err)
		}
		next++
	}
	_ = m.Close(context.Background())
}
