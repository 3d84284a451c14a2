package guest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
)

// mode says what may be done with an instance now.
type mode uint8

const (
	modeIdle      mode = iota // between activations
	modeApply                 // events are being applied
	modeRun                   // coroutines run
	modeCondition             // a condition of Await is being looked at
	modeQuery                 // a query handler runs
	modeClosing               // coroutines are being torn down
)

// An Instance is one run's workflow code at work. It is confined to one goroutine at a time, and may move between goroutines.
//
// One activation is Begin, Apply for each event in order, Run. The same events in the same activations give the same commands, byte for byte.
type Instance struct {
	// Patches is asked about patches during Run, once for each name. nil: no patch is in.
	Patches func(id string) bool

	program *Program
	now     int64 // unix nanoseconds
	info    Info
	seed    [32]byte
	random  *rand.Rand
	source  *rand.ChaCha8 // of random

	mode     mode
	started  bool // Started was applied
	closed   bool // the closing command was written
	panicked *Panic
	commands []byte
	logs     []LogLine

	ordinal  uint32 // of the last activity or timer
	pending  map[uint32]*core
	signals  map[string]*signalQueue
	buffered int64 // estimated size of the signals in them
	queries  map[string]QueryHandler
	updates  updates
	root     *scope
	cancels  []*scope // canceled while events were applied; their commands follow when all are applied
	asked    bool     // a cancel of the run was requested
	patches  map[string]bool

	created  uint64       // coroutines ever made
	all      []*coroutine // in order of creation; finished ones are dropped now and then
	finished int          // how many of all are finished
	ready    readyQueue   // to run in this round
	later    readyQueue   // to run in the next round
	awaiting []*coroutine // those with a condition, in order of creation
	current  *coroutine
	turn     uint64 // id of the coroutine that ran last in this round
}

// Result is what one activation gave. Its slices are the caller's.
type Result struct {
	Commands []byte // repeated field 1, each an aion.v1.HistoryEvent with attributes only
	Logs     []LogLine
	Panic    *Panic // set: the code cannot go on, and Commands are void
}

// Panic says why the code cannot go on: user code panicked, or an event does not fit what the code asked for.
type Panic struct{ Message, Stack string }

// LogLine is one line that the code logged. Level is that of log/slog.
type LogLine struct {
	Level   int
	Message string
	Attrs   []Entry
}

// Entry is a key with its value.
type Entry struct{ Key, Value string }

// Begin opens an activation at the step's recorded time, in unix nanoseconds.
func (in *Instance) Begin(now int64) {
	in.now, in.mode = now, modeApply
	in.commands, in.logs = nil, nil
}

// Apply takes one delivered event, an encoded aion.v1.HistoryEvent. It keeps no reference to b. What does not fit ends in the Panic of Run.
func (in *Instance) Apply(b []byte) {
	if in.panicked != nil || in.closed {
		return
	}
	e, err := decodeEvent(b)
	if err == nil {
		err = in.apply(&e)
	}
	if err != nil {
		in.failText("the activation cannot be applied: " + err.Error())
	}
}

func (in *Instance) apply(e *event) error {
	if e.started != nil {
		return in.begin(e.started)
	}
	if !in.started {
		return fmt.Errorf("the first event is of kind %d instead of Started", e.kind)
	}
	switch e.kind {
	case kindForked:
		in.reseed(e.seed)
		return nil
	case kindCancelRequested:
		in.asked = true
		in.root.cancel()
		return nil
	case kindSignalReceived:
		q := in.signal(e.name)
		q.items = append(q.items, buffered{e.payload, e.seq})
		in.buffered += signalSize(e.payload)
		q.waiters.wakeAll(in)
		return nil
	case kindUpdateAccepted:
		in.acceptUpdate(e.id, e.name, e.payload)
		return nil
	}
	c := in.pending[e.ordinal]
	if c == nil {
		return fmt.Errorf("an event of kind %d for %d, which is not pending", e.kind, e.ordinal)
	}
	if between(e.kind) {
		return in.applyBetween(e, c)
	}
	if c.kind == coreChild || c.kind == coreSending {
		return fmt.Errorf("an event of kind %d for %d, which is another workflow", e.kind, e.ordinal)
	}
	o := Outcome{Attempt: e.attempt, Payload: e.payload, Failure: e.failure, Timeout: e.timeout}
	timer := false
	switch e.kind {
	case kindTimerFired:
		timer = true
	case kindTimerCanceled:
		timer, o.Kind = true, OutcomeCanceled
	case kindActivityFailed:
		o.Kind = OutcomeFailed
	case kindActivityTimedOut:
		o.Kind = OutcomeTimedOut
	case kindActivityCanceled:
		o.Kind = OutcomeCanceled
	}
	if timer != (c.kind == coreTimer) {
		return fmt.Errorf("an event of kind %d for %d, which is something else", e.kind, e.ordinal)
	}
	delete(in.pending, e.ordinal)
	c.settle(o)
	return nil
}

func (in *Instance) begin(s *started) error {
	if in.started {
		return errors.New("a second Started")
	}
	w := in.program.workflows[s.info.WorkflowType]
	if w == nil {
		return fmt.Errorf("the package has no workflow type %q; it has: %s", s.info.WorkflowType, strings.Join(in.program.types(), ", "))
	}
	was := in.info
	in.started, in.info = true, s.info
	in.History(was.HistoryLength, was.HistoryBytes, was.ContinueAsNewSuggested)
	copy(in.seed[:], s.seed)
	in.root = &scope{inst: in}
	ctx := Context{in, in.root}
	input := s.input
	in.start(func() { in.finish(w.Run(ctx, input)) })
	return nil
}

