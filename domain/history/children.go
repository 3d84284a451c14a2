package history

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// ChildStartRequested asks for a child workflow (rule M-3).
type ChildStartRequested struct {
	Ordinal     model.Ordinal
	WorkflowID  model.WorkflowID // the code may leave it to the engine, which makes it of run ID and ordinal
	Type        model.WorkflowType
	Input       model.Payload
	TaskQueue   model.TaskQueue
	RunTimeout  time.Duration
	ParentClose model.ParentClosePolicy
	Header      map[string]string
}

// ChildStarted says that the child's first run is there.
type ChildStarted struct {
	Ordinal    model.Ordinal
	WorkflowID model.WorkflowID
	Run        model.RunID
}

// ChildStartFailed settles a child that was not started. Reason is the reason of the fault.
type ChildStartFailed struct {
	Ordinal    model.Ordinal
	WorkflowID model.WorkflowID
	Reason     string
	Message    string
}

// ChildCompleted settles a child whose chain of runs ended with a result. Run is the last one.
type ChildCompleted struct {
	Ordinal model.Ordinal
	Run     model.RunID
	Result  model.Payload
}

// ChildFailed settles a child whose code failed.
type ChildFailed struct {
	Ordinal model.Ordinal
	Run     model.RunID
	Failure *model.Failure
}

// ChildCanceled settles a child that ended on request.
type ChildCanceled struct {
	Ordinal model.Ordinal
	Run     model.RunID
	Details model.Payload
}

// ChildTerminated settles a child that was terminated.
type ChildTerminated struct {
	Ordinal model.Ordinal
	Run     model.RunID
	Reason  string
}

// ChildTimedOut settles a child one of whose deadlines passed.
type ChildTimedOut struct {
	Ordinal model.Ordinal
	Run     model.RunID
	Timeout model.TimeoutKind
}

// ChildCancelRequested asks a child to end. What became of it is told by the child's closing.
type ChildCancelRequested struct{ Ordinal model.Ordinal }

// SignalSendRequested sends a signal to another workflow of the namespace: to a child, or to WorkflowID.
type SignalSendRequested struct {
	Ordinal    model.Ordinal
	Child      model.Ordinal    // 0 = not a child
	WorkflowID model.WorkflowID // of a child filled in by the engine, and empty where the child has ended
	Run        model.RunID      // "" = its open run
	Name       model.SignalName
	Input      model.Payload
	Header     map[string]string
}

// SignalSent says that the other workflow has recorded the signal.
type SignalSent struct {
	Ordinal model.Ordinal
	Run     model.RunID
}

// SignalSendFailed says that the signal was not recorded, and never will be.
type SignalSendFailed struct {
	Ordinal model.Ordinal
	Reason  string
	Message string
}

// CancelSendRequested asks another workflow of the namespace to end.
type CancelSendRequested struct {
	Ordinal    model.Ordinal
	WorkflowID model.WorkflowID
	Run        model.RunID
	Reason     string
}

// CancelSent says that the other workflow has recorded the cancel request.
type CancelSent struct {
	Ordinal model.Ordinal
	Run     model.RunID
}

// CancelSendFailed says that the cancel request was not recorded, and never will be.
type CancelSendFailed struct {
	Ordinal model.Ordinal
	Reason  string
	Message string
}

// The kinds of the attributes.

func (*ChildStartRequested) Kind() Kind  { return KindChildStartRequested }
func (*ChildStarted) Kind() Kind         { return KindChildStarted }
func (*ChildStartFailed) Kind() Kind     { return KindChildStartFailed }
func (*ChildCompleted) Kind() Kind       { return KindChildCompleted }
func (*ChildFailed) Kind() Kind          { return KindChildFailed }
func (*ChildCanceled) Kind() Kind        { return KindChildCanceled }
func (*ChildTerminated) Kind() Kind      { return KindChildTerminated }
func (*ChildTimedOut) Kind() Kind        { return KindChildTimedOut }
func (*ChildCancelRequested) Kind() Kind { return KindChildCancelRequested }
func (*SignalSendRequested) Kind() Kind  { return KindSignalSendRequested }
func (*SignalSent) Kind() Kind           { return KindSignalSent }
func (*SignalSendFailed) Kind() Kind     { return KindSignalSendFailed }
func (*CancelSendRequested) Kind() Kind  { return KindCancelSendRequested }
func (*CancelSent) Kind() Kind           { return KindCancelSent }
func (*CancelSendFailed) Kind() Kind     { return KindCancelSendFailed }

func (a *ChildStartRequested) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.WorkflowID)
	str(c, 3, &a.Type)
	c.payload(4, &a.Input)
	str(c, 5, &a.TaskQueue)
	duration(c, 6, &a.RunTimeout)
	num(c, 7, &a.ParentClose)
	c.entries(8, &a.Header)
}

func (a *ChildStarted) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.WorkflowID)
	str(c, 3, &a.Run)
}

func (a *ChildStartFailed) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.WorkflowID)
	str(c, 3, &a.Reason)
	str(c, 4, &a.Message)
}

