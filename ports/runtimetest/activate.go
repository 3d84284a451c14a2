package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func info(t *testing.T, s *subject) {
	types := map[model.WorkflowType]ports.WorkflowInfo{}
	for _, w := range s.program.Info().Workflows {
		types[w.Type] = w
	}
	for _, want := range []model.WorkflowType{"echo", "steps", "nap", "inbox", "dice", "chatty", "shuffle", "panic"} {
		if _, ok := types[want]; !ok {
			t.Errorf("the workflow %q is not declared", want)
		}
	}
	if s.program.Hash() == "" {
		t.Error("the program has no hash")
	}
	if s.harness.Sandboxed && len(s.program.ImageHash()) != 64 {
		t.Errorf("the image's hash is %q", s.program.ImageHash())
	}
}

func loadsOnce(t *testing.T, s *subject) {
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if again := s.harness.Again(t, s.runtime); again != s.program {
				t.Error("loading the same hash again gives another program")
			}
		})
	}
	wait.Wait()
}

func commands(t *testing.T, s *subject) {
	r := s.open(t, seedOf(1))
	out := r.deliver(r.started("steps", "3"))
	for i := range 3 {
		a := scheduled(t, out)
		if a.Ordinal != model.Ordinal(i+1) || a.Type != "step" || string(a.Input.Data) != strconv.Itoa(i) {
			t.Fatalf("activity %d: ordinal %d, type %q, input %q", i+1, a.Ordinal, a.Type, a.Input.Data)
		}
		out = r.deliver(completed(a.Ordinal, fmt.Sprintf(`"r%d"`, i)))
	}
	if v := result(t, out); v != `"r2"` {
		t.Errorf("the result is %s", v)
	}
	if out := r.deliver(signal("add", `"late"`)); len(out) != 0 {
		t.Errorf("commands %v after the run ended", kinds(out))
	}
	r.replay(s)
}

func several(t *testing.T, s *subject) {
	r := s.open(t, seedOf(1))
	out := r.deliver(r.started("inbox", "null"), signal("add", `"a"`), signal("add", `"b"`))
	if len(out) != 0 {
		t.Fatalf("commands %v", kinds(out))
	}
	if v := result(t, r.deliver(signal("add", `"c"`), signal("done", "null"))); v != `"a,b,c"` {
		t.Errorf("the result is %s", v)
	}
	r.replay(s)
}

func clock(t *testing.T, s *subject) {
	r := s.open(t, seedOf(1))
	out := r.deliver(r.started("nap", "null"))
	timer, ok := out[0].(*history.TimerStarted)
	if len(out) != 1 || !ok || timer.Ordinal != 1 || timer.Delay != 5*time.Second {
		t.Fatalf("commands %v: want a timer of 5s", kinds(out))
	}
	out = r.deliver(&history.TimerFired{Ordinal: 1})
	if v := result(t, out); v != strconv.FormatInt(r.now.UnixNano(), 10) {
		t.Errorf("the code sees the time %s; it is %d", v, r.now.UnixNano())
	}
}

func logs(t *testing.T, s *subject) {
	for _, live := range []bool{true, false} {
		r := s.open(t, seedOf(1))
		a := r.activation(r.started("chatty", "null"))
		a.Live = live
		out, err := r.activate(a)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !live && len(out.Logs) > 0:
			t.Errorf("%d lines while replaying", len(out.Logs))
		case live && (len(out.Logs) != 1 || out.Logs[0].Level != 4 || out.Logs[0].Message != "hello" || out.Logs[0].Attrs["who"] != "world"):
			t.Errorf("lines %+v", out.Logs)
		}
	}
}

func payloads(t *testing.T, s *subject) {
	for name, text := range map[string]string{
		"text":    `"Grüße, 世界 \u0000"`,
		"numbers": `[1, 2.5, 9007199254740993]`,
		"large":   `"` + strings.Repeat("0123456789abcdef", 64<<10) + `"`,
	} {
		r := s.open(t, seedOf(1))
		if v := result(t, r.deliver(r.started("echo", text))); v != text {
			t.Errorf("%s: %d bytes came back changed", name, len(text))
		}
	}
}

func endedContext(t *testing.T, s *subject) {
	r := s.open(t, seedOf(1))
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_, err := r.inst.Activate(ctx, r.activation(r.started("steps", "1")))
	var trap *ports.Trap
	if errors.As(err, &trap) {
		t.Errorf("an ended context gives the trap %v", trap)
	}
}

func panics(t *testing.T, s *subject) {
	r := s.open(t, seedOf(1))
	_, err := r.activate(r.activation(r.started("panic", "null")))
	trap := trapped(t, err, ports.TrapPanic)
	if !strings.Contains(trap.Message, "the sky is falling") {
		t.Errorf("the message is %q", trap.Message)
	}
	if trap.Stack == "" {
		t.Error("the trap has no stack")
	}
	r.inst.Close(context.Background())
	other := s.start(t, "steps", "1") // another instance is unharmed
	if v := result(t, other.deliver(completed(1, `"ok"`))); v != `"ok"` {
		t.Errorf("the result is %s", v)
	}
}

func independent(t *testing.T, s *subject) {
	a, b := s.start(t, "inbox", "null"), s.start(t, "inbox", "null")
	a.deliver(signal("add", `"one"`))
	b.deliver(signal("add", `"two"`))
	if v := result(t, a.deliver(signal("done", "null"))); v != `"one"` {
		t.Errorf("the first ends with %s", v)
	}
	if v := result(t, b.deliver(signal("done", "null"))); v != `"two"` {
		t.Errorf("the second ends with %s", v)
	}
}

func concurrent(t *testing.T, s *subject) {
	t.Run("runs", func(t *testing.T) {
		for i := range 8 {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				r := s.open(t, seedOf(byte(i)))
				out := r.deliver(r.started("steps", "5"))
				for len(out) == 1 && out[0].Kind() == history.KindActivityScheduled {
					out = r.deliver(completed(scheduled(t, out).Ordinal, strconv.Itoa(i)))
				}
				if v := result(t, out); v != strconv.Itoa(i) {
					t.Errorf("the result is %s", v)
				}
			})
		}
	})
}

func seeds(t *testing.T, s *subject) {
	roll := func(seed byte) string {
		r := s.open(t, seedOf(seed))
		return result(t, r.deliver(r.started("dice", "null")))
	}
	if a, b := roll(1), roll(1); a != b {
		t.Errorf("one seed gives %s and %s", a, b)
	}
	if a, b := roll(1), roll(2); a == b {
		t.Errorf("two seeds give %s", a)
	}
}

func replays(t *testing.T, s *subject) {
	r := s.open(t, seedOf(7))
	out := r.deliver(r.started("shuffle", "null"))
	if len(out) < 20 {
		t.Fatalf("%d commands; want at least 20", len(out))
	}
	for k := len(out) - 1; k >= 0; k-- {
		a, ok := out[k].(*history.ActivityScheduled)
		if !ok {
			t.Fatalf("commands %v", kinds(out))
		}
		again := r.replay(s)
		end := r.deliver(completed(a.Ordinal, `"x"`))
		again.deliver(completed(a.Ordinal, `"x"`))
		r.same(again)
		if k == 0 {
			result(t, end)
		}
		again.inst.Close(context.Background())
	}
}
