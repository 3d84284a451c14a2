package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// closeAtOnce is how many children the append that closes their parent acts upon; the rest follows (rule M-3).
const closeAtOnce = 1000

// between writes the letters that an event of the current run means for other chains.
func (s *step) between(a history.Attributes) {
	c := s.c
	link := func(o model.Ordinal) history.Link {
		return history.Link{WorkflowID: c.key.WorkflowID, Run: c.run.ID, Ordinal: o}
	}
	switch a := a.(type) {
	case *history.ChildStartRequested:
		l := link(a.Ordinal)
		s.send(a.WorkflowID, l, &history.StartRun{Type: a.Type, Input: a.Input, TaskQueue: a.TaskQueue, RunTimeout: a.RunTimeout, Header: a.Header, Watch: true,
			RequestID: model.RequestID(fmt.Sprintf("%s/%d", l.Run, l.Ordinal)), Identity: "workflow " + clipText(string(c.key.WorkflowID), 255)})
	case *history.ChildCancelRequested:
		l := link(a.Ordinal)
		s.send(c.state.Children[a.Ordinal].Requested.WorkflowID, l, &history.EndRun{Mine: l, Reason: "its parent asked for it"})
	case *history.SignalSendRequested:
		if a.WorkflowID == "" {
			return // to a child that has ended
		}
		m := &history.SignalRun{Name: a.Name, Input: a.Input, Header: a.Header, Run: a.Run, Answer: true, Identity: "workflow " + clipText(string(c.key.WorkflowID), 255)}
		if a.Child != 0 {
			m.Mine = link(a.Child)
		}
		s.send(a.WorkflowID, link(a.Ordinal), m)
	case *history.CancelSendRequested:
		s.send(a.WorkflowID, link(a.Ordinal), &history.EndRun{Reason: a.Reason, Run: a.Run, Answer: true, Identity: "workflow " + clipText(string(c.key.WorkflowID), 255)})
	}
}

// closeChildren applies the parent-close policies of the children behind after that a closed run has left.
func (s *step) closeChildren(run model.RunID, children map[model.Ordinal]*history.Child, after model.Ordinal) {
	n := 0
	for _, o := range slices.Sorted(maps.Keys(children)) {
		child := children[o]
		if o <= after || child.Requested.ParentClose == model.ParentCloseAbandon {
			continue
		}
		l := history.Link{WorkflowID: s.c.key.WorkflowID, Run: run, Ordinal: o}
		if n == closeAtOnce {
			l.Ordinal = after
			s.send(s.c.key.WorkflowID, l, &history.CloseChildren{After: after})
			return
		}
		s.send(child.Requested.WorkflowID, l, &history.EndRun{Terminate: child.Requested.ParentClose == model.ParentCloseTerminate, Mine: l, Reason: "its parent has closed"})
		n, after = n+1, o
	}
}

// closeMoreChildren goes on with what closeChildren left.
func (s *step) closeMoreChildren(link history.Link, after model.Ordinal) {
	c := s.c
	r := history.NewReplayer(nil)
	if err := c.e.feed(c.e.base, r, link.Run); err != nil {
		s.err = err
		return
	}
	s.closeChildren(link.Run, r.State.Children, after)
}

// waits says whether a link is of the chain's open run.
func (c *chain) waits(l history.Link) bool {
	return c.state != nil && c.state.Open() && c.run.ID == l.Run
}

// childStarted records that a child is there.
func (s *step) childStarted(l history.Link, run model.RunID) {
	c := s.c
	if !c.waits(l) {
		return
	}
	if child := c.state.Children[l.Ordinal]; child != nil && child.Run == "" {
		s.add(&history.ChildStarted{Ordinal: l.Ordinal, WorkflowID: child.Requested.WorkflowID, Run: run})
	}
}

// childNotStarted records that a child will not be there.
func (s *step) childNotStarted(l history.Link, m *history.RunNotStarted) {
	c := s.c
	if !c.waits(l) {
		return
	}
	if child := c.state.Children[l.Ordinal]; child != nil && child.Run == "" {
		s.add(&history.ChildStartFailed{Ordinal: l.Ordinal, WorkflowID: child.Requested.WorkflowID, Reason: m.Reason, Message: m.Message})
	}
}

// childClosed records how the chain of a child ended.
func (s *step) childClosed(l history.Link, m *history.RunClosed) {
	c := s.c
	if !c.waits(l) || c.state.Children[l.Ordinal] == nil {
		return
	}
	o := l.Ordinal
	switch a := m.Closing.(type) {
	case *history.Completed:
		s.add(&history.ChildCompleted{Ordinal: o, Run: m.Run, Result: a.Result})
	case *history.Failed:
		f := a.Failure
		if f != nil {
			f = bounded(f, c.e.opt.Limits.PayloadBytes)
		}
		s.add(&history.ChildFailed{Ordinal: o, Run: m.Run, Failure: f})
	case *history.Canceled:
		s.add(&history.ChildCanceled{Ordinal: o, Run: m.Run, Details: a.Details})
	case *history.Terminated:
		s.add(&history.ChildTerminated{Ordinal: o, Run: m.Run, Reason: a.Reason})
	case *history.TimedOut:
		s.add(&history.ChildTimedOut{Ordinal: o, Run: m.Run, Timeout: a.Timeout})
	default:
		s.err = fault.Internalf("child %d was closed by %v", o, m.Closing.Kind())
	}
}

// sent records what became of a signal or a cancel request to another workflow.
func (s *step) sent(l history.Link, run model.RunID, no *history.NotDelivered) {
	c := s.c
	if !c.waits(l) || c.state.Sendings[l.Ordinal] == nil {
		return
	}
	switch cancel := c.state.Sendings[l.Ordinal].Cancel; {
	case cancel && no == nil:
		s.add(&history.CancelSent{Ordinal: l.Ordinal, Run: run})
	case cancel:
		s.add(&history.CancelSendFailed{Ordinal: l.Ordinal, Reason: no.Reason, Message: no.Message})
	case no == nil:
		s.add(&history.SignalSent{Ordinal: l.Ordinal, Run: run})
	default:
		s.add(&history.SignalSendFailed{Ordinal: l.Ordinal, Reason: no.Reason, Message: no.Message})
	}
}

// describeFamily shows the parent of the open run, and its open children.
func (c *chain) describeFamily(d *ports.Description) {
	st := c.state
	if p := st.Start.Parent; p.WorkflowID != "" && model.ValidateID("workflow ID", string(p.WorkflowID)) == nil {
		d.Parent = &ports.WorkflowRef{Namespace: c.key.Namespace, WorkflowID: p.WorkflowID, Run: p.Run}
	}
	for _, o := range slices.Sorted(maps.Keys(st.Children)) {
		x := st.Children[o]
		d.Children = append(d.Children, ports.OpenChild{Ordinal: o, Type: x.Requested.Type, WorkflowID: x.Requested.WorkflowID, Run: x.Run,
			AskedAt: time.Unix(0, x.RequestedAt).UTC(), Canceling: x.Canceling})
	}
}