func (a *ChildCompleted) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.Run)
	c.payload(3, &a.Result)
}

func (a *ChildFailed) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.Run)
	c.failure(3, &a.Failure)
}

func (a *ChildCanceled) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.Run)
	c.payload(3, &a.Details)
}

func (a *ChildTerminated) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.Run)
	str(c, 3, &a.Reason)
}

func (a *ChildTimedOut) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.Run)
	num(c, 3, &a.Timeout)
}

func (a *ChildCancelRequested) walk(c *coder) { num(c, 1, &a.Ordinal) }

func (a *SignalSendRequested) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Child)
	str(c, 3, &a.WorkflowID)
	str(c, 4, &a.Run)
	str(c, 5, &a.Name)
	c.payload(6, &a.Input)
	c.entries(7, &a.Header)
}

func (a *CancelSendRequested) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.WorkflowID)
	str(c, 3, &a.Run)
	str(c, 4, &a.Reason)
}

func (a *SignalSent) walk(c *coder)       { walkSent(c, &a.Ordinal, &a.Run) }
func (a *CancelSent) walk(c *coder)       { walkSent(c, &a.Ordinal, &a.Run) }
func (a *SignalSendFailed) walk(c *coder) { walkUnsent(c, &a.Ordinal, &a.Reason, &a.Message) }
func (a *CancelSendFailed) walk(c *coder) { walkUnsent(c, &a.Ordinal, &a.Reason, &a.Message) }

func walkSent(c *coder, o *model.Ordinal, run *model.RunID) {
	num(c, 1, o)
	str(c, 2, run)
}

func walkUnsent(c *coder, o *model.Ordinal, reason, message *string) {
	num(c, 1, o)
	str(c, 2, reason)
	str(c, 3, message)
}

// Child is a child workflow that has not ended. Those that a run leaves behind when it closes stay in its state, for its parent-close policies.
type Child struct {
	Requested   *ChildStartRequested // without the input
	RequestedAt int64
	Run         model.RunID // its first run, "" until it is known to be there
	Canceling   bool
}

// Sending is a signal or a cancel request that is on its way to another workflow.
type Sending struct {
	WorkflowID model.WorkflowID
	Cancel     bool
}

// foldBetween follows the events about other workflows; ok is false for any other event.
func (s *State) foldBetween(e *Event) (ok bool, err error) {
	switch a := e.Attr.(type) {
	case *ChildStartRequested:
		if err := s.number(e, a.Ordinal); err != nil {
			return true, err
		}
		asked := *a
		asked.Input = model.Payload{}
		s.Children[a.Ordinal] = &Child{Requested: &asked, RequestedAt: e.Time}
	case *ChildStarted:
		c := s.Children[a.Ordinal]
		if c == nil || c.Run != "" {
			return true, fault.Internalf("history is damaged: event %d is about child %d, which does not wait for its start", e.Seq, a.Ordinal)
		}
		c.Run = a.Run
	case *ChildCancelRequested:
		c := s.Children[a.Ordinal]
		if c == nil {
			return true, s.noChild(e, a.Ordinal)
		}
		c.Canceling = true
	case *ChildStartFailed:
		return true, s.endChild(e, a.Ordinal)
	case *ChildCompleted:
		return true, s.endChild(e, a.Ordinal)
	case *ChildFailed:
		return true, s.endChild(e, a.Ordinal)
	case *ChildCanceled:
		return true, s.endChild(e, a.Ordinal)
	case *ChildTerminated:
		return true, s.endChild(e, a.Ordinal)
	case *ChildTimedOut:
		return true, s.endChild(e, a.Ordinal)
	case *SignalSendRequested:
		if err := s.number(e, a.Ordinal); err != nil {
			return true, err
		}
		s.Sendings[a.Ordinal] = &Sending{WorkflowID: a.WorkflowID}
	case *CancelSendRequested:
		if err := s.number(e, a.Ordinal); err != nil {
			return true, err
		}
		s.Sendings[a.Ordinal] = &Sending{WorkflowID: a.WorkflowID, Cancel: true}
	case *SignalSent:
		return true, s.endSending(e, a.Ordinal, false)
	case *SignalSendFailed:
		return true, s.endSending(e, a.Ordinal, false)
	case *CancelSent:
		return true, s.endSending(e, a.Ordinal, true)
	case *CancelSendFailed:
		return true, s.endSending(e, a.Ordinal, true)
	default:
		return false, nil
	}
	return true, nil
}

func (s *State) noChild(e *Event, o model.Ordinal) error {
	return fault.Internalf("history is damaged: event %d (%v) is about child %d, which is not open", e.Seq, e.Kind(), o)
}

func (s *State) endChild(e *Event, o model.Ordinal) error {
	if s.Children[o] == nil {
		return s.noChild(e, o)
	}
	delete(s.Children, o)
	return nil
}

func (s *State) endSending(e *Event, o model.Ordinal, cancel bool) error {
	if x := s.Sendings[o]; x == nil || x.Cancel != cancel {
		return fault.Internalf("history is damaged: event %d (%v) is about %d, which is not on its way", e.Seq, e.Kind(), o)
	}
	delete(s.Sendings, o)
	return nil
}

