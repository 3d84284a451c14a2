package engine

import (
	"container/heap"
	"time"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/signal"
	"github.com/aionrun/aion/ports"
)

type taskOffer = dispatch.Task

// step is one step of a chain in the making: the events it adds, what changes with them, and what happens once they are durable.
type step struct {
	c       *chain
	began   time.Time
	now     int64 // the step's time (rule T-1)
	rows    []ports.HistoryRow
	count   int // events in all rows
	inRow   int // events in the last row
	bytes   int
	append_ ports.Append
	touched bool // the append has something to say although no event was added

	offers   []offer
	settled  []settled
	cancels  []dispatch.TaskKey // attempts that their worker is to stop
	after    []func()
	err      error
	rollback *history.Blocked
	again    bool
	hold     bool // the run was paused or Blocked in this step
	// Of a run that this step closes: what its code was not given, and which run follows it.
	undelivered []history.Pending
	next        map[model.RunID]model.RunID
	forked      bool // the current run was copied in this step: its code runs in the next one, when what was copied can be read
	continued   bool // another run of the chain has begun behind one that this step has closed

	opened   bool    // the letters in the inbox were opened
	free     bool    // the run was resumed or unblocked in this step
	later    []input // taken in the next step: they need one that begins at a clean boundary
	commitAt time.Duration
	large    bool // the history was large before

	// Of chains that are no workflows.
	sealed  bool // the step takes no other input
	removes bool // the chain goes with the step
	woken   bool // its time had come
	rearm   bool // the time of its next wake-up has changed
}

// offer is an attempt that may be handed out after the commit.
type offer struct {
	task     taskOffer
	reserved bool
	row      bool
}

// settled is an attempt that ends with the commit; reason is told to a worker that still holds it.
type settled struct {
	key    dispatch.TaskKey
	reason string
}

func newStep(c *chain) *step {
	began := c.e.opt.Clock.Now()
	s := &step{c: c, began: began, now: began.UnixNano()}
	if c.state != nil {
		s.now, s.large = max(s.now, c.state.Time), c.large()
		c.state.Begin(s.now)
	} else if c.exists {
		s.now = max(s.now, c.run.ClosedAt.UnixNano())
	}
	return s
}

// full says that the step should take nothing more: what waits gets a step of its own (rule C-5).
func (s *step) full() bool {
	l := s.c.e.opt.Limits
	return s.sealed || s.count >= l.StepEvents/4 || s.bytes >= l.StepBytes/4
}

// refuse answers an input that cannot be taken, once the step on whose ground it is refused is durable.
func (s *step) refuse(in input, err error) {
	s.after = append(s.after, func() { in.fail(err) })
}

// add appends one event to the current run and folds it.
func (s *step) add(a history.Attributes) {
	if s.err != nil {
		return
	}
	c := s.c
	for _, u := range history.CloseUpdates(c.state, a) {
		s.add(u)
	}
	e := history.Event{Seq: c.state.Seq + 1, Time: s.now, Attr: a}
	framed := history.AppendEvent(make([]byte, 0, 256), &e)
	s.fold(&e, framed)
	s.place(e.Seq, framed)
	if a.Kind().Closing() {
		s.chainEnded()
	}
}

// place puts an encoded event into the step's history rows (rule C-5).
func (s *step) place(seq model.Seq, framed []byte) {
	c := s.c
	if n := len(s.rows); n == 0 || s.rows[n-1].Run != c.run.ID || s.inRow >= rowEvents || len(s.rows[n-1].Bytes)+len(framed) > rowBytes {
		s.rows = append(s.rows, ports.HistoryRow{Run: c.run.ID, First: seq, Bytes: make([]byte, 0, 1024)})
		s.inRow = 0
	}
	row := &s.rows[len(s.rows)-1]
	row.Bytes = append(row.Bytes, framed...)
	row.Last = seq
	s.inRow++
}

// fold applies an event to the chain's state and follows what it changes.
func (s *step) fold(e *history.Event, framed []byte) {
	c := s.c
	var pending []settled
	if e.Kind().Closing() {
		pending = s.pendingAttempts("the run has ended")
		s.undelivered = c.state.Pending
	}
	o, about := ordinalOf(e.Attr)
	was := c.state.Activities[o]
	if err := c.state.Apply(e, framed); err != nil {
		s.err = err
		return
	}
	s.count++
	s.bytes += len(framed)
	if about {
		s.track(o, was, e.Attr)
	}
	s.between(e.Attr)
	switch e.Kind() {
	case history.KindPaused, history.KindBlocked:
		s.hold = true
	case history.KindResumed, history.KindUnblocked:
		s.free = true
	case history.KindUpdateCompleted:
		s.updateCompleted(e.Attr.(*history.UpdateCompleted))
	}
	if e.Kind().Closing() {
		s.settled = append(s.settled, pending...)
		s.closeRun()
	}
}

