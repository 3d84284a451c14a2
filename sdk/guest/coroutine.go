package guest

import (
	"fmt"
	"iter"
	"runtime"
)

// A coroutine is one thread of workflow code: the workflow function itself, or what workflow.Go started. Exactly one runs at
// a time, handed to and fro by iter.Pull, so workflow code needs no locks and no scheduler of the Go runtime decides anything.
type coroutine struct {
	id   uint64 // number of creation, from 1
	inst *Instance

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool

	ready    bool // stands in one of the ready queues
	finished bool
	exited   bool // runtime.Goexit is under way; only stop may resume it

	cond  func() bool // what it awaits, where it awaits a condition
	scope waitNode    // in the list of the scope it waits with
	one   [1]waitNode // in the list of what it waits for, for the usual single wait
}

// start makes a coroutine that runs fn, ready to run after every coroutine that exists.
func (in *Instance) start(fn func()) {
	in.created++
	co := &coroutine{id: in.created, inst: in}
	co.next, co.stop = iter.Pull(func(yield func(struct{}) bool) { co.main(yield, fn) })
	in.all = append(in.all, co)
	in.wake(co)
}

// main runs fn and reports how it ended. A panic is recorded and ends here; it never reaches the host's stack.
func (co *coroutine) main(yield func(struct{}) bool, fn func()) {
	co.yield = yield
	normal := false
	defer func() {
		if normal {
			return
		}
		r := recover()
		switch {
		case co.inst.mode == modeClosing:
			// Torn down: whatever deferred code did is of no interest.
		case r != nil:
			co.inst.fail(r)
		default:
			// runtime.Goexit would spread to the goroutine of the host. Hand control back instead; Close lets it go on.
			co.inst.failText("the workflow code called runtime.Goexit (t.FailNow and t.Fatal do)")
			co.exited = true
			yield(struct{}{})
		}
	}()
	fn()
	normal = true
}

// park hands control back to the driver until the coroutine is made ready again. When the instance is closed it does not return:
// the goroutine unwinds by runtime.Goexit, which user code cannot recover from, and every further use of the instance by
// deferred code ends the same way.
func (co *coroutine) park() {
	if !co.yield(struct{}{}) {
		runtime.Goexit()
	}
}

// tearDown ends a coroutine that waits. It runs the coroutine's deferred functions. Goexit passes from a coroutine to whoever
// resumed it, hence the goroutine of its own.
func (co *coroutine) tearDown() {
	if co.finished {
		return
	}
	co.finished = true
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		co.stop()
	}()
	<-done
}

// fail records a panic of user code. Called while the panic is being recovered, so that the stack still shows its origin.
func (in *Instance) fail(r any) {
	if in.panicked != nil {
		return
	}
	buf := make([]byte, 16<<10)
	in.panicked = &Panic{Message: panicText(r), Stack: string(buf[:runtime.Stack(buf, false)])}
}

func (in *Instance) failText(text string) {
	if in.panicked == nil {
		in.panicked = &Panic{Message: text}
	}
}

func panicText(r any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a panic with a value of type %T", r)
		}
	}()
	if err, ok := r.(error); ok {
		return message(err)
	}
	return fmt.Sprint(r)
}

// A waitList holds the coroutines that wait for one thing, in the order in which they began to.
type waitList struct{ first, last *waitNode }

// A waitNode is a coroutine's place in a waitList.
type waitNode struct {
	co         *coroutine
	list       *waitList
	prev, next *waitNode
	watch      *Watch // told which of its futures settled
	index      int
}

func (l *waitList) add(n *waitNode, co *coroutine) {
	n.co, n.list, n.prev, n.next = co, l, l.last, nil
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
}

func (n *waitNode) remove() {
	if n.list == nil {
		return
	}
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		n.list.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		n.list.last = n.prev
	}
	n.list, n.prev, n.next = nil, nil, nil
}

// wakeAll makes every waiting coroutine ready. They stay in the list until they run.
func (l *waitList) wakeAll(in *Instance) {
	for n := l.first; n != nil; n = n.next {
		if n.watch != nil {
			n.watch.settled = append(n.watch.settled, n.index)
			if !n.watch.waits {
				continue
			}
		}
		in.wake(n.co)
	}
}

// A readyQueue is a binary heap of coroutines by creation number.
type readyQueue []*coroutine

func (q *readyQueue) push(co *coroutine) {
	h := append(*q, co)
	for i := len(h) - 1; i > 0; {
		p := (i - 1) / 2
		if h[p].id <= h[i].id {
			break
		}
		h[p], h[i] = h[i], h[p]
		i = p
	}
	*q = h
}

func (q *readyQueue) pop() *coroutine {
	h := *q
	top, n := h[0], len(h)-1
	h[0], h[n] = h[n], nil
	h = h[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && h[c+1].id < h[c].id {
			c++
		}
		if h[i].id <= h[c].id {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	*q = h
	return top
}
