package guest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// ParentClosePolicy says what happens to a child workflow when its parent's run closes, however it closes. The numbers are those of
// aion.v1.ParentClosePolicy.
type ParentClosePolicy uint8

// The parent-close policies.
const (
	ParentCloseTerminate ParentClosePolicy = iota
	ParentCloseRequestCancel
	ParentCloseAbandon
)

// ChildOptions are the recorded options of one child workflow.
type ChildOptions struct {
	ID          string // "" = run ID of the parent, "/" and a number
	TaskQueue   string
	RunTimeout  time.Duration
	ParentClose ParentClosePolicy
	Header      map[string]string
}

// A Child is a child workflow that was asked for.
type Child[T any] struct {
	Future[T]
	start *core
}

// A Target is a workflow that signals and cancel requests are sent to.
type Target struct {
	WorkflowID, RunID string
	child             uint32
	err               error // why there is nothing to send to
}

// ToWorkflow is any workflow of the namespace: its open run, or the one that is named.
func ToWorkflow(id, run string) Target { return Target{WorkflowID: id, RunID: run} }

// StartChild asks for a child workflow. read turns what became of it into a value or an error. In a canceled scope nothing is asked for.
func StartChild[T any](ctx Context, typ string, input Payload, opts *ChildOptions, read func(*Outcome) (T, error)) Child[T] {
	in := ctx.inst
	in.use("starting the child workflow " + typ)
	if ctx.scope.canceled {
		return RefusedChild(ctx, typ, ErrCanceled, read)
	}
	c := ctx.ask(coreChild)
	c.out.Name = typ
	c.start = &core{inst: in, kind: coreChildStart, of: c, out: Outcome{Name: typ}}
	b, o, i := openCommand(in.commands, kindChildStartRequested)
	b = appendUint(b, 1, uint64(c.ordinal))
	b = appendString(b, 2, strings.ToValidUTF8(opts.ID, "\uFFFD"))
	b = appendString(b, 3, strings.ToValidUTF8(typ, "\uFFFD"))
	b = appendPayload(b, 4, input)
	b = appendString(b, 5, strings.ToValidUTF8(opts.TaskQueue, "\uFFFD"))
	b = appendDuration(b, 6, opts.RunTimeout)
	b = appendUint(b, 7, uint64(opts.ParentClose))
	b = appendEntries(b, 8, opts.Header)
	in.commands = closeCommand(b, o, i)
	return Child[T]{Future[T]{c, read}, c.start}
}

// RefusedChild gives a child that could not even be asked for.
func RefusedChild[T any](ctx Context, typ string, err error, read func(*Outcome) (T, error)) Child[T] {
	ctx.inst.use("starting the child workflow " + typ)
	c := refused(ctx.inst, typ, err)
	return Child[T]{Future[T]{c, read}, c}
}

// Started is settled when the child's first run is there, or will not be.
func Started[T, S any](c Child[T], read func(*Outcome) (S, error)) Future[S] {
	c.check("Started")
	return Future[S]{c.start, read}
}

// Target is the child as something that signals are sent to.
func (c Child[T]) Target() Target {
	c.check("Target")
	if c.core.kind != coreChild {
		return Target{err: c.core.out.Err}
	}
	return Target{child: c.core.ordinal}
}

// SendSignal sends a signal to another workflow. read is called at each Get.
func SendSignal[T any](ctx Context, to Target, name string, input Payload, read func(*Outcome) (T, error)) Future[T] {
	in := ctx.inst
	in.use("sending the signal " + name)
	if to.err == nil && ctx.scope.canceled {
		to.err = ErrCanceled
	}
	if to.err != nil {
		return Future[T]{refused(in, name, to.err), read}
	}
	c := ctx.ask(coreSending)
	c.out.Name = name
	b, o, i := openCommand(in.commands, kindSignalSendRequested)
	b = appendUint(b, 1, uint64(c.ordinal))
	b = appendUint(b, 2, uint64(to.child))
	b = appendString(b, 3, strings.ToValidUTF8(to.WorkflowID, "\uFFFD"))
	b = appendString(b, 4, strings.ToValidUTF8(to.RunID, "\uFFFD"))
	b = appendString(b, 5, strings.ToValidUTF8(name, "\uFFFD"))
	b = appendPayload(b, 6, input)
	in.commands = closeCommand(b, o, i)
	return Future[T]{c, read}
}

