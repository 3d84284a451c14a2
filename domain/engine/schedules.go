package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/schedule"
	"github.com/aionrun/aion/ports"
)

var _ ports.Schedules = (*Engine)(nil)

const (
	scheduleNext     = 5
	scheduleNextMax  = 100
	schedulePage     = 100
	schedulePageMax  = 1000
	maxScheduleNote  = 1000
	scheduleRequests = "schedule\x00"
)

// scheduleInput changes a schedule in a step of its chain.
type scheduleInput struct {
	answer[ports.Schedule]
	ref     ports.ScheduleRef
	id      model.RequestID
	digest  [32]byte
	etag    string
	creates bool
	change  func(s *step, x *scheduleEntity) error
}

func (in *scheduleInput) fail(err error) { in.give(ports.Schedule{}, err) }

func (in *scheduleInput) apply(s *step) {
	c := s.c
	x, _ := c.entity.(*scheduleEntity)
	if x == nil && !in.creates {
		s.refuse(in, noSchedule(in.ref))
		return
	}
	if x != nil {
		switch _, ok, err := s.seen(in.id, in.digest); {
		case err != nil:
			s.refuse(in, err)
			return
		case ok:
			in.answerWith(s, x)
			return
		case in.creates:
			s.refuse(in, fault.New(fault.AlreadyExists, "schedule %q exists already in namespace %q", in.ref.ID, in.ref.Namespace).Hinted("aion schedule update changes it"))
			return
		case in.etag != "" && in.etag != etagOf(x.Schedule):
			s.refuse(in, fault.New(fault.Conflict, "schedule %q has changed: its etag is %s", in.ref.ID, etagOf(x.Schedule)).Hinted("read it again, and repeat the change on what is there now"))
			return
		}
		if x.Due() <= s.now {
			// What is due comes first, by the rules that held then.
			x.do(s, x.Advance(s.now))
			if x.Due() <= s.now {
				s.sealed = true
				s.after = append(s.after, func() { c.e.submit(c.key, in) })
				return
			}
		}
	}
	if err := in.change(s, x); err != nil {
		s.refuse(in, err)
		return
	}
	s.remember(in.id, in.digest)
	s.touched = true
	x, _ = c.entity.(*scheduleEntity)
	in.answerWith(s, x)
}

// answerWith answers with the schedule as the step leaves it.
func (in *scheduleInput) answerWith(s *step, x *scheduleEntity) {
	d := describeSchedule(in.ref.Namespace, x.Clone(), time.Unix(0, s.now), scheduleNext)
	s.after = append(s.after, func() { in.give(d, nil) })
}

func noSchedule(ref ports.ScheduleRef) error {
	return fault.NotFoundf("schedule %q does not exist in namespace %q", ref.ID, ref.Namespace).Hinted("aion schedule list shows the schedules")
}

func etagOf(s *schedule.Schedule) string {
	return s.Instance + "." + strconv.FormatUint(s.Revision, 10)
}

// changeSchedule checks what every change has in common and makes it. said is what makes two calls the same.
func (e *Engine) changeSchedule(ctx context.Context, in *scheduleInput, create bool, op string, said any) (ports.Schedule, error) {
	if err := e.accepting(); err != nil {
		return ports.Schedule{}, err
	}
	if err := e.scheduleRef(ctx, &in.ref, create); err != nil {
		return ports.Schedule{}, err
	}
	if err := model.ValidateRequestID(in.id); err != nil {
		return ports.Schedule{}, err
	}
	b, err := json.Marshal(said)
	if err != nil {
		return ports.Schedule{}, fault.Invalidf("the request cannot be encoded: %v", err)
	}
	in.answer, in.creates = newAnswer[ports.Schedule](), create
	in.digest = sha256.Sum256(append([]byte(scheduleRequests+op+"\x00"), b...))
	e.submit(scheduleKey(in.ref.Namespace, in.ref.ID), in)
	return wait(ctx, in.answer)
}

func (e *Engine) scheduleRef(ctx context.Context, r *ports.ScheduleRef, create bool) error {
	ns, err := e.ns.Resolve(ctx, r.Namespace, create)
	if err != nil {
		return err
	}
	r.Namespace = ns
	if err := model.ValidateID("schedule ID", string(r.ID)); err != nil {
		return err
	}
	if n := len(r.ID); n > model.MaxScheduleIDBytes {
		return fault.Invalidf("the schedule ID is %d bytes long; at most %d are allowed", n, model.MaxScheduleIDBytes)
	}
	return nil
}

func (e *Engine) checkScheduleAction(a *model.ScheduleAction) error {
	if n := a.Input.Size(); n > e.opt.Limits.PayloadBytes {
		return tooLarge("the input", n, e.opt.Limits.PayloadBytes)
	}
	n := 0
	for k, v := range a.Header {
		if n += len(k) + len(v); strings.HasPrefix(k, "aion-") {
			return fault.Invalidf("the header %q is not allowed: names that begin with aion- are the server's", k)
		}
	}
	if n > e.opt.Limits.PayloadBytes {
		return tooLarge("the header", n, e.opt.Limits.PayloadBytes)
	}
	return nil
}

