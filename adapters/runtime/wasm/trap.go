package wasm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aionrun/aion/ports"
)

// trapOf turns the end of a call into what the engine records. err is wazero's.
func (c *call) trapOf(err error) error {
	reason, stack, _ := strings.Cut(err.Error(), "wasm stack trace:")
	stack = strings.TrimSpace(stack)
	if c.exited {
		return c.exitTrap()
	}
	if c.ended != nil {
		if t := (*ports.Trap)(nil); errors.As(c.ended, &t) && t.Stack == "" {
			t.Stack = text([]byte(stack), maxStackBytes)
			if t.Which == ports.TrapMemory && recursing(stack) {
				t.Which, t.Message = ports.TrapStack, tooDeep // Go's stacks stand in the memory
			}
		}
		return c.ended
	}
	reason = strings.TrimPrefix(strings.TrimSpace(reason), "wasm error: ")
	if reason == "stack overflow" {
		return &ports.Trap{Which: ports.TrapStack, Message: tooDeep}
	}
	if t := c.saidTrap(); t != nil {
		return t
	}
	t := &ports.Trap{Which: ports.TrapPanic, Message: text([]byte(reason), maxTextBytes), Stack: text([]byte(stack), maxStackBytes)}
	if said := strings.TrimSpace(c.output.text()); said != "" {
		t.Message += "\n" + said
	}
	return t
}

const tooDeep = "the code calls itself too deeply"

// recursing says whether a trace is full, and the older half of it, which is what the guest was doing before its runtime needed memory, is
// a few functions over and over.
func recursing(trace string) bool {
	lines := strings.Split(trace, "\n")
	const full, older = 28, 12 // wazero gives some thirty frames at most
	if len(lines) < full {
		return false
	}
	distinct := map[string]bool{}
	for _, l := range lines[len(lines)-older:] {
		distinct[l] = true
	}
	return len(distinct) <= 4
}

// exitTrap says what it means that the guest called proc_exit. Go's runtime does so, with 2, after it printed a panic or a fatal error.
func (c *call) exitTrap() *ports.Trap {
	if t := c.saidTrap(); t != nil && c.code == 2 {
		return t
	}
	t := &ports.Trap{Which: ports.TrapExit, Message: fmt.Sprintf("the code ended the process with exit code %d", c.code)}
	if said := strings.TrimSpace(c.output.text()); said != "" {
		t.Message += "\n" + text([]byte(said), maxTextBytes)
	}
	return t
}

// saidTrap reads from what the guest printed why Go's runtime ended the program; nil where it did not say so. After a fatal error it ends
// by proc_exit or by an unreachable instruction.
func (c *call) saidTrap() *ports.Trap {
	message, stack := splitPanic(c.output.text())
	if message == "" {
		return nil
	}
	t := &ports.Trap{Which: ports.TrapPanic, Message: text([]byte(message), maxTextBytes), Stack: text([]byte(stack), maxStackBytes)}
	has := func(s string) bool { return strings.Contains(message, s) }
	switch {
	case has("all goroutines are asleep"):
		t.Which = ports.TrapDeadlock
		t.Message = "the code waits for something that no event can bring (a bare channel, a lock, a wait group): wait by the workflow's own means\n" + t.Message
	case has("out of memory"), has("cannot allocate memory"):
		t.Which, t.Limit = ports.TrapMemory, min(c.maxMemory, c.guestMemory)
	case has("stack overflow"), has("stack exceeds"):
		t.Which = ports.TrapStack
	}
	return t
}

// splitPanic finds the last panic or fatal error in what a Go program printed, and the goroutine traces behind it; empty where there is none.
func splitPanic(said string) (message, stack string) {
	at := -1
	for _, mark := range []string{"panic: ", "fatal error: ", "runtime: goroutine stack exceeds", "runtime: out of memory"} {
		for from := 0; ; {
			i := strings.Index(said[from:], mark)
			if i < 0 {
				break
			}
			if i += from; i == 0 || said[i-1] == '\n' {
				if at < 0 || i < at {
					at = i
				}
				break
			}
			from = i + len(mark)
		}
	}
	if at < 0 {
		return "", ""
	}
	message = said[at:]
	if i := strings.Index(message, "\ngoroutine "); i >= 0 {
		message, stack = message[:i], message[i+1:]
	}
	return strings.TrimSpace(strings.TrimPrefix(message, "panic: ")), strings.TrimSpace(stack)
}
