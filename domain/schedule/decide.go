package schedule

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Bounds of one decision: what is beyond them is left to the next one, which is due at once.
const (
	maxEffects = 100
	maxLooks   = 5000
)

// Due is when Advance has something to do without anything happening from outside, in ns since 1970; math.MaxInt64 = never.
func (s *Schedule) Due() int64 {
	if s.backfillRuns() {
		return 1
	}
	if at := s.nextTick(); !at.IsZero() {
		return s.times.Due(at, s.Instance).UnixNano()
	}
	return math.MaxInt64
}

// nextTick is the nominal time of the next tick, zero when there is none.
func (s *Schedule) nextTick() time.Time {
	if s.State.Paused || s.exhausted() {
		return time.Time{}
	}
	return s.times.Next(time.Unix(0, s.State.Through))
}

// Advance decides the ticks that are due. Each nominal time is decided once, in order, whatever the clock does: one that goes back brings no tick
// again. Ticks that are older than the catch-up window are skipped. It does a bounded part at a time; while Due has passed there is more.
func (s *Schedule) Advance(now int64) Effects {
	var f Effects
	looks := 0
	for f.size() < maxEffects && looks < maxLooks {
		at := s.nextTick()
		if at.IsZero() || s.times.Due(at, s.Instance).UnixNano() > now {
			break
		}
		looks++
		s.tick(at, now, &f)
	}
	for f.size() < maxEffects && looks < maxLooks && s.backfillRuns() {
		looks++
		s.backfill(now, &f)
	}
	return f
}

// tick decides the tick of a nominal time.
func (s *Schedule) tick(at time.Time, now int64, f *Effects) {
	s.State.Through = at.UnixNano()
	if s.times.Due(at, s.Instance).UnixNano() < now-int64(s.Config.Policy.CatchUp) {
		f.skip(&s.State, SkippedLate)
		return
	}
	if s.State.Limited {
		s.State.Remaining--
	}
	s.take(Action{Nominal: at.Unix(), Origin: OriginTick}, s.Config.Policy.Overlap, now, f)
}

// drop skips an action that was to be taken. What was not started does not count against the actions that remain.
func (s *Schedule) drop(a *Action, r Reason, f *Effects) {
	if a.Origin == OriginTick && s.State.Limited {
		s.State.Remaining++
	}
	f.skip(&s.State, r)
}

// take applies the overlap policy to an action.
func (s *Schedule) take(a Action, o model.Overlap, now int64, f *Effects) {
	st := &s.State
	free := len(st.Open) == 0 && len(st.Waiting) == 0
	switch {
	case free || o == model.OverlapAllowAll:
		s.start(a, now, f)
	case o == model.OverlapBufferOne && len(st.Waiting) == 0:
		st.Waiting = append(st.Waiting, a)
	case o == model.OverlapBufferAll:
		if len(st.Waiting) >= int(s.Config.Policy.BufferLimit) {
			s.drop(&a, SkippedBuffer, f)
			return
		}
		st.Waiting = append(st.Waiting, a)
	case o == model.OverlapCancelOther || o == model.OverlapTerminateOther:
		for i := range st.Waiting {
			s.drop(&st.Waiting[i], SkippedOverlap, f)
		}
		st.Waiting = nil
		s.endOpen(o == model.OverlapTerminateOther, f)
		st.Waiting = append(st.Waiting, a)
		s.drain(now, f)
	default:
		s.drop(&a, SkippedOverlap, f)
	}
}

// endOpen asks what is open to end, once in each way.
func (s *Schedule) endOpen(terminate bool, f *Effects) {
	how := uint8(endCancel)
	if terminate {
		how = endTerminate
	}
	for i := range s.State.Open {
		if a := &s.State.Open[i]; a.Ending < how {
			a.Ending = how
			f.Ends = append(f.Ends, *a)
		}
	}
}

