package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// chainEnded follows the end of the current run, once all events of it are in their place: another run continues the chain in the same append, or
// the end of the chain is told.
func (s *step) chainEnded() {
	c := s.c
	if s.err != nil || s.rollback != nil || c.state.Open() {
		return
	}
	if a, ok := c.state.Closed.(*history.ContinuedAsNew); ok {
		s.continueAsNew(a)
		return
	}
	if next := history.RetriedAs(c.state.Closed); next != "" {
		s.retry(next)
		return
	}
	if p := c.state.Start.Parent; !p.IsZero() {
		s.send(p.WorkflowID, p, &history.RunClosed{Run: c.run.ID, Closing: c.state.Closed})
	}
}

// continueAsNew begins the run that the code asked for (rule M-4): with the signals that it had not received, and with what it was not given.
func (s *step) continueAsNew(a *history.ContinuedAsNew) {
	start := s.successor(a.NewRun)
	start.Type, start.Input, start.TaskQueue = a.Type, a.Input, a.TaskQueue
	if a.RunTimeout > 0 {
		start.RunTimeout = a.RunTimeout
	}
	first, err := s.signalsAt(a.Carried)
	if err != nil {
		s.reject(err)
		return
	}
	for _, p := range s.undelivered {
		raw, _, _, err := history.Split(p.Framed)
		if err != nil {
			s.err = err
			return
		}
		e, err := history.DecodeEvent(raw)
		if err != nil {
			s.err = err
			return
		}
		switch e.Attr.(type) {
		case *history.SignalReceived, *history.CancelRequested:
			first = append(first, e.Attr)
		}
	}
	s.begin(start, first)
	s.continued = s.err == nil
}

// successor is the Started of a run that continues the current one: everything of it but its input, and a seed of its own.
func (s *step) successor(id model.RunID) history.Started {
	c := s.c
	start := *c.state.Start
	start.Attributes = nil // those that the run has now
	for _, a := range c.run.Attributes {
		if start.Attributes == nil {
			start.Attributes = map[string]model.Payload{}
		}
		start.Attributes[a.Name] = a.Value.Payload()
	}
	start.RunID, start.ContinuedRun, start.Package = id, c.run.ID, c.state.Package
	if start.FirstRun == "" {
		start.FirstRun = c.run.ID
	}
	start.RequestID, start.RequestDigest = "", nil
	start.StartDelay, start.Attempt = 0, 0
	if at := c.state.ChainDeadline(); at != 0 {
		start.ExecutionTimeout = max(time.Duration(at-s.now), 1)
	}
	start.Seed, start.ImageVersion = make([]byte, 32), imageVersion
	c.e.opt.IDs.Random(start.Seed)
	return start
}

// begin makes a run the chain's current one behind the one that this step has closed, in the same append. Its code runs in the next step,
// which follows at once. first are events right behind its Started.
func (s *step) begin(start history.Started, first []history.Attributes) {
	c := s.c
	old, prog := c.run, c.prog
	if s.next == nil {
		s.next = map[model.RunID]model.RunID{}
	}
	s.next[old.ID] = start.RunID
	s.remember(old.StartRequest, [32]byte(pad32(old.RequestDigest)))
	c.dropInstance()
	if prog != nil {
		s.after = append(s.after, func() { prog.Forget(old.ID) })
	}
	c.run = ports.Run{ID: start.RunID, Key: c.key, Type: start.Type, Status: model.StatusRunning, Package: start.Package, TaskQueue: start.TaskQueue,
		StartedAt: time.Unix(0, s.now).UTC()}
	c.digest, c.saved, c.maxEvents = sha256.New(), 0, 0
	c.attach(history.NewState())
	s.add(&start)
	if s.err == nil {
		s.beginAttributes(start.Attributes)
	}
	for _, a := range first {
		s.add(a)
	}
	if s.err != nil {
		return
	}
	c.pushDeadlines()
	s.writeRun()
	s.counter(start.Type, model.StatusRunning, 1)
	s.append_.Pins = append(s.append_.Pins, ports.Pin{Package: start.Package, N: 1})
	ns, typ := c.key.Namespace, start.Type
	s.after = append(s.after, func() { c.e.tel.RunStarted(ns, typ) })
}

// signalsAt finds signals of the current run by their seqs, which ascend: in this step, or in the store. A *history.Refusal where one is something else.
func (s *step) signalsAt(seqs []model.Seq) ([]history.Attributes, error) {
	c := s.c
	out := make([]history.Attributes, 0, len(seqs))
	var rows []ports.HistoryRow
	for i := range s.rows {
		if s.rows[i].Run == c.run.ID {
			rows = append(rows, s.rows[i])
		}
	}
	var row ports.HistoryRow
	var page []byte
	var at model.Seq // of the first event in page
	for _, seq := range seqs {
		if seq < row.First || seq > row.Last {
			i := slices.IndexFunc(rows, func(r ports.HistoryRow) bool { return r.First <= seq && seq <= r.Last })
			if i < 0 {
				found, err := c.e.store.History(c.e.base, c.run.ID, seq, 1)
				if err != nil {
					return nil, err
				}
				rows, i = append(rows, found...), len(rows)
				if len(found) == 0 {
					return nil, &history.Refusal{Message: fmt.Sprintf("the code carries over event %d, which is not there", seq)}
				}
			}
			row = rows[i]
			page, at = row.Bytes, row.First
		}
		for {
			raw, _, rest, err := history.Split(page)
			if err != nil {
				return nil, err
			}
			page, at = rest, at+1
			if at-1 < seq {
				continue
			}
			e, err := history.DecodeEvent(raw)
			if err != nil {
				return nil, err
			}
			if _, ok := e.Attr.(*history.SignalReceived); !ok {
				return nil, &history.Refusal{Message: fmt.Sprintf("the code carries over event %d, which is %v", seq, e.Kind())}
			}
			out = append(out, e.Attr)
			break
		}
	}
	return out, nil
}

// nextOf is the run that continues a closed one, "" where it was the last of its chain.
func (e *Engine) nextOf(ctx context.Context, run model.RunID, o ports.Outcome) (model.RunID, error) {
	if o.Status != model.StatusContinuedAsNew {
		return o.Next, nil
	}
	row, err := e.store.LastHistory(ctx, run)
	if err != nil {
		return "", err
	}
	events, err := history.DecodePage(row.Bytes)
	if err != nil {
		return "", err
	}
	if a, ok := events[len(events)-1].Attr.(*history.ContinuedAsNew); ok {
		return a.NewRun, nil
	}
	return "", nil
}

// named gives the run that the code continues as its ID, which is not the code's to choose.
func (s *step) named(a history.Attributes) history.Attributes {
	if next, ok := a.(*history.ContinuedAsNew); ok {
		named := *next
		named.NewRun = model.RunID(s.c.e.opt.IDs.UUIDv7())
		return &named
	}
	if f, ok := a.(*history.Failed); ok {
		if _, again := s.c.state.Retries(f.Failure, s.now); again {
			return &history.Failed{Failure: f.Failure, NewRun: model.RunID(s.c.e.opt.IDs.UUIDv7())}
		}
	}
	return a
}
