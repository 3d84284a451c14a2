package wasm_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func startedEvent(workflow, input string) *history.Started {
	return &history.Started{
		Namespace: "default", WorkflowID: "w", RunID: "r", Type: model.WorkflowType(workflow), TaskQueue: "default", Seed: make([]byte, 32),
		Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(input)},
	}
}

func asTrap(t testing.TB, err error) *ports.Trap {
	t.Helper()
	var trap *ports.Trap
	if !errors.As(err, &trap) {
		t.Fatalf("%v: want a trap", err)
	}
	return trap
}

// begin starts a workflow of the flow guest in a new instance.
func begin(t testing.TB, p ports.Program, workflow, input string, limits ports.Limits) (ports.Instance, ports.ActivationResult, error) {
	t.Helper()
	i, err := p.New(context.Background(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close(context.Background()) })
	out, err := i.Activate(context.Background(), ports.Activation{Now: time.Unix(1, 0), Live: true, Events: started(workflow, input), Limits: limits})
	return i, out, err
}

// [DET-3] What a Go guest does wrong is told to its author in the trap's message and stack [D-10].
func TestTrapsOfGoGuests(t *testing.T) {
	_, p := flow.shared(t)
	limits := ports.Limits{Fuel: 100_000_000, MemoryBytes: 64 << 20}
	for _, c := range []struct {
		workflow, input string
		kind            ports.TrapKind
		message, stack  string
	}{
		{"panic", "null", ports.TrapPanic, "the sky is falling", "driver.go"},
		{"panic-caught", "null", ports.TrapPanic, "the sky is falling", "driver.go"},
		{"nil", "null", ports.TrapPanic, "invalid memory address or nil pointer dereference", "driver.go"},
		{"print", "null", ports.TrapPanic, "after text", "driver.go"},
		{"spin", "null", ports.TrapFuel, "computes for longer", ""},
		{"hog", "null", ports.TrapMemory, "needs more memory", ""},
		{"dive", "null", ports.TrapStack, "calls itself too deeply", ""},
		{"stuck", "null", ports.TrapDeadlock, "waits for something that no event can bring", "chan receive"},
		{"sleep", "null", ports.TrapDeadlock, "waits for real time", ""},
		{"quit", "null", ports.TrapExit, "exit code 3", ""},
		{"patch", "0xffffff00 1000", ports.TrapProtocol, "asks for a patch whose name", ""},
		{"patch", "0 0", ports.TrapProtocol, "asks for a patch whose name", ""},
		{"patch", "64 300", ports.TrapProtocol, "asks for a patch whose name", ""},
		{"span", "0xffffffff00000010", ports.TrapProtocol, "answers 16 bytes at 4294967295, outside", ""},
		{"span", "0x00000000ffffffff", ports.TrapProtocol, "outside of the guest's memory", ""},
		{"bytes", `"/////w=="`, ports.TrapProtocol, "is not in the protobuf wire format", ""},
		{"bytes", `"CgU="`, ports.TrapProtocol, "is not in the protobuf wire format", ""},
	} {
		t.Run(c.workflow+" "+c.input, func(t *testing.T) {
			_, _, err := begin(t, p, c.workflow, c.input, limits)
			trap := asTrap(t, err)
			if trap.Which != c.kind || !strings.Contains(trap.Message, c.message) || !strings.Contains(trap.Stack, c.stack) {
				t.Errorf("kind %s, message %q, stack %q; want %s, %q, %q", trap.Which, trap.Message, trap.Stack, c.kind, c.message, c.stack)
			}
		})
	}
}