// start starts an action.
func (s *Schedule) start(a Action, now int64, f *Effects) {
	st := &s.State
	if len(st.Open) >= model.MaxScheduleOpen {
		s.drop(&a, SkippedOpen, f)
		return
	}
	st.Last++
	st.Started++
	a.Ordinal = st.Last
	a.WorkflowID = s.workflowID(&a)
	st.Open = append(st.Open, a)
	if len(st.Recent) >= model.MaxScheduleRecent {
		st.Recent = slices.Delete(st.Recent, 0, len(st.Recent)-model.MaxScheduleRecent+1)
	}
	st.Recent = append(st.Recent, Past{Action: a, TakenAt: now})
	f.Starts = append(f.Starts, a)
}

// drain starts what waits when nothing is open. While the schedule is paused, ticks go on waiting.
func (s *Schedule) drain(now int64, f *Effects) {
	st := &s.State
	for i := 0; len(st.Open) == 0 && i < len(st.Waiting); {
		if a := st.Waiting[i]; a.Origin == OriginTick && st.Paused {
			i++
		} else {
			st.Waiting = slices.Delete(st.Waiting, i, i+1)
			s.start(a, now, f)
		}
	}
}

// backfillRuns says whether the first backfill has something to do now.
func (s *Schedule) backfillRuns() bool {
	st := &s.State
	if len(st.Backfills) == 0 {
		return false
	}
	switch st.Backfills[0].Overlap {
	case model.OverlapBufferAll:
		return len(st.Open) == 0 && len(st.Waiting) == 0 // one after the other, without a bound on how many
	case model.OverlapAllowAll:
		return len(st.Open) < model.MaxScheduleOpen
	}
	return true
}

func (s *Schedule) backfill(now int64, f *Effects) {
	b := &s.State.Backfills[0]
	at := s.times.Next(time.Unix(b.After, 0))
	if at.IsZero() || at.Unix() > b.Through {
		s.State.Backfills = slices.Delete(s.State.Backfills, 0, 1)
		return
	}
	b.After = at.Unix()
	s.take(Action{Nominal: at.Unix(), Origin: OriginBackfill}, b.Overlap, now, f)
}

// Trigger takes an action now, whether or not the schedule is paused. overlap 0 is the schedule's.
func (s *Schedule) Trigger(overlap model.Overlap, now int64) Effects {
	var f Effects
	if overlap == model.OverlapUnspecified {
		overlap = s.Config.Policy.Overlap
	}
	s.take(Action{Nominal: now / int64(time.Second), Origin: OriginTrigger}, overlap, now, &f)
	return f
}

// Backfill makes up for the nominal times from from to to, both included, as if they were now. overlap 0 is the schedule's. Errors: InvalidInput,
// QuotaExceeded (too many backfills are under way).
func (s *Schedule) Backfill(from, to time.Time, overlap model.Overlap) error {
	switch {
	case to.Before(from):
		return fault.Invalidf("the backfill ends at %v, before it begins at %v", to, from)
	case from.Before(time.Unix(0, 0)) || to.After(horizon):
		return fault.Invalidf("a backfill lies between 1970 and 2200")
	case overlap > model.OverlapAllowAll:
		return fault.Invalidf("the overlap policy %d is not known", overlap)
	case len(s.State.Backfills) >= model.MaxScheduleBackfills:
		return fault.New(fault.QuotaExceeded, "%d backfills of schedule %q are under way", model.MaxScheduleBackfills, s.ID).Hinted("wait until one has ended")
	}
	if overlap == model.OverlapUnspecified {
		overlap = s.Config.Policy.Overlap
	}
	after := from.Unix() - 1
	if from.Nanosecond() > 0 {
		after++
	}
	s.State.Backfills = append(s.State.Backfills, Backfill{After: after, Through: to.Unix(), Overlap: overlap})
	return nil
}