func ordinalOf(a history.Attributes) (model.Ordinal, bool) {
	switch a := a.(type) {
	case *history.ActivityScheduled:
		return a.Ordinal, true
	case *history.ActivityAttemptFailed:
		return a.Ordinal, true
	case *history.ActivityCompleted:
		return a.Ordinal, true
	case *history.ActivityFailed:
		return a.Ordinal, true
	case *history.ActivityTimedOut:
		return a.Ordinal, true
	case *history.ActivityCancelRequested:
		return a.Ordinal, true
	case *history.ActivityCanceled:
		return a.Ordinal, true
	case *history.ActivityAttemptPending:
		return a.Ordinal, true
	case *history.TimerStarted:
		return a.Ordinal, true
	}
	return 0, false
}

// track keeps the chain's due times and attempts in line with an event about activity or timer o; was is the activity before it.
func (s *step) track(o model.Ordinal, was *history.Activity, ev history.Attributes) {
	c := s.c
	if t := c.state.Timers[o]; t != nil {
		heap.Push(&c.due, dueItem{t.Due, dueTimer, o, 0})
		return
	}
	act := c.state.Activities[o]
	reason := ""
	switch ev.(type) {
	case *history.ActivityScheduled:
		c.acts[o] = &attempt{n: 1}
		c.trackActivity(o, act)
		return
	case *history.ActivityCancelRequested:
		if act.Scheduled.Options.Cancellation == model.CancelWait && act.Handed == nil {
			c.offered(c.acts[o], false) // from now on it is only waited for
			c.flies(c.acts[o])
			s.cancels = append(s.cancels, dispatch.TaskKey{Run: c.run.ID, Ordinal: o, Attempt: act.Attempt})
		}
		return
	case *history.ActivityTimedOut, *history.ActivityAttemptFailed:
		reason = "the attempt has timed out"
	case *history.ActivityCanceled:
		if was != nil && was.Scheduled.Options.Cancellation != model.CancelAbandon {
			reason = "canceled"
		}
	}
	var n model.Attempt
	if act != nil {
		n = act.Attempt
	}
	s.settle(o, c.advance(o, n), reason)
	if act != nil {
		c.trackActivity(o, act)
	}
}

func (s *step) settle(o model.Ordinal, old attempt, reason string) {
	if old.n == 0 {
		return
	}
	s.settled = append(s.settled, settled{dispatch.TaskKey{Run: s.c.run.ID, Ordinal: o, Attempt: old.n}, reason})
	if old.row || old.maybe {
		s.append_.TasksDone = append(s.append_.TasksDone, ports.TaskRef{Run: s.c.run.ID, Ordinal: o, Attempt: old.n})
	}
}

// pendingAttempts are all attempts of the current run, for its end.
func (s *step) pendingAttempts(reason string) []settled {
	var out []settled
	for o, a := range s.c.acts {
		out = append(out, settled{dispatch.TaskKey{Run: s.c.run.ID, Ordinal: o, Attempt: a.n}, reason})
		if a.row || a.maybe {
			s.append_.TasksDone = append(s.append_.TasksDone, ports.TaskRef{Run: s.c.run.ID, Ordinal: o, Attempt: a.n})
		}
	}
	return out
}

// closeRun follows a closing event: the run's row, counters, waiters.
func (s *step) closeRun() {
	c := s.c
	clear(c.acts)
	c.flying, c.due = 0, nil
	s.closeChildren(c.run.ID, c.state.Children, 0)
	c.run.Status, c.run.ClosedAt, c.run.Blocked, c.run.Paused = c.state.Status, c.state.ClosedTime(), "", false
	s.writeRun()
	s.counter(c.run.Type, model.StatusRunning, -1)
	s.counter(c.run.Type, c.state.Status, 1)
	outcome := outcomeOf(c.run.ID, c.state.Closed)
	typ, status, open, closed := c.run.Type, c.run.Status, time.Duration(c.state.ClosedAt-c.state.StartedAt), c.run.ClosedAt
	s.after = append(s.after, func() {
		c.e.removeLater(c.key.Namespace, closed)
		c.e.tel.RunClosed(c.key.Namespace, typ, status, open)
		c.e.waiters.notify(c.key, outcome, s.next[outcome.Run])
	})
}