func checkNote(note string) error {
	if len(note) > maxScheduleNote {
		return fault.Invalidf("the note has %d bytes; at most %d are allowed", len(note), maxScheduleNote)
	}
	return nil
}

// CreateSchedule makes a schedule.
func (e *Engine) CreateSchedule(ctx context.Context, r ports.CreateScheduleRequest) (ports.Schedule, error) {
	if err := e.checkScheduleAction(&r.Config.Action); err != nil {
		return ports.Schedule{}, err
	}
	if err := checkNote(r.Note); err != nil {
		return ports.Schedule{}, err
	}
	if r.Ref.ID != "" {
		config := r.Config
		if _, err := schedule.Check(r.Ref.ID, &config); err != nil {
			return ports.Schedule{}, err
		}
	}
	in := &scheduleInput{ref: r.Ref, id: r.RequestID, change: func(s *step, _ *scheduleEntity) error {
		sc, err := schedule.New(r.Ref.ID, e.opt.IDs.UUIDv7(), r.Config, s.now)
		if err != nil {
			return err
		}
		sc.Limit(r.Limited, r.Remaining, s.now)
		sc.State.Paused, sc.State.Note = r.Paused, r.Note
		s.found(&scheduleEntity{Schedule: sc, changed: true})
		return nil
	}}
	said := r
	said.Ref, said.RequestID, said.Identity = ports.ScheduleRef{}, "", ""
	return e.changeSchedule(ctx, in, true, "create", said)
}

// UpdateSchedule replaces parts of a schedule.
func (e *Engine) UpdateSchedule(ctx context.Context, r ports.UpdateScheduleRequest) (ports.Schedule, error) {
	if r.Action != nil {
		if err := e.checkScheduleAction(r.Action); err != nil {
			return ports.Schedule{}, err
		}
	}
	in := &scheduleInput{ref: r.Ref, id: r.RequestID, etag: r.Etag, change: func(s *step, x *scheduleEntity) error {
		config := x.Config
		if r.Spec != nil {
			config.Spec = *r.Spec
		}
		if r.Action != nil {
			config.Action = *r.Action
		}
		if r.Policy != nil {
			config.Policy = *r.Policy
		}
		if r.Spec != nil || r.Action != nil || r.Policy != nil {
			f, err := x.Update(config, s.now)
			if err != nil {
				return err
			}
			x.changed = true
			x.do(s, f)
		}
		if r.Limit != nil {
			x.Limit(r.Limit.Limited, r.Limit.Remaining, s.now)
		}
		return nil
	}}
	said := r
	said.Ref, said.RequestID, said.Identity = ports.ScheduleRef{}, "", ""
	return e.changeSchedule(ctx, in, false, "update", said)
}

// DeleteSchedule removes a schedule.
func (e *Engine) DeleteSchedule(ctx context.Context, r ports.ScheduleChange) error {
	in := &scheduleInput{ref: r.Ref, etag: r.Etag, change: func(s *step, _ *scheduleEntity) error {
		s.removeEntity()
		return nil
	}}
	_, err := e.changeSchedule(ctx, in, false, "delete", r.Etag)
	return err
}

// PauseSchedule holds the ticks.
func (e *Engine) PauseSchedule(ctx context.Context, r ports.ScheduleChange) (ports.Schedule, error) {
	if err := checkNote(r.Note); err != nil {
		return ports.Schedule{}, err
	}
	in := &scheduleInput{ref: r.Ref, id: r.RequestID, change: func(s *step, x *scheduleEntity) error {
		x.Pause(r.Note, s.now)
		return nil
	}}
	return e.changeSchedule(ctx, in, false, "pause", r.Note)
}

// ResumeSchedule lets the schedule tick again.
func (e *Engine) ResumeSchedule(ctx context.Context, r ports.ScheduleChange) (ports.Schedule, error) {
	if err := checkNote(r.Note); err != nil {
		return ports.Schedule{}, err
	}
	in := &scheduleInput{ref: r.Ref, id: r.RequestID, change: func(s *step, x *scheduleEntity) error {
		x.do(s, x.Resume(r.Note, s.now))
		return nil
	}}
	return e.changeSchedule(ctx, in, false, "resume", r.Note)
}

// TriggerSchedule takes the action now.
func (e *Engine) TriggerSchedule(ctx context.Context, r ports.TriggerScheduleRequest) (ports.Schedule, error) {
	if r.Overlap > model.OverlapAllowAll {
		return ports.Schedule{}, fault.Invalidf("the overlap policy %d is not known", r.Overlap)
	}
	in := &scheduleInput{ref: r.Ref, id: r.RequestID, change: func(s *step, x *scheduleEntity) error {
		x.do(s, x.Trigger(r.Overlap, s.now))
		return nil
	}}
	return e.changeSchedule(ctx, in, false, "trigger", r.Overlap)
}

