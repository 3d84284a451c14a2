package wasm

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const anyHash = model.PackageHash("00000000000000000000000000000000000000000000000000000000000000aa")

func openSmall(t *testing.T, change func(b *asm.Builder)) (*Runtime, ports.Program) {
	t.Helper()
	rt, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	b := asm.Guest()
	change(b)
	p, err := rt.Load(t.Context(), anyHash, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return rt, p
}

// [D-3] While as many guests compute as may, another one waits; it runs when one of them ends.
func TestTurns(t *testing.T) {
	rt, p := openSmall(t, func(b *asm.Builder) {
		// loops when the clock says 7 s, else answers nothing
		loop := asm.Seq(asm.I32(64), asm.Load32(0), asm.I32(-1589934592 /* the lower half of 7e9 */), asm.I32Eq, asm.If(asm.Loop(asm.Br(0))))
		b.Func("aion_activate", "i:l", "", asm.I32(0), asm.I64(0), asm.I32(64), asm.Call(asm.ClockTimeGet), asm.Drop, loop, asm.Span(asm.Answer, 0))
	})
	activate := func(ctx context.Context, now int64) error {
		i, err := p.New(ctx, [32]byte{})
		if err != nil {
			return err
		}
		defer i.Close(ctx)
		_, err = i.Activate(ctx, ports.Activation{Now: time.Unix(now, 0)})
		return err
	}
	if err := activate(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	for range cap(rt.turns) {
		go func() { ended <- activate(ctx, 7) }()
	}
	for len(rt.turns) < cap(rt.turns) {
		<-time.After(time.Millisecond)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := activate(short, 1); !fault.Has(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with no turn left: %v; want unavailable", err)
	}
	waiting := make(chan error)
	go func() { waiting <- activate(t.Context(), 1) }()
	stop()
	for range cap(rt.turns) {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a looping guest ended with %v", err)
		}
	}
	if err := <-waiting; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
}

// [D-9] No more instances live than the kernel has mappings for; the error says what to do.
func TestInstancesAreBounded(t *testing.T) {
	rt, p := openSmall(t, func(*asm.Builder) {})
	rt.spaces = 2
	var live []ports.Instance
	for range 2 {
		i, err := p.New(t.Context(), [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, i)
	}
	if _, err := p.New(t.Context(), [32]byte{}); !fault.Has(err, fault.Overloaded) {
		t.Errorf("a third: %v; want overloaded", err)
	}
	if _, ok, err := live[0].Clone(t.Context()); ok || !fault.Has(err, fault.Overloaded) {
		t.Errorf("a clone: %v; want overloaded", err)
	}
	live[0].Close(t.Context())
	i, err := p.New(t.Context(), [32]byte{})
	if err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	i.Close(t.Context())
	live[1].Close(t.Context())
}
