package guest

import "time"

// OutcomeKind says how something that code waited for ended.
type OutcomeKind uint8

// The kinds of Outcome.
const (
	OutcomeCompleted OutcomeKind = iota // a result, or a timer that fired
	OutcomeFailed
	OutcomeTimedOut
	OutcomeCanceled
	OutcomeRefused // it was never asked for: Err says why
	OutcomeTerminated
	OutcomeNotDone // a child that was not started, a message that was not delivered: Reason and Message say why
)

// Outcome is how something that code waited for ended.
type Outcome struct {
	Kind    OutcomeKind
	Name    string // the activity's type
	Attempt uint32
	Payload Payload  // result or details
	Failure *Failure // of a failed activity; of the attempt before, for one that timed out
	Timeout TimeoutKind
	Err     error

	// Of other workflows.
	WorkflowID, RunID string
	Reason, Message   string
}

type coreKind uint8

const (
	coreActivity coreKind = iota
	coreTimer
	corePromise
	coreChild
	coreChildStart
	coreSending
)

// A core is a Future without its type.
type core struct {
	inst      *Instance
	kind      coreKind
	settled   bool
	canceling bool // its cancel was asked for
	ordinal   uint32
	out       Outcome
	waiters   waitList
	own       *scope // of a promise: what it runs in
	start     *core  // of a child: settled when it has started
	of        *core  // of the start of a child: the child

	scope      *scope
	prev, next *core // in the scope's list, while pending
}

// pend puts a new core into its scope's list.
func (s *scope) pend(c *core) {
	c.scope, c.prev = s, s.tail
	if s.tail != nil {
		s.tail.next = c
	} else {
		s.head = c
	}
	s.tail = c
}

func (c *core) settle(o Outcome) {
	o.Name = c.out.Name
	c.out, c.settled = o, true
	if s := c.scope; s != nil {
		if c.prev != nil {
			c.prev.next = c.next
		} else {
			s.head = c.next
		}
		if c.next != nil {
			c.next.prev = c.prev
		} else {
			s.tail = c.prev
		}
		c.scope, c.prev, c.next = nil, nil, nil
	}
	c.waiters.wakeAll(c.inst)
}

func (c *core) cancel() {
	if c.settled || c.canceling {
		return
	}
	c.canceling = true
	switch c.kind {
	case coreActivity:
		c.inst.commands = appendOrdinalCommand(c.inst.commands, kindActivityCancelRequested, c.ordinal)
	case coreTimer:
		c.inst.commands = appendOrdinalCommand(c.inst.commands, kindTimerCanceled, c.ordinal)
	case corePromise:
		c.own.cancel()
	case coreChild:
		c.start.canceling = true
		c.inst.commands = appendOrdinalCommand(c.inst.commands, kindChildCancelRequested, c.ordinal)
	case coreChildStart:
		c.of.cancel()
	}
}

// ask gives a new pending core with the next ordinal.
func (ctx Context) ask(kind coreKind) *core {
	in := ctx.inst
	in.ordinal++
	c := &core{inst: in, kind: kind, ordinal: in.ordinal}
	ctx.scope.pend(c)
	if in.pending == nil {
		in.pending = map[uint32]*core{}
	}
	in.pending[c.ordinal] = c
	return c
}

func refused(in *Instance, name string, err error) *core {
	return &core{inst: in, settled: true, out: Outcome{Kind: OutcomeRefused, Name: name, Err: err}}
}

// A Future is a value that will be there later: of an activity, a timer, or a function that runs beside. Copies stand for the same thing.
// The zero Future is of no use.
type Future[T any] struct {
	core *core
	read func(*Outcome) (T, error)
}

// ScheduleActivity asks for an activity. read turns what became of it into a value or an error; it is called at each Get.
// In a canceled scope nothing is asked for and the future is settled with OutcomeRefused and ErrCanceled.
func ScheduleActivity[T any](ctx Context, name string, input Payload, opts *ActivityOptions, read func(*Outcome) (T, error)) Future[T] {
	ctx.inst.use("starting the activity " + name)
	if ctx.scope.canceled {
		return Future[T]{refused(ctx.inst, name, ErrCanceled), read}
	}
	c := ctx.ask(coreActivity)
	c.out.Name = name
	ctx.inst.commands = appendActivityScheduled(ctx.inst.commands, c.ordinal, name, input, opts)
	return Future[T]{c, read}
}

// Refused gives a future that is settled with OutcomeRefused and err: for what could not even be asked for.
func Refused[T any](ctx Context, name string, err error, read func(*Outcome) (T, error)) Future[T] {
	ctx.inst.use("starting the activity " + name)
	return Future[T]{refused(ctx.inst, name, err), read}
}