// [D-2] Fuel is the same in every instance and its limit exact.
func TestFuelIsDeterministic(t *testing.T) {
	_, p := flow.shared(t)
	_, first, err := begin(t, p, "work", "20", ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if first.FuelUsed < 10_000 {
		t.Fatalf("used %d units", first.FuelUsed)
	}
	for _, c := range []struct {
		fuel int64
		ok   bool
	}{{0, true}, {first.FuelUsed, true}, {10 * first.FuelUsed, true}, {first.FuelUsed - 1, false}, {1, false}} {
		_, out, err := begin(t, p, "work", "20", ports.Limits{Fuel: c.fuel})
		if c.ok && (err != nil || out.FuelUsed != first.FuelUsed) {
			t.Errorf("with %d units: used %d, %v; want %d", c.fuel, out.FuelUsed, err, first.FuelUsed)
		}
		if !c.ok {
			if trap := asTrap(t, err); trap.Which != ports.TrapFuel || trap.Limit != c.fuel {
				t.Errorf("with %d units: %+v", c.fuel, trap)
			}
		}
	}
}

// [D-2] Garbage is collected inside the guest, so that a limit bounds what is alive, and the limit of an activation counts up to four
// times the runtime's.
func TestMemoryLimits(t *testing.T) {
	code, _ := flow.load(t)
	p := load(t, open(t, wasm.Options{MemoryBytes: 32 << 20}), code)
	if _, _, err := begin(t, p, "churn", "200", ports.Limits{}); err != nil {
		t.Errorf("200 MiB of garbage within 32 MiB: %v", err)
	}
	for _, c := range []struct{ asked, counts int64 }{{0, 32 << 20}, {16 << 20, 16 << 20}, {100 << 20, 100 << 20}, {1 << 40, 128 << 20}} {
		_, _, err := begin(t, p, "hog", "null", ports.Limits{MemoryBytes: c.asked})
		if trap := asTrap(t, err); trap.Which != ports.TrapMemory || trap.Limit != c.counts {
			t.Errorf("with a limit of %d: %+v; want a memory trap at %d", c.asked, trap, c.counts)
		}
	}
	small := asm.Guest()
	small.Memory(asm.Seq(0, asm.U(2000)))
	bytes := small.Bytes()
	if _, err := open(t, wasm.Options{MemoryBytes: 32 << 20}).Load(t.Context(), hashOf(bytes), bytes); !fault.Has(err, fault.InvalidInput) {
		t.Errorf("a package that begins with 125 MiB: %v", err)
	}
}

// A guest's own declaration of its largest memory is part of its meaning: there memory.grow answers -1 and nothing traps.
func TestMemoryThatTheGuestBounds(t *testing.T) {
	b := asm.Guest()
	b.Memory(asm.Seq(1, 1, 3))
	fails := asm.Seq(asm.I32(1), 0x40, 0, asm.I32(-1), asm.I32Eq)
	b.Func("aion_activate", "i:l", "", fails, asm.If(asm.Unreachable), fails, asm.If(asm.Unreachable), fails, asm.I32Eqz, asm.If(asm.Unreachable), asm.Span(asm.Answer, 0))
	if _, err := activateOnce(t, load(t, open(t, wasm.Options{}), b.Bytes()), ports.Limits{}); err != nil {
		t.Error(err)
	}
}

// A computing guest is stopped when its context ends, and that is no trap: the run may be tried again.
func TestContextStopsAGuest(t *testing.T) {
	_, p := flow.shared(t)
	i, err := p.New(t.Context(), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close(t.Context())
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	_, err = i.Activate(ctx, ports.Activation{Now: time.Unix(1, 0), Events: started("spin", "null")}) // without a limit
	if !fault.Has(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped with %v; want unavailable, deadline exceeded", err)
	}
	if _, err := i.Activate(t.Context(), ports.Activation{Now: time.Unix(1, 0), Events: started("echo", "null")}); err == nil {
		t.Error("the stopped instance can be activated")
	}
}

// Close ends guests that compute, and waits for them.
func TestCloseStopsGuests(t *testing.T) {
	code, _ := flow.load(t)
	rt := open(t, wasm.Options{})
	p := load(t, rt, code)
	before := rt.Stats().FuelUsed
	ended := make(chan error)
	for range 3 { // more than may run at a time on two processors
		go func() {
			_, _, err := begin(t, p, "spin", "null", ports.Limits{})
			ended <- err
		}()
	}
	for rt.Stats().LiveInstances < 3 {
		<-time.After(time.Millisecond)
	}
	if err := rt.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-ended; !fault.Has(err, fault.Draining) {
			t.Errorf("a guest ended with %v; want draining", err)
		}
	}
	if s := rt.Stats(); s.LiveInstances != 0 || s.LiveBytes != 0 || s.FuelUsed < before {
		t.Errorf("after Close: %+v", s)
	}
}

// What a guest logs is bounded, and made readable.
func TestAnswersAreBounded(t *testing.T) {
	line := asm.Seq(0x12, asm.U(6), 0x08, 1, 0x12, 2, "h\xff")
	b := asm.Guest()
	b.Memory(asm.Seq(0, asm.U(4)))
	b.Data(70_000, strings.Repeat(string(line), 3000))
	b.Func("aion_activate", "i:l", "", asm.Span(70_000, uint32(3000*len(line))))
	out, err := activateOnce(t, load(t, open(t, wasm.Options{}), b.Bytes()), ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Logs) != 1001 || out.Logs[0].Message != "h\ufffd" || !strings.HasPrefix(out.Logs[1000].Message, "2000 more lines") {
		t.Errorf("%d lines, first %q, last %q", len(out.Logs), out.Logs[0].Message, out.Logs[len(out.Logs)-1].Message)
	}
}

// The clock stands still inside an activation, and entropy is the run's stream, whatever the guest does with the system.
func TestClosedSystem(t *testing.T) {
	b := asm.Guest()
	store := func(call asm.Code) asm.Code { return asm.Seq(call, asm.If(asm.Unreachable)) }
	at := func(id, to int32) asm.Code {
		return store(asm.Seq(asm.I32(id), asm.I64(0), asm.I32(to), asm.Call(asm.ClockTimeGet)))
	}
	// real clock, monotonic clock, real clock again, 8 bytes of entropy: as one command of 32 bytes
	b.Data(2000, "\x0a\x20")
	b.Func("aion_activate", "i:l", "", at(0, 2002), at(1, 2010), at(0, 2018), store(asm.Seq(asm.I32(2026), asm.I32(8), asm.Call(asm.RandomGet))),
		asm.I32(2), asm.I64(0), asm.I32(0), asm.Call(asm.ClockTimeGet), asm.I32(28), asm.I32Eq, asm.I32Eqz, asm.If(asm.Unreachable), // another clock: EINVAL
		asm.Span(2000, 34))
	p := load(t, open(t, wasm.Options{}), b.Bytes())
	out, err := activateOnce(t, p, ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Commands[2:]
	le := func(b []byte) (v uint64) {
		for i := range 8 {
			v |= uint64(b[i]) << (8 * i)
		}
		return v
	}
	if le(c) != 1e9 || le(c[8:]) != 1e9+1 || le(c[16:]) != 1e9 {
		t.Errorf("the clocks say %d, %d, %d", le(c), le(c[8:]), le(c[16:]))
	}
	again, err := activateOnce(t, p, ports.Limits{})
	if err != nil || string(again.Commands) != string(out.Commands) {
		t.Error("the same seed gives other entropy")
	}
	if le(c[24:]) == 0 {
		t.Error("no entropy")
	}
}

// Many runs of one program, on more goroutines than turns, with queries on clones: nothing is mixed up.
func TestConcurrentRuns(t *testing.T) {
	_, p := flow.shared(t)
	for n := range 6 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			for k := range 20 {
				text := strconv.Quote(strconv.Itoa(1000*n + k))
				i, _, err := begin(t, p, "inbox", "null", ports.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				event := history.AppendEvent(nil, &history.Event{Seq: 2, Time: 1, Attr: &history.SignalReceived{Name: "add", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(text)}}})
				if _, err := i.Activate(t.Context(), ports.Activation{Now: time.Unix(1, 0), Events: event}); err != nil {
					t.Fatal(err)
				}
				c, _, err := i.Clone(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				i.Close(t.Context())
				out, err := c.Query(t.Context(), ports.Query{Name: "seen"})
				c.Close(t.Context())
				if err != nil || string(out.Data) != text {
					t.Errorf("seen answers %s, %v; want %s", out.Data, err, text)
				}
			}
		})
	}
}