// BackfillSchedule takes the action for every nominal time of a span.
func (e *Engine) BackfillSchedule(ctx context.Context, r ports.BackfillScheduleRequest) (ports.Schedule, error) {
	in := &scheduleInput{ref: r.Ref, id: r.RequestID, change: func(s *step, x *scheduleEntity) error {
		return x.Backfill(r.From, r.To, r.Overlap)
	}}
	return e.changeSchedule(ctx, in, false, "backfill", [3]int64{r.From.Unix(), r.To.Unix(), int64(r.Overlap)})
}

// GetSchedule shows a schedule.
func (e *Engine) GetSchedule(ctx context.Context, ref ports.ScheduleRef, next int) (ports.Schedule, error) {
	if err := e.accepting(); err != nil {
		return ports.Schedule{}, err
	}
	if err := e.scheduleRef(ctx, &ref, false); err != nil {
		return ports.Schedule{}, err
	}
	_, kept, err := e.store.Entity(ctx, scheduleKey(ref.Namespace, ref.ID))
	if fault.Has(err, fault.NotFound) {
		return ports.Schedule{}, noSchedule(ref)
	}
	if err != nil {
		return ports.Schedule{}, err
	}
	sc, err := schedule.Decode(kept.Config, kept.State)
	if err != nil {
		return ports.Schedule{}, err
	}
	if next <= 0 {
		next = scheduleNext
	}
	return describeSchedule(ref.Namespace, sc, e.opt.Clock.Now(), min(next, scheduleNextMax)), nil
}

// ListSchedules lists schedules by ID.
func (e *Engine) ListSchedules(ctx context.Context, q ports.ScheduleQuery) ([]ports.Schedule, model.ScheduleID, error) {
	if err := e.accepting(); err != nil {
		return nil, "", err
	}
	ns, err := e.ns.Resolve(ctx, q.Namespace, false)
	if err != nil {
		return nil, "", err
	}
	if q.Limit <= 0 {
		q.Limit = schedulePage
	}
	q.Limit = min(q.Limit, schedulePageMax)
	after := model.WorkflowID("")
	if q.After != "" {
		after = scheduleKey(ns, q.After).WorkflowID
	}
	kept, err := e.store.Entities(ctx, ns, schedulePrefix, after, q.Limit+1, maxPageBytes/2)
	if err != nil {
		return nil, "", err
	}
	now := e.opt.Clock.Now()
	var out []ports.Schedule
	for i := range kept[:min(len(kept), q.Limit)] {
		sc, err := schedule.Decode(kept[i].Config, kept[i].State)
		if err != nil {
			return nil, "", err
		}
		out = append(out, describeSchedule(ns, sc, now, 1))
	}
	if len(out) == 0 {
		return nil, "", nil
	}
	last := out[len(out)-1].Ref.ID
	if len(kept) > q.Limit {
		return out, last, nil
	}
	// The page may have ended for its size.
	more, err := e.store.Entities(ctx, ns, schedulePrefix, scheduleKey(ns, last).WorkflowID, 1, 1)
	if err != nil || len(more) == 0 {
		return out, "", err
	}
	return out, last, nil
}

// describeSchedule shows a schedule, which is the caller's to give away.
func describeSchedule(ns model.Namespace, s *schedule.Schedule, now time.Time, next int) ports.Schedule {
	st := &s.State
	d := ports.Schedule{Ref: ports.ScheduleRef{Namespace: ns, ID: s.ID}, Config: s.Config, Etag: etagOf(s), Paused: st.Paused, Note: st.Note, Limited: st.Limited,
		Remaining: st.Remaining, CreatedAt: time.Unix(0, st.CreatedAt).UTC(), UpdatedAt: time.Unix(0, st.UpdatedAt).UTC(), NextTimes: s.Upcoming(now, next),
		OpenCount: len(st.Open), Waiting: len(st.Waiting), Started: st.Started, Failed: st.Failed, LastError: st.LastError}
	if st.LastErrorAt != 0 {
		d.LastErrorAt = time.Unix(0, st.LastErrorAt).UTC()
	}
	if len(st.Skipped) > 0 {
		d.Skipped = make(map[string]uint64, len(st.Skipped))
		for r, n := range st.Skipped {
			d.Skipped[string(r)] = n
		}
	}
	for _, a := range st.Open[:min(len(st.Open), model.MaxScheduleRecent)] {
		d.Open = append(d.Open, scheduledRun(schedule.Past{Action: a, Status: model.StatusRunning}))
	}
	for i := len(st.Recent) - 1; i >= 0; i-- {
		d.Recent = append(d.Recent, scheduledRun(st.Recent[i]))
	}
	for _, b := range st.Backfills {
		d.Backfills = append(d.Backfills, ports.ScheduleBackfill{After: time.Unix(b.After, 0).UTC(), Through: time.Unix(b.Through, 0).UTC(), Overlap: b.Overlap})
	}
	return d
}

func scheduledRun(p schedule.Past) ports.ScheduledRun {
	r := ports.ScheduledRun{Nominal: time.Unix(p.Nominal, 0).UTC(), Origin: ports.ScheduleOrigin(p.Origin), WorkflowID: p.WorkflowID, Run: p.Run, Status: p.Status, Failure: p.Failure}
	if p.TakenAt != 0 {
		r.TakenAt = time.Unix(0, p.TakenAt).UTC()
	}
	return r
}