// SendCancel asks another workflow to end. A child is asked by canceling its future.
func SendCancel[T any](ctx Context, to Target, reason string, read func(*Outcome) (T, error)) Future[T] {
	in := ctx.inst
	in.use("canceling the workflow " + to.WorkflowID)
	switch {
	case to.err == nil && to.child != 0:
		to.err = errors.New("a child workflow is canceled by its future")
	case to.err == nil && ctx.scope.canceled:
		to.err = ErrCanceled
	}
	if to.err != nil {
		return Future[T]{refused(in, to.WorkflowID, to.err), read}
	}
	c := ctx.ask(coreSending)
	c.out.Name = to.WorkflowID
	b, o, i := openCommand(in.commands, kindCancelSendRequested)
	b = appendUint(b, 1, uint64(c.ordinal))
	b = appendString(b, 2, strings.ToValidUTF8(to.WorkflowID, "\uFFFD"))
	b = appendString(b, 3, strings.ToValidUTF8(to.RunID, "\uFFFD"))
	b = appendString(b, 4, strings.ToValidUTF8(reason, "\uFFFD"))
	in.commands = closeCommand(b, o, i)
	return Future[T]{c, read}
}

// between says whether a kind is one of events about other workflows.
func between(kind int) bool {
	return kind >= kindSignalSendRequested && kind <= kindCancelSendFailed || kind >= kindChildStartRequested && kind <= kindChildCancelRequested
}

// decodeBetween reads an event about another workflow.
func (e *event) decodeBetween(d *decoder) {
	for d.next() {
		var err error
		switch {
		case d.num == 1:
			e.ordinal = d.uint32()
		case e.kind == kindChildStarted && d.num == 2, e.kind == kindChildStartFailed && d.num == 2:
			e.workflowID = d.string()
		case e.kind == kindChildStarted && d.num == 3:
			e.runID = d.string()
		case e.kind == kindChildStartFailed && d.num == 3, (e.kind == kindSignalSendFailed || e.kind == kindCancelSendFailed) && d.num == 2:
			e.reason = d.string()
		case e.kind == kindChildStartFailed && d.num == 4, (e.kind == kindSignalSendFailed || e.kind == kindCancelSendFailed) && d.num == 3:
			e.name = d.string()
		case d.num == 2:
			e.runID = d.string()
		case d.num == 3 && e.kind == kindChildFailed:
			e.failure, err = decodeFailure(d.bytes(), 1)
		case d.num == 3 && e.kind == kindChildTerminated:
			e.name = d.string()
		case d.num == 3 && e.kind == kindChildTimedOut:
			e.timeout = TimeoutKind(min(d.uint(), 255))
		case d.num == 3:
			e.payload, err = decodePayload(d.bytes())
		}
		d.nested(err)
	}
}

// applyBetween settles what an event about another workflow is about.
func (in *Instance) applyBetween(e *event, c *core) error {
	child := e.kind >= kindChildStartRequested
	if child != (c.kind == coreChild) || !child && c.kind != coreSending {
		return errors.New("an event about another workflow, for something else")
	}
	o := Outcome{Payload: e.payload, Failure: e.failure, Timeout: e.timeout, Reason: e.reason, Message: e.name, WorkflowID: e.workflowID, RunID: e.runID}
	switch e.kind {
	case kindChildStarted:
		c.out.WorkflowID = e.workflowID
		c.start.settle(o)
		return nil
	case kindChildStartFailed, kindSignalSendFailed, kindCancelSendFailed:
		o.Kind = OutcomeNotDone
	case kindChildFailed:
		o.Kind = OutcomeFailed
	case kindChildCanceled:
		o.Kind = OutcomeCanceled
	case kindChildTerminated:
		o.Kind = OutcomeTerminated
	case kindChildTimedOut:
		o.Kind = OutcomeTimedOut
	}
	if o.WorkflowID == "" {
		o.WorkflowID = c.out.WorkflowID
	}
	delete(in.pending, e.ordinal)
	if child && !c.start.settled {
		c.start.settle(o)
	}
	c.settle(o)
	return nil
}

// appendEntries writes a map in order of its keys.
func appendEntries(b []byte, num int, m map[string]string) []byte {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = appendEntry(b, num, strings.ToValidUTF8(k, "\uFFFD"), strings.ToValidUTF8(m[k], "\uFFFD"))
	}
	return b
}
