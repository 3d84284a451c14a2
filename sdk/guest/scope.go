package guest

import "time"

// A scope is what is canceled together: what coroutines wait for, activities, timers, and the scopes below it.
type scope struct {
	inst     *Instance
	parent   *scope
	canceled bool

	first, last *scope // children, in order of creation
	prev, next  *scope // siblings
	waiting     waitList
	head, tail  *core // pending futures, in order of creation
}

// child makes a scope below s. One below a canceled scope is canceled from the start.
func (s *scope) child() *scope {
	c := &scope{inst: s.inst, canceled: s.canceled}
	if s.canceled {
		return c
	}
	c.parent, c.prev = s, s.last
	if s.last != nil {
		s.last.next = c
	} else {
		s.first = c
	}
	s.last = c
	return c
}

// leave takes s out of its parent: a cancel of the parent no longer reaches it.
func (s *scope) leave() {
	p := s.parent
	if p == nil {
		return
	}
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		p.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		p.last = s.prev
	}
	s.parent, s.prev, s.next = nil, nil, nil
}

// cancel cancels everything in s and below. While events are applied it only marks: an event further on may settle what would be
// canceled, so the commands wait until all are applied.
func (s *scope) cancel() {
	if s.canceled {
		return
	}
	s.leave()
	s.mark()
	if s.inst.mode == modeApply {
		s.inst.cancels = append(s.inst.cancels, s)
		return
	}
	s.ask()
}

func (s *scope) mark() {
	s.canceled = true
	s.waiting.wakeAll(s.inst)
	for c := s.first; c != nil; c = c.next {
		c.mark()
	}
}

// ask asks for the cancel of what is pending in s and below.
func (s *scope) ask() {
	for c := s.head; c != nil; c = c.next {
		c.cancel()
	}
	for c := s.first; c != nil; c = c.next {
		c.ask()
	}
}

// Context is what workflow code is given: its run and the scope in which it can be canceled. It is not a context.Context.
// The zero Context is of no use.
type Context struct {
	inst  *Instance
	scope *scope
}

// Err is ErrCanceled when the scope of ctx is canceled, else nil.
func (ctx Context) Err() error {
	if ctx.scope != nil && ctx.scope.canceled {
		return ErrCanceled
	}
	return nil
}

// WithCancel gives a context that is canceled by the returned function, or together with ctx. Call the function when the scope is no longer needed.
func WithCancel(ctx Context) (Context, func()) {
	ctx.inst.use("workflow.WithCancel")
	s := ctx.scope.child()
	return Context{ctx.inst, s}, func() {
		if !s.canceled {
			ctx.inst.use("the cancel function of workflow.WithCancel")
			s.cancel()
		}
	}
}

// Detached gives a context that no cancel reaches.
func Detached(ctx Context) Context {
	ctx.inst.use("workflow.Detached")
	return Context{ctx.inst, &scope{inst: ctx.inst}}
}

// Info says which run this is.
type Info struct {
	Namespace    string
	WorkflowID   string
	RunID        string
	WorkflowType string
	TaskQueue    string        // the queue of activities that name none
	RunTimeout   time.Duration // 0 = no limit
	Attempt      uint32        // 1, and one more for each time that a retry policy repeats the run

	ContinuedRunID string // the run that this one continues, "" for one that was started
	FirstRunID     string // the first of the runs that continue each other
	Parent         Parent // of a child workflow

	// The events of the run's history before this activation, and their size in bytes.
	HistoryLength uint32
	HistoryBytes  int64
	// ContinueAsNewSuggested says that the history comes near a limit: the code should soon continue as new.
	ContinueAsNewSuggested bool

	header map[string]string
}

// Parent names the run that started a child workflow; all zero for any other.
type Parent struct{ WorkflowID, RunID string }

// Header is the value of a header that the run was started with, "" where there is none.
func (i Info) Header(key string) string { return i.header[key] }

// InfoOf gives the run's Info.
func InfoOf(ctx Context) Info { return ctx.inst.known("workflow.Info").info }

// Now is the recorded time of the step, the same on every replay. It does not move while code runs.
func Now(ctx Context) time.Time { return time.Unix(0, ctx.inst.known("workflow.Now").now).UTC() }

// known checks that there is an instance. What only looks is allowed everywhere, in queries and conditions too.
func (in *Instance) known(what string) *Instance {
	if in == nil {
		in.use(what)
	}
	return in
}
