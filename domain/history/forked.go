package history

import "github.com/aionrun/aion/domain/model"

// Forked makes of a copied history the history of another run (rule D-7): what stands before it was recorded for the source run.
type Forked struct {
	SourceWorkflowID model.WorkflowID
	SourceRun        model.RunID
	SourceSeq        model.Seq // the activation up to which the history was copied
	WorkflowID       model.WorkflowID
	RunID            model.RunID
	Package          model.PackageHash
	Seed             []byte // of the random numbers from here on
	Reason           string
	Identity         string
	RequestID        model.RequestID
}

// Kind is KindForked.
func (*Forked) Kind() Kind { return KindForked }

func (a *Forked) walk(c *coder) {
	str(c, 1, &a.SourceWorkflowID)
	str(c, 2, &a.SourceRun)
	num(c, 3, &a.SourceSeq)
	str(c, 4, &a.WorkflowID)
	str(c, 5, &a.RunID)
	str(c, 6, &a.Package)
	c.bytes(7, &a.Seed)
	str(c, 8, &a.Reason)
	str(c, 9, &a.Identity)
	str(c, 10, &a.RequestID)
}

// foldForked begins the life of the new run: its time limit and its pending activities begin anew, timers keep their due times, and nobody waits for
// its end.
func (s *State) foldForked(e *Event, a *Forked) {
	start := *s.Start
	start.WorkflowID, start.RunID, start.FirstRun, start.ContinuedRun, start.Parent = a.WorkflowID, a.RunID, "", "", Link{}
	start.RequestID, start.RequestDigest = "", nil
	s.Start, s.StartedAt = &start, e.Time
	s.Package, s.ReplayedThrough = a.Package, s.Through
	for _, p := range s.Activities {
		p.Attempt, p.ScheduledAt, p.NextAt, p.Started, p.LastFailure, p.Heartbeat, p.Handed = 1, e.Time, e.Time, false, nil, model.Payload{}, nil
	}
}

// A Prefix is the beginning of a history, up to an activation and what came of it.
type Prefix struct {
	Start    *Started
	Boundary model.Seq // the Activated
	Last     model.Seq // the last event that came of it
	Page     []byte
	Upserts  []*SearchAttributesUpserted // in it
	Later    []*SignalReceived           // behind it
}

// Forker finds the beginning of a history that a fork copies. Feed it the history's pages in order.
type Forker struct {
	at    model.Seq // the wanted boundary, 0 = the last one
	max   int
	found Prefix
	page  []byte
	cur   model.Seq // the present activation, and its last event
	end   model.Seq
	ups   []*SearchAttributesUpserted
	done  bool // nothing more is copied
	// Near is the last boundary in front of the wanted one, for people.
	Near model.Seq
	// TooLong says that the beginning is longer than may be copied.
	TooLong bool
}

// NewForker looks for the activation whose Activated is at, or for the last one behind which the run was open; the copy has at most max bytes.
func NewForker(at model.Seq, max int) *Forker { return &Forker{at: at, max: max} }

// Prefix gives what was found; false when there is no such activation, or the run ended with it.
func (f *Forker) Prefix() (Prefix, bool) {
	return f.found, f.found.Boundary != 0 && (f.at == 0 || f.found.Boundary == f.at)
}

// Feed looks at a page.
func (f *Forker) Feed(page []byte) error {
	for len(page) > 0 {
		raw, framed, rest, err := Split(page)
		if err != nil {
			return err
		}
		page = rest
		e, err := DecodeEvent(raw)
		if err != nil {
			return err
		}
		f.event(&e, framed)
	}
	return nil
}

func (f *Forker) event(e *Event, framed []byte) {
	if s, ok := e.Attr.(*SignalReceived); ok && f.found.Boundary != 0 {
		f.found.Later = append(f.found.Later, s)
	}
	if f.done {
		return
	}
	if e.Kind().Closing() || len(f.page)+len(framed) > f.max {
		f.done, f.TooLong = true, !e.Kind().Closing()
		return
	}
	f.page = append(f.page, framed...)
	switch a := e.Attr.(type) {
	case *Started:
		f.found.Start = a
	case *Activated:
		f.cur, f.end = e.Seq, e.Seq+model.Seq(a.Commands)
		if f.at == 0 || f.cur <= f.at {
			f.Near = f.cur
		}
	case *SearchAttributesUpserted:
		f.ups = append(f.ups, a)
	}
	if f.cur == 0 || e.Seq != f.end || f.at != 0 && f.cur != f.at {
		return
	}
	f.found.Boundary, f.found.Last, f.found.Page, f.found.Upserts, f.found.Later = f.cur, e.Seq, f.page[:len(f.page):len(f.page)], f.ups, nil
	f.done = f.at != 0
}
