package guest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// events for tests, written with the same primitives that commands are written with.

func startedEvent(typ string) []byte {
	b, m := openMessage(nil, kindStarted)
	b = appendString(b, 1, "default")
	b = appendString(b, 2, "w")
	b = appendString(b, 4, typ)
	b = appendPayload(b, 5, Payload{ContentType: ContentTypeJSON, Data: []byte(`"in"`)})
	b = appendString(b, 8, make([]byte, 32))
	return closeMessage(b, m)
}

func activation(now int64, events ...[]byte) []byte {
	b := appendUint(nil, 1, uint64(now))
	b = appendBool(b, 2, true)
	for _, e := range events {
		b = appendString(b, 3, e)
	}
	return b
}

func echo(ctx Context, p Payload) (Payload, error) {
	Log(ctx, 4, "began", []Entry{{"k", "v"}})
	HandleQuery(ctx, "q", func(p Payload) (Payload, error) { return p, nil })
	_, err := NewTimer(ctx, 90*time.Second+7).Get(ctx)
	return p, err
}

func newInstance(t testing.TB) *Instance {
	p, err := NewProgram([]*Workflow{{Type: "Echo", Run: echo}})
	if err != nil {
		t.Fatal(err)
	}
	in := p.NewInstance()
	t.Cleanup(in.Close)
	return in
}

// The messages of the guest ABI, byte by byte.
func TestABI(t *testing.T) {
	in := newInstance(t)
	got := in.Activate(nil, activation(5, startedEvent("Echo")))
	want := []byte{
		1<<3 | 2, 11, 40<<3&0x7f | 2 | 0x80, 40 >> 4, 8, 1 << 3, 1, 2<<3 | 2, 4, 1 << 3, 90, 2 << 3, 7, // TimerStarted{1, 90 s 7 ns}
		2<<3 | 2, 17, 1 << 3, 4, 2<<3 | 2, 5, 'b', 'e', 'g', 'a', 'n', 3<<3 | 2, 6, 1<<3 | 2, 1, 'k', 2<<3 | 2, 1, 'v',
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%v\n%v", got, want)
	}
	query := appendPayload(appendString(nil, 1, "q"), 2, Payload{Data: []byte("x")})
	if got := in.Answer(nil, query); !bytes.Equal(got, []byte{1<<3 | 2, 3, 2<<3 | 2, 1, 'x'}) {
		t.Fatalf("%v", got)
	}
	if got := in.Answer(nil, appendString(nil, 1, "no")); !bytes.HasPrefix(got, []byte{2 << 3, 1, 3<<3 | 2}) {
		t.Fatalf("%v", got)
	}
	fired, m := openMessage(nil, kindTimerFired)
	fired = closeMessage(appendUint(fired, 1, 1), m)
	got = in.Activate(nil, activation(6, fired))
	if !bytes.Contains(got, []byte(`"in"`)) || got[2] != kindCompleted<<3|2 {
		t.Fatalf("%v", got)
	}
	d := Description{Workflows: []string{"A"}, Signals: []string{"s"}, Queries: []string{"q"}, Activities: []string{"x", "y"}, SDK: "go"}
	want = []byte{1<<3 | 2, 9, 1<<3 | 2, 1, 'A', 2<<3 | 2, 1, 's', 3<<3 | 2, 1, 'q', 2<<3 | 2, 2, 'g', 'o', 3<<3 | 2, 1, 'x', 3<<3 | 2, 1, 'y'}
	if got := d.Append(nil); !bytes.Equal(got, want) {
		t.Fatalf("%v", got)
	}
}

func TestDamagedInput(t *testing.T) {
	deep := []byte{}
	for range maxFailureDepth + 1 {
		b, m := openMessage(nil, 6)
		deep = closeMessage(append(b, deep...), m)
	}
	failed, m := openMessage(nil, kindActivityFailed)
	failed, m2 := openMessage(failed, 3)
	failed = closeMessage(closeMessage(append(failed, deep...), m2), m)
	shortSeed, m := openMessage(nil, kindStarted)
	shortSeed = closeMessage(appendString(shortSeed, 8, "short"), m)
	unknown, m := openMessage(nil, 99)
	unknown = closeMessage(unknown, m)
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"truncated", "truncated", activation(1, startedEvent("Echo"))[:20]},
		{"group", "wire type 3", []byte{1<<3 | 3}},
		{"field 0", "out of range", []byte{0, 1}},
		{"long varint", "longer than 64 bits", append([]byte{1 << 3}, bytes.Repeat([]byte{0xff}, 11)...)},
		{"wrong wire type", "wire type 0 instead of 2", []byte{3 << 3, 1}},
		{"not text", "UTF-8", activation(1, []byte{kindSignalReceived<<3&0x7f | 2 | 0x80, kindSignalReceived >> 4, 3, 1<<3 | 2, 1, 0xff})},
		{"not begun", "instead of Started", activation(1, []byte{kindTimerFired<<3&0x7f | 2 | 0x80, kindTimerFired >> 4, 2, 1 << 3, 1})},
		{"no kind", "does not know", []byte{3<<3 | 2, 0}},
		{"unknown kind", "does not know", activation(1, unknown)},
		{"two kinds", "two kinds", activation(1, append(bytes.Clone(unknown), unknown...))},
		{"short seed", "5 bytes instead of 32", activation(1, shortSeed)},
		{"deep failure", "more than 32 causes", activation(1, failed)},
		{"unknown type", `no workflow type "Nope"; it has: Echo`, activation(1, startedEvent("Nope"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstance(t)
			out := string(in.Activate(nil, c.in))
			if !strings.Contains(out, c.want) || out[0] != 3<<3|2 {
				t.Fatalf("%q", out)
			}
			if again := string(in.Activate(nil, activation(1, startedEvent("Echo")))); again != out {
				t.Fatalf("the instance went on: %q", again)
			}
		})
	}
}