// finish writes the closing command.
func (in *Instance) finish(out Payload, err error) {
	var undone *CompensationError
	var next *ContinueAsNewError
	switch {
	case errors.As(err, &next):
		in.commands = in.appendContinuedAsNew(in.commands, next)
	case err == nil:
		in.commands = appendPayloadCommand(in.commands, kindCompleted, out)
	case in.asked && errors.Is(err, ErrCanceled) && !errors.As(err, &undone):
		var details Payload
		if text := message(err); text != ErrCanceled.Error() {
			details, _ = Encode(text)
		}
		in.commands = appendPayloadCommand(in.commands, kindCanceled, details)
	default:
		in.commands = appendFailed(in.commands, FailureOf(err))
	}
	in.closed = true
}

// Run runs the code until every coroutine waits, in rounds: in each, the coroutines that can go on do so in the order of their creation.
func (in *Instance) Run() Result {
	in.mode = modeRun
	for _, s := range in.cancels {
		s.ask()
	}
	in.cancels = nil
	for in.panicked == nil && !in.closed {
		if len(in.ready) == 0 {
			in.turn = 0
			in.ready, in.later = in.later, in.ready
			in.lookAtConditions()
			if len(in.ready) == 0 || in.panicked != nil {
				break
			}
		}
		in.resume(in.ready.pop())
	}
	in.mode = modeIdle
	r := Result{Commands: in.commands, Logs: in.logs, Panic: in.panicked}
	in.commands, in.logs = nil, nil
	if r.Panic != nil {
		r.Commands = nil
	}
	return r
}

func (in *Instance) resume(co *coroutine) {
	co.ready = false
	in.turn, in.current = co.id, co
	_, waits := co.next()
	in.current = nil
	if waits {
		return
	}
	co.finished = true
	in.finished++
	if in.finished > 32 && in.finished > len(in.all)/2 {
		in.all = slices.DeleteFunc(in.all, func(co *coroutine) bool { return co.finished })
		in.finished = 0
	}
}

// wake makes a coroutine ready: for this round if its turn is still to come, else for the next one.
func (in *Instance) wake(co *coroutine) {
	if co.ready || co.finished {
		return
	}
	co.ready = true
	if co.id > in.turn {
		in.ready.push(co)
	} else {
		in.later.push(co)
	}
}

// lookAtConditions makes those coroutines ready whose condition holds.
func (in *Instance) lookAtConditions() {
	if len(in.awaiting) == 0 {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			in.fail(r)
		}
	}()
	for _, co := range in.awaiting {
		if !co.ready && in.holds(co.cond) {
			in.wake(co)
		}
	}
}

func (in *Instance) holds(cond func() bool) bool {
	in.mode = modeCondition
	defer func() { in.mode = modeRun }()
	return cond()
}

func (in *Instance) addAwaiting(co *coroutine) {
	i := len(in.awaiting)
	for i > 0 && in.awaiting[i-1].id > co.id {
		i--
	}
	in.awaiting = slices.Insert(in.awaiting, i, co)
}

func (in *Instance) removeAwaiting(co *coroutine) {
	i, _ := slices.BinarySearchFunc(in.awaiting, co.id, func(c *coroutine, id uint64) int { return cmp.Compare(c.id, id) })
	in.awaiting = slices.Delete(in.awaiting, i, i+1)
}

// block parks the current coroutine until one of lists or a cancel of s wakes it. It may return without cause: look again.
func (in *Instance) block(s *scope, lists ...*waitList) {
	co := in.current
	nodes := co.one[:]
	if len(lists) > len(nodes) {
		nodes = make([]waitNode, len(lists))
	}
	for i, l := range lists {
		l.add(&nodes[i], co)
	}
	s.waiting.add(&co.scope, co)
	co.park()
	co.scope.remove()
	for i := range lists {
		nodes[i].remove()
	}
}

// use checks that workflow code may call what now.
func (in *Instance) use(what string) {
	if in == nil {
		panic(what + " was called with a zero workflow.Context; use the one that the workflow function was given")
	}
	switch in.mode {
	case modeRun:
		if in.current != nil {
			return
		}
	case modeClosing:
		runtime.Goexit()
	case modeQuery:
		panic(what + " was called in a query handler; a query may only look at variables of the workflow")
	case modeCondition:
		panic(what + " was called in a condition of Await; a condition may only look at variables of the workflow")
	}
	panic(what + " was called from outside of the workflow's code, for example from a goroutine; use workflow.Go")
}

// Size estimates what the instance holds in memory, in bytes.
func (in *Instance) Size() int64 {
	return int64(2<<10) + int64(len(in.all)-in.finished)*(5<<10) + int64(len(in.pending))*256 + in.buffered
}

// Close ends the coroutines that still wait; their deferred functions run and can issue nothing. Native runtimes need it to give
// goroutines back; a WebAssembly instance is simply dropped. The instance is of no use afterwards.
func (in *Instance) Close() {
	in.mode = modeClosing
	for _, co := range slices.Backward(in.all) {
		co.tearDown()
	}
	in.all, in.ready, in.later, in.awaiting, in.pending, in.signals = nil, nil, nil, nil, nil, nil
	in.updates = updates{}
}