func (s *step) counter(t model.WorkflowType, st model.Status, n int64) {
	s.append_.Counts = append(s.append_.Counts, ports.RunCount{Namespace: s.c.key.Namespace, Type: t, Status: st, N: n})
}

// writeRun makes the append write the current run's row as it then is.
func (s *step) writeRun() {
	c := s.c
	c.run.HeadSeq, c.run.HistoryBytes = c.state.Seq, c.state.Bytes
	for i := range s.append_.Runs {
		if s.append_.Runs[i].ID == c.run.ID {
			s.append_.Runs[i] = c.run
			return
		}
	}
	s.append_.Runs = append(s.append_.Runs, c.run)
}

// block records that the run's code cannot go on (rule D-10).
func (s *step) block(b *history.Blocked) {
	c := s.c
	s.add(b)
	if s.err != nil {
		return
	}
	c.run.Blocked = b.What
	s.writeRun()
	info := blockedInfo(b, s.now)
	run, typ, open := c.run.ID, c.run.Type, c.state.OpenUpdateIDs()
	s.after = append(s.after, func() {
		c.e.tel.RunBlocked(c.key.Namespace, typ, b.What)
		c.e.log.Warn("a run is blocked", "namespace", c.key.Namespace, "workflow_id", c.key.WorkflowID, "run_id", run, "what", b.What, "message", b.Message)
		c.e.waiters.notify(c.key, ports.Outcome{Run: run, Status: model.StatusRunning, Blocked: info, WaitingFor: blockedSentence(info)}, "")
		for _, id := range open {
			c.e.updates.notify(c.key, ports.UpdateStatus{ID: id, Run: run, Stage: ports.UpdateAccepted, Blocked: info})
		}
	})
}

// run lets the code have what waits for it, and collects what may be handed out. block is what blocked the run in an earlier try of the same step.
func (s *step) run(block *history.Blocked) {
	c := s.c
	if s.err != nil || c.state == nil {
		return
	}
	c.retryAt = 0
	if block != nil && c.state.Runnable() {
		s.block(block)
	}
	s.checkHistory()
	s.activateAll()
	if s.err == nil && s.rollback == nil {
		s.holdOrRelease()
	}
	if s.err != nil || s.rollback != nil || !c.state.Open() {
		return
	}
	s.collectOffers()
}

// collectOffers finds attempts whose time has come.
func (s *step) collectOffers() {
	c := s.c
	if !c.state.Runnable() {
		return
	}
	c.unhold()
	for len(c.due) > 0 && c.due[0].at <= s.now {
		d := c.due[0]
		if !c.valid(d) {
			heap.Pop(&c.due)
			continue
		}
		if d.kind != dueAttempt {
			return // a timer that came due while the step was made: the next wake-up takes it
		}
		heap.Pop(&c.due)
		s.offer(d.ordinal)
	}
}

// offer reserves a place for an activity's current attempt, or puts it into the backlog (rule A-1).
func (s *step) offer(o model.Ordinal) {
	c := s.c
	t := c.task(c.state.Activities[o])
	a := c.acts[o]
	if a.maybe {
		c.lastDetails(&t)
	}
	reserved := c.e.dispatch.Reserve(&t)
	if !reserved {
		if a.maybe {
			// One that is there is put behind the others, where the queue still looks.
			s.append_.TasksDone = append(s.append_.TasksDone, ports.TaskRef{Run: c.run.ID, Ordinal: o, Attempt: t.Attempt})
		}
		s.append_.Tasks = append(s.append_.Tasks, ports.Task{Key: c.key, Run: c.run.ID, Ordinal: o, Attempt: t.Attempt, Queue: t.Queue, Priority: t.Priority})
		s.touched = true
	}
	c.offered(a, !reserved)
	s.offers = append(s.offers, offer{task: t, reserved: reserved, row: !reserved})
}