// decideBetween decides a command about another workflow; ok is false for any other command.
func decideBetween(s *State, cmd Attributes) (out [2]Attributes, n int, ok bool, err error) {
	none := [2]Attributes{}
	switch c := cmd.(type) {
	case *ChildStartRequested:
		if err := checkChild(s, c); err != nil {
			return none, 0, true, err
		}
		out[0] = c
		return out, 1, true, nil
	case *ChildCancelRequested:
		child := s.Children[c.Ordinal]
		if child == nil || child.Canceling {
			if c.Ordinal == 0 || c.Ordinal >= s.NextOrdinal {
				return none, 0, true, refuse("the code canceled child %d, which it never started", c.Ordinal)
			}
			return none, 0, true, nil // it has ended, or was asked before
		}
		out[0] = c
		return out, 1, true, nil
	case *SignalSendRequested:
		if err := checkOrdinal(s, c.Ordinal, "signal"); err != nil {
			return none, 0, true, err
		}
		if err := model.ValidateID("signal name", string(c.Name)); err != nil {
			return none, 0, true, refuse("%v", err)
		}
		if c.Child != 0 {
			if c.Child >= s.NextOrdinal {
				return none, 0, true, refuse("the code sends a signal to child %d, which it never started", c.Child)
			}
			c.Run, c.WorkflowID = "", ""
			out[0] = c
			if child := s.Children[c.Child]; child != nil {
				c.WorkflowID = child.Requested.WorkflowID
				return out, 1, true, nil
			}
			out[1] = &SignalSendFailed{Ordinal: c.Ordinal, Reason: fault.NotRunning.String(), Message: fmt.Sprintf("child %d has ended", c.Child)}
			return out, 2, true, nil
		}
		if err := model.ValidateID("workflow ID", string(c.WorkflowID)); err != nil {
			return none, 0, true, refuse("%v", err)
		}
		out[0] = c
		return out, 1, true, nil
	case *CancelSendRequested:
		if err := checkOrdinal(s, c.Ordinal, "cancel request"); err != nil {
			return none, 0, true, err
		}
		if err := model.ValidateID("workflow ID", string(c.WorkflowID)); err != nil {
			return none, 0, true, refuse("%v", err)
		}
		out[0] = c
		return out, 1, true, nil
	}
	return none, 0, false, nil
}

// checkChild checks what the code asks for, and fills in what it left to the engine.
func checkChild(s *State, c *ChildStartRequested) error {
	if err := checkOrdinal(s, c.Ordinal, "child"); err != nil {
		return err
	}
	if c.WorkflowID == "" {
		c.WorkflowID = model.WorkflowID(fmt.Sprintf("%s/%d", s.Start.RunID, c.Ordinal))
	}
	if c.TaskQueue == "" {
		c.TaskQueue = s.Start.TaskQueue
	}
	for _, x := range []struct{ what, id string }{{"workflow type", string(c.Type)}, {"workflow ID", string(c.WorkflowID)}, {"task queue", string(c.TaskQueue)}} {
		if err := model.ValidateID(x.what, x.id); err != nil {
			return refuse("%v", err)
		}
	}
	if c.RunTimeout < 0 {
		return refuse("child %s has a negative run timeout", c.Type)
	}
	if c.ParentClose > model.ParentCloseAbandon {
		return refuse("child %s has the unknown parent-close policy %d", c.Type, c.ParentClose)
	}
	return nil
}

// describeBetween names commands about other workflows; "" for any other.
func describeBetween(a Attributes) string {
	switch a := a.(type) {
	case *ChildStartRequested:
		return fmt.Sprintf("child %d %q", a.Ordinal, a.Type)
	case *ChildCancelRequested:
		return fmt.Sprintf("cancel of child %d", a.Ordinal)
	case *SignalSendRequested:
		if a.Child != 0 {
			return fmt.Sprintf("signal %d %q to child %d", a.Ordinal, a.Name, a.Child)
		}
		return fmt.Sprintf("signal %d %q to workflow %q", a.Ordinal, a.Name, a.WorkflowID)
	case *CancelSendRequested:
		return fmt.Sprintf("cancel request %d to workflow %q", a.Ordinal, a.WorkflowID)
	}
	return ""
}

// walkBetween codes the part of a state that is about other workflows.
func walkBetween(c *coder, s *State) {
	walkEach(c, 30, s.Children, func() *Child { return &Child{Requested: &ChildStartRequested{}} }, func(c *coder, x *Child) {
		c.message(2, x.Requested.walk)
		c.int64(3, &x.RequestedAt)
		str(c, 4, &x.Run)
		c.bool(5, &x.Canceling)
	})
	walkEach(c, 31, s.Sendings, func() *Sending { return &Sending{} }, func(c *coder, x *Sending) {
		str(c, 2, &x.WorkflowID)
		c.bool(3, &x.Cancel)
	})
}