// Pause holds the ticks. Due ticks must have been decided (Advance).
func (s *Schedule) Pause(note string, now int64) {
	s.State.Paused, s.State.Note, s.State.UpdatedAt = true, note, now
}

// Resume lets the schedule tick again, from now on: what the clock passed while it was paused is not made up for, and not counted.
func (s *Schedule) Resume(note string, now int64) Effects {
	var f Effects
	st := &s.State
	st.Note, st.UpdatedAt = note, now
	if st.Paused {
		s.passOver(now)
		st.Paused = false
		s.drain(now, &f)
	}
	return f
}

// passOver leaves ticks out that came due up to now. One that is only late by its jitter is still to come.
func (s *Schedule) passOver(now int64) {
	at := time.Unix(0, max(s.State.Through, now-int64(s.times.jitter)))
	for {
		following := s.times.Next(at)
		if following.IsZero() || following.UnixNano() > now || s.times.Due(following, s.Instance).UnixNano() > now {
			break
		}
		at = following
	}
	if s.times.jitter == 0 {
		at = time.Unix(0, max(s.State.Through, now))
	}
	s.State.Through = at.UnixNano()
}

// Limit sets how many more ticks the schedule has; limited false is no bound. What the clock passed while none remained is not made up for.
func (s *Schedule) Limit(limited bool, remaining uint32, now int64) {
	if s.exhausted() {
		s.passOver(now)
	}
	s.State.Limited, s.State.Remaining = limited, remaining
	if !limited {
		s.State.Remaining = 0
	}
}

// Update changes the configuration from now on. Due ticks must have been decided (Advance) by the old one; a tick that is only late by its jitter
// happens now. Errors: InvalidInput; then nothing has changed.
func (s *Schedule) Update(c model.ScheduleConfig, now int64) (Effects, error) {
	var f Effects
	old := *s
	if err := s.configure(c); err != nil {
		return f, err
	}
	if at := old.nextTick(); !at.IsZero() && at.UnixNano() <= now {
		s.tick(at, now, &f)
	}
	s.State.Through, s.State.UpdatedAt = max(s.State.Through, now), now
	return f, nil
}

// RunStarted notes the run of an action.
func (s *Schedule) RunStarted(n model.Ordinal, run model.RunID) {
	if i := s.open(n); i >= 0 {
		s.State.Open[i].Run = run
	}
	if p := s.past(n); p != nil {
		p.Run = run
		if p.Status == model.StatusUnspecified {
			p.Status = model.StatusRunning
		}
	}
}

// RunClosed notes that the runs of an action have ended, and lets go on what waited for that. An action that is not open is not touched.
func (s *Schedule) RunClosed(n model.Ordinal, run model.RunID, status model.Status, now int64) Effects {
	var f Effects
	i := s.open(n)
	if i < 0 {
		return f
	}
	s.State.Open = slices.Delete(s.State.Open, i, i+1)
	if p := s.past(n); p != nil {
		p.Run, p.Status = run, status
	}
	s.drain(now, &f)
	return f
}

// NotStarted notes that no run came of an action. It is counted and shown, and the schedule goes on.
func (s *Schedule) NotStarted(n model.Ordinal, why string, now int64) Effects {
	var f Effects
	i := s.open(n)
	if i < 0 {
		return f
	}
	st := &s.State
	st.Open = slices.Delete(st.Open, i, i+1)
	st.Failed++
	st.LastError, st.LastErrorAt = clip(why), now
	if p := s.past(n); p != nil {
		p.Failure = clip(why)
	}
	s.drain(now, &f)
	return f
}

func clip(s string) string {
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

func (s *Schedule) open(n model.Ordinal) int {
	return slices.IndexFunc(s.State.Open, func(a Action) bool { return a.Ordinal == n })
}

func (s *Schedule) past(n model.Ordinal) *Past {
	for i := range s.State.Recent {
		if s.State.Recent[i].Ordinal == n {
			return &s.State.Recent[i]
		}
	}
	return nil
}