// NewTimer starts a timer. One of zero or less has fired already and leaves no trace in the history.
func NewTimer(ctx Context, d time.Duration) Future[None] {
	ctx.inst.use("starting a timer")
	switch {
	case ctx.scope.canceled:
		return Future[None]{refused(ctx.inst, "", ErrCanceled), readTimer}
	case d <= 0:
		return Future[None]{&core{inst: ctx.inst, kind: coreTimer, settled: true}, readTimer}
	}
	c := ctx.ask(coreTimer)
	ctx.inst.commands = appendTimerStarted(ctx.inst.commands, c.ordinal, d)
	return Future[None]{c, readTimer}
}

func readTimer(o *Outcome) (None, error) {
	switch o.Kind {
	case OutcomeCanceled:
		return None{}, ErrCanceled
	case OutcomeRefused:
		return None{}, o.Err
	}
	return None{}, nil
}

// Go runs fn as a coroutine of its own, in the scope of ctx. It first runs when every coroutine that exists has had its turn.
func Go(ctx Context, fn func(ctx Context)) {
	ctx.inst.use("workflow.Go")
	ctx.inst.start(func() { fn(ctx) })
}

// Async runs fn as a coroutine of its own, in a scope below that of ctx, and gives its result as a future.
// Canceling the future cancels that scope.
func Async[T any](ctx Context, fn func(ctx Context) (T, error)) Future[T] {
	ctx.inst.use("workflow.Async")
	in := ctx.inst
	c := &core{inst: in, kind: corePromise, own: ctx.scope.child(), canceling: ctx.scope.canceled}
	ctx.scope.pend(c)
	var v T
	in.start(func() {
		var err error
		v, err = fn(Context{in, c.own})
		c.own.leave()
		c.settle(Outcome{Err: err})
	})
	return Future[T]{c, func(o *Outcome) (T, error) { return v, o.Err }}
}

// Get waits for the value. When ctx is canceled first it gives ErrCanceled, unless the future itself is being canceled with it:
// then it waits for what becomes of that. Get may be called again and from several coroutines.
func (f Future[T]) Get(ctx Context) (T, error) {
	f.check("Get")
	c := f.core
	if !c.settled {
		ctx.inst.use("waiting for a future")
		for !c.settled {
			if ctx.scope.canceled && !c.canceling {
				var zero T
				return zero, ErrCanceled
			}
			ctx.inst.block(ctx.scope, &c.waiters)
		}
	}
	return f.read(&c.out)
}

// Settled says whether Get would give its answer at once.
func (f Future[T]) Settled() bool {
	f.check("Settled")
	return f.core.settled
}

// Cancel asks for the cancel of what the future stands for. It does not wait: Get tells what became of it.
// Canceling what is settled or being canceled does nothing.
func (f Future[T]) Cancel() {
	f.check("Cancel")
	if !f.core.settled && !f.core.canceling {
		f.core.inst.use("canceling a future")
		f.core.cancel()
	}
}

func (f Future[T]) check(what string) {
	if f.core == nil {
		panic(what + " was called on a zero workflow.Future")
	}
}

// Source is the future as something that Select waits for.
func (f Future[T]) Source() Source {
	f.check("Select")
	return Source{core: f.core}
}

// A Source is one thing that Select waits for.
type Source struct {
	core  *core
	queue *signalQueue
}

func (s Source) ready() bool {
	if s.core != nil {
		return s.core.settled
	}
	return len(s.queue.items) > 0
}

func (s Source) list() *waitList {
	if s.core != nil {
		return &s.core.waiters
	}
	return &s.queue.waiters
}

// FirstReady is the index of the first source that is ready, -1 when none is.
func FirstReady(sources []Source) int {
	for i, s := range sources {
		if s.ready() {
			return i
		}
	}
	return -1
}

// Select waits until one of sources is ready and gives its index; of several the first. -1 and ErrCanceled when ctx is canceled first.
func Select(ctx Context, sources []Source) (int, error) {
	ctx.inst.use("workflow.Select")
	for {
		if i := FirstReady(sources); i >= 0 {
			return i, nil
		}
		if ctx.scope.canceled {
			return -1, ErrCanceled
		}
		lists := make([]*waitList, len(sources))
		for i, s := range sources {
			lists[i] = s.list()
		}
		ctx.inst.block(ctx.scope, lists...)
	}
}

// Await waits until cond holds. cond is looked at whenever other code of the workflow has run; it must only look at variables.
func Await(ctx Context, cond func() bool) error {
	in := ctx.inst
	in.use("workflow.Await")
	for !in.holds(cond) {
		if ctx.scope.canceled {
			return ErrCanceled
		}
		co := in.current
		co.cond = cond
		in.addAwaiting(co)
		in.block(ctx.scope)
		in.removeAwaiting(co)
		co.cond = nil
	}
	return nil
}