// Whatever the host sends, the guest answers.
func FuzzActivate(f *testing.F) {
	f.Add(activation(1, startedEvent("Echo")), []byte{})
	f.Add(activation(1, startedEvent("Echo")), activation(1, []byte{kindTimerFired<<3&0x7f | 2 | 0x80, kindTimerFired >> 4, 2, 1 << 3, 1}))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		in := newInstance(t)
		in.Activate(nil, a)
		in.Activate(nil, b)
		in.Answer(nil, b)
	})
}

func TestFailureOf(t *testing.T) {
	typed := BadPayload(errors.New("odd"))
	for _, c := range []struct {
		err  error
		want Failure
		deep int
	}{
		{errors.New("plain"), Failure{Message: "plain", Retryable: true}, 0},
		{typed, Failure{Type: FailureBadPayload, Message: "odd"}, 0},
		{fmt.Errorf("while: %w", typed), Failure{Type: FailureBadPayload, Message: "while: odd"}, 1},
		{errors.Join(errors.New("a"), typed), Failure{Type: FailureBadPayload, Message: "a\nodd"}, 1},
		{fmt.Errorf("w: %w", ErrCanceled), Failure{Type: FailureCanceled, Message: "w: canceled", Retryable: true}, 0},
		{TimeoutError{Heartbeat}, Failure{Type: FailureTimeout, Message: "timed out: heartbeat", Retryable: true}, 0},
		{errors.New("bad \xff text"), Failure{Message: "bad \uFFFD text", Retryable: true}, 0},
	} {
		got := FailureOf(c.err)
		if got.Type != c.want.Type || got.Message != c.want.Message || got.Retryable != c.want.Retryable || (got.Cause != nil) != (c.deep > 0) {
			t.Errorf("%v: %+v", c.err, got)
		}
		b := appendFailure(nil, 1, got)
		d := decoder{rest: b}
		d.next()
		back, err := decodeFailure(d.bytes(), 1)
		if err != nil || back.Message != got.Message || back.Type != got.Type || back.Retryable != got.Retryable {
			t.Errorf("%v: read back %+v, %v", c.err, back, err)
		}
	}
}

func TestPayload(t *testing.T) {
	for _, v := range []any{nil, "x", 1.5, []int{1}, map[string]int{"b": 1, "a": 2}} {
		p, err := Encode(v)
		if err != nil || p.ContentType != ContentTypeJSON {
			t.Fatal(p, err)
		}
		b := appendPayload(nil, 1, p)
		d := decoder{rest: b}
		d.next()
		if back, err := decodePayload(d.bytes()); err != nil || !bytes.Equal(back.Data, p.Data) {
			t.Fatal(back, err)
		}
	}
	if p, err := Encode(None{}); err != nil || !p.IsZero() {
		t.Error(p, err)
	}
	if v, err := Decode[int](Payload{}); v != 0 || err != nil {
		t.Error(v, err)
	}
	if _, err := Decode[None](Payload{ContentType: "image/png"}); err != nil {
		t.Error(err)
	}
	if _, err := Decode[int](Payload{ContentType: "image/png", Data: []byte("1")}); err == nil || !strings.Contains(err.Error(), "image/png") {
		t.Error(err)
	}
	if v, err := Decode[int](Payload{Data: []byte("1x")}); v != 0 || err == nil {
		t.Error(v, err)
	}
}

// The run's random numbers are ChaCha8 keyed by SHA-256(seed ‖ "rand"): part of the promise, since replay depends on it.
func TestRandIsFixed(t *testing.T) {
	in := &Instance{seed: [32]byte{1, 2, 3}}
	want := rand.NewChaCha8(sha256.Sum256(append(in.seed[:], "rand"...)))
	for range 3 {
		if got, w := Rand(Context{inst: in}).Uint64(), want.Uint64(); got != w {
			t.Fatal(got, w)
		}
	}
	if got := UUID(Context{inst: &Instance{}}); got != "77775a75-a288-49b9-8619-fe62800d2dde" {
		t.Fatal(got)
	}
}

func TestCompensationError(t *testing.T) {
	e := &CompensationError{Err: ErrCanceled, Failed: []error{errors.New("a"), errors.New("b")}}
	if e.Error() != "canceled; compensation failed: a; b" || !errors.Is(e, ErrCanceled) {
		t.Error(e)
	}
	if e := (&CompensationError{Failed: []error{errors.New("a")}}); e.Error() != "compensation failed: a" {
		t.Error(e)
	}
}