// commit makes the step durable. Nothing of it was visible before.
func (s *step) commit() error {
	c := s.c
	a := &s.append_
	if s.count == 0 && !s.touched && len(a.TasksDone)+len(a.Dedup)+len(a.Take)+len(a.Send) == 0 {
		return nil
	}
	a.Key, a.Expect = c.key, c.row.Version
	c.e.opt.IDs.Random(a.ID[:])
	for i := range s.rows {
		s.rows[i].AppendID = a.ID
	}
	a.History = s.rows
	row := c.row
	row.Version++
	row.CurrentRun = c.run.ID
	if c.state != nil {
		row.HeadSeq = c.state.Seq
	}
	row.WakeAt = s.wakeAt()
	s.keepEntity(a, &row)
	if c.exists {
		a.Chain = row
	} // else it only consumes letters to a chain that is not there
	t0 := c.e.opt.Clock.Now()
	if _, err := c.e.store.Append(c.e.base, a); err != nil {
		return err
	}
	s.commitAt = c.e.opt.Clock.Now().Sub(t0)
	if c.exists {
		c.row, c.guessed = row, false
	}
	for i := range s.rows {
		if s.rows[i].Run == c.run.ID && c.digest != nil {
			c.digest.Write(s.rows[i].Bytes)
		}
	}
	return nil
}

// wakeAt is when something must happen to the chain without outside input (rule S-2).
func (s *step) wakeAt() time.Time {
	c := s.c
	if c.state == nil || !c.state.Open() {
		return time.Time{}
	}
	if c.inFlight() {
		// Not above the time of the last event: so it says later, whatever the clock then shows, that something was in flight.
		if w := c.row.WakeAt; !w.IsZero() && w.UnixNano() <= c.state.Time {
			return w
		}
		return time.Unix(0, c.state.Time).UTC()
	}
	if at := c.nextDue(); at != 0 {
		return time.Unix(0, at).UTC()
	}
	return time.Time{}
}

// finish lets the step be seen, now that it is durable: callers are answered, tasks handed out, waiters woken.
func (s *step) finish() {
	c := s.c
	s.warnOfLength()
	if s.count > 0 {
		c.e.events.Committed(c.key)
	}
	for _, x := range s.settled {
		c.e.dispatch.Settled(x.key, x.reason)
	}
	for _, f := range s.after {
		f()
	}
	if len(s.append_.Send) > 0 {
		c.e.told(s.append_.Send)
	}
	if c.kept && !s.again && (c.state == nil || !c.state.Open() || signal.Admit(c.state, c.e.signalLimits()) == nil) {
		c.kept = false
		c.e.submit(c.key, &inboxInput{e: c.e, key: c.key})
	}
	for _, k := range s.cancels {
		if a := c.acts[k.Ordinal]; k.Run == c.run.ID && !c.e.dispatch.Cancel(k, "canceled") && a != nil && a.n == k.Attempt {
			c.noteUnheld(k.Ordinal, k.Attempt)
		}
	}
	backlog := map[dispatch.QueueKey]int32(nil)
	for i := range s.offers {
		o := &s.offers[i]
		if o.row {
			if backlog == nil {
				backlog = map[dispatch.QueueKey]int32{}
			}
			q := dispatch.QueueKey{Namespace: c.key.Namespace, Queue: o.task.Queue}
			if p, ok := backlog[q]; !ok || o.task.Priority > p {
				backlog[q] = o.task.Priority
			}
			continue
		}
		c.e.dispatch.Offer(o.task, o.reserved)
	}
	for q, p := range backlog {
		c.e.dispatch.Backlogged(q, p)
	}
	if c.state != nil && !c.state.Open() {
		c.dropInstance()
		if c.prog != nil {
			c.prog.Forget(c.run.ID)
		}
		c.state, c.digest, c.due, c.acts, c.flying = nil, nil, nil, nil, 0
	}
	s.leaveEntity()
	if c.guessed {
		c.discard() // nothing was committed: whether the chain exists is still not known
	}
	if c.state != nil {
		c.compact()
		c.arm()
		c.cost = 4096 + c.state.Bytes
	}
	if s.count > 0 {
		c.e.tel.Stepped(c.e.opt.Clock.Now().Sub(s.began), s.commitAt, s.count)
	}
}

// release gives reserved places back.
func (s *step) release() {
	for i := range s.offers {
		if o := &s.offers[i]; o.reserved {
			s.c.e.dispatch.Unreserve(dispatch.QueueKey{Namespace: s.c.key.Namespace, Queue: o.task.Queue}, o.task.Bytes)
		}
	}
}
