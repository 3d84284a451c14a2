package engine

import (
	"errors"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/signal"
	"github.com/aionrun/aion/ports"
)

// letterFate is what became of an opened letter.
type letterFate uint8

const (
	letterTaken letterFate = iota // the step deletes it
	letterKept                    // it stays until there is room for it
	letterLeft                    // it stays, and nothing of this version can change that
)

// open lets a letter happen to the chain. A letter that is taken and asks for an answer gets one, whatever became of it.
func (s *step) open(m *ports.Message) letterFate {
	c := s.c
	l, err := history.DecodeLetter(m.Bytes)
	if err != nil {
		c.e.log.Error("a letter in an inbox cannot be read", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "key", m.DedupKey, "error", err)
		return letterLeft
	}
	if kindOf(c.key) != nil {
		if c.entity != nil {
			c.entity.letter(s, &l)
		}
		return letterTaken
	}
	switch msg := l.Message.(type) {
	case *history.StartRun:
		s.startByLetter(l.Link, msg)
	case *history.SignalRun:
		return s.signalByLetter(l.Link, msg)
	case *history.EndRun:
		s.endByLetter(l.Link, msg)
	case *history.CloseChildren:
		s.closeMoreChildren(l.Link, msg.After)
	// Answers. Where the run that asked is not open any more, nobody waits for them.
	case *history.RunStarted:
		s.childStarted(l.Link, msg.Run)
	case *history.RunNotStarted:
		s.childNotStarted(l.Link, msg)
	case *history.RunClosed:
		s.childClosed(l.Link, msg)
	case *history.Delivered:
		s.sent(l.Link, msg.Run, nil)
	case *history.NotDelivered:
		s.sent(l.Link, "", msg)
	}
	return letterTaken
}

// send writes a letter with the step. From the commit on its target is told.
func (s *step) send(to model.WorkflowID, link history.Link, m history.Message) {
	l := history.Letter{Link: link, Message: m}
	s.append_.Send = append(s.append_.Send, ports.Message{Target: model.ChainKey{Namespace: s.c.key.Namespace, WorkflowID: to}, DedupKey: l.Key(), Bytes: l.Encode()})
	s.bytes += len(s.append_.Send[len(s.append_.Send)-1].Bytes)
}

// reasonOf splits an error into what an answer carries.
func reasonOf(err error) (reason, message string) {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Reason.String(), clipText(f.Message, 4096)
	}
	return fault.Internal.String(), clipText(err.Error(), 4096)
}

// startByLetter starts a run of the chain (rule M-3), or says why not.
func (s *step) startByLetter(link history.Link, m *history.StartRun) {
	c := s.c
	req := ports.StartRequest{Namespace: c.key.Namespace, WorkflowID: c.key.WorkflowID, Type: m.Type, Input: m.Input, TaskQueue: m.TaskQueue, RequestID: m.RequestID,
		RunTimeout: m.RunTimeout, Reuse: ports.ReusePolicy(m.Reuse), Conflict: ports.ConflictPolicy(m.Conflict), Identity: m.Identity, Header: m.Header}
	if req.TaskQueue == "" {
		req.TaskQueue = model.DefaultTaskQueue
	}
	started := history.RunStarted{}
	pkg, err := c.e.packages.route(m.Type)
	if err == nil {
		in := &startInput{e: c.e, req: req, pkg: pkg, digest: startDigest(&req)}
		if m.Watch {
			in.parent = link
		}
		done := false
		if c.exists {
			done, err = in.existing(s)
		}
		switch {
		case err == nil && done:
			started = history.RunStarted{Run: c.run.ID, Package: c.run.Package}
		case err == nil:
			in.create(s)
			started = history.RunStarted{Run: c.run.ID, Package: pkg}
		}
	}
	if s.err != nil || !m.Watch {
		return
	}
	if err != nil {
		reason, text := reasonOf(err)
		s.send(link.WorkflowID, link, &history.RunNotStarted{Reason: reason, Message: text})
		return
	}
	s.send(link.WorkflowID, link, &started)
}

// meant checks that the open run of the chain is the one that a letter is for.
func (c *chain) meant(run model.RunID, mine history.Link) error {
	ref := ports.WorkflowRef{Namespace: c.key.Namespace, WorkflowID: c.key.WorkflowID, Run: run}
	if err := c.openRun(ref); err != nil {
		return err
	}
	if !mine.IsZero() && c.state.Start.Parent != mine {
		return fault.New(fault.NotRunning, "workflow %q is running, but the run that was meant has ended", c.key.WorkflowID)
	}
	return nil
}

// answer answers a letter that asks for it.
func (s *step) answer(link history.Link, wanted bool, err error) {
	switch {
	case !wanted:
	case err == nil:
		s.send(link.WorkflowID, link, &history.Delivered{Run: s.c.run.ID})
	default:
		reason, text := reasonOf(err)
		s.send(link.WorkflowID, link, &history.NotDelivered{Reason: reason, Message: text})
	}
}

func (s *step) signalByLetter(link history.Link, m *history.SignalRun) letterFate {
	c := s.c
	err := c.meant(m.Run, m.Mine)
	if err == nil {
		if signal.Admit(c.state, c.e.signalLimits()) != nil {
			return letterKept
		}
		s.add(&history.SignalReceived{Name: m.Name, Input: m.Input, Identity: m.Identity, Header: m.Header})
	} else if !final(err) {
		s.err = err
		return letterKept
	}
	s.answer(link, m.Answer, err)
	return letterTaken
}

func (s *step) endByLetter(link history.Link, m *history.EndRun) {
	c := s.c
	err := c.meant(m.Run, m.Mine)
	switch {
	case err != nil && !final(err):
		s.err = err
		return
	case err != nil:
	case m.Terminate:
		s.add(&history.Terminated{Reason: m.Reason, Identity: m.Identity})
	case !c.state.CancelRequested:
		s.add(&history.CancelRequested{Reason: m.Reason, Identity: m.Identity})
	}
	s.answer(link, m.Answer, err)
}

// final says that an error tells how things are, and not that the store could not be read.
func final(err error) bool { return fault.Has(err, fault.NotFound) || fault.Has(err, fault.NotRunning) }
