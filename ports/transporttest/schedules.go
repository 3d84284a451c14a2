package transporttest

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// CreateSchedule implements ports.Schedules.
func (s *Service) CreateSchedule(ctx context.Context, r ports.CreateScheduleRequest) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "CreateSchedule", r)
}

// GetSchedule implements ports.Schedules.
func (s *Service) GetSchedule(ctx context.Context, ref ports.ScheduleRef, next int) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "GetSchedule", Args{ref, next})
}

// UpdateSchedule implements ports.Schedules.
func (s *Service) UpdateSchedule(ctx context.Context, r ports.UpdateScheduleRequest) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "UpdateSchedule", r)
}

// SchedulePage is the answer of ListSchedules.
type SchedulePage struct {
	Schedules []ports.Schedule
	Next      model.ScheduleID
}

// ListSchedules implements ports.Schedules.
func (s *Service) ListSchedules(ctx context.Context, q ports.ScheduleQuery) ([]ports.Schedule, model.ScheduleID, error) {
	p, err := ask[SchedulePage](ctx, s, "ListSchedules", q)
	return p.Schedules, p.Next, err
}

// DeleteSchedule implements ports.Schedules.
func (s *Service) DeleteSchedule(ctx context.Context, r ports.ScheduleChange) error {
	_, err := ask[struct{}](ctx, s, "DeleteSchedule", r)
	return err
}

// PauseSchedule implements ports.Schedules.
func (s *Service) PauseSchedule(ctx context.Context, r ports.ScheduleChange) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "PauseSchedule", r)
}

// ResumeSchedule implements ports.Schedules.
func (s *Service) ResumeSchedule(ctx context.Context, r ports.ScheduleChange) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "ResumeSchedule", r)
}

// TriggerSchedule implements ports.Schedules.
func (s *Service) TriggerSchedule(ctx context.Context, r ports.TriggerScheduleRequest) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "TriggerSchedule", r)
}

// BackfillSchedule implements ports.Schedules.
func (s *Service) BackfillSchedule(ctx context.Context, r ports.BackfillScheduleRequest) (ports.Schedule, error) {
	return ask[ports.Schedule](ctx, s, "BackfillSchedule", r)
}

func scheduleTrips() []trip {
	ref := ports.ScheduleRef{Namespace: "shop", ID: "nightly/7:a é"}
	config := model.ScheduleConfig{
		Spec: model.ScheduleSpec{Crons: []string{"0 3 * * *", "*/5 * * * * *"}, Intervals: []model.ScheduleInterval{{Every: time.Hour, Offset: time.Minute}, {Every: time.Second}},
			TimeZone: "Europe/Berlin", StartAt: at(1), EndAt: at(2), Jitter: 1500 * time.Millisecond},
		Action: model.ScheduleAction{Type: "Report", WorkflowID: "report é", Input: payload(`{"n":1}`), TaskQueue: "slow", RunTimeout: time.Hour, Header: map[string]string{"a": "b"}},
		Policy: model.SchedulePolicy{Overlap: model.OverlapBufferAll, CatchUp: time.Minute, BufferLimit: 7},
	}
	run := ports.ScheduledRun{Nominal: at(3), TakenAt: at(4), Origin: ports.ScheduleOriginBackfill, WorkflowID: "report é-1", Run: "r1", Status: model.StatusFailed, Failure: "no"}
	full := ports.Schedule{Ref: ref, Config: config, Etag: "e.1", Paused: true, Note: "why é", Limited: true, Remaining: 3, CreatedAt: at(5), UpdatedAt: at(6), NextTimes: []time.Time{at(7), at(8)},
		Open: []ports.ScheduledRun{run}, OpenCount: 12, Waiting: 4, Recent: []ports.ScheduledRun{run, {Nominal: at(9), Origin: ports.ScheduleOriginTick}},
		Backfills: []ports.ScheduleBackfill{{After: at(1), Through: at(2), Overlap: model.OverlapAllowAll}}, Started: 1 << 40, Skipped: map[string]uint64{"overlap": 2}, Failed: 1,
		LastError: "oh", LastErrorAt: at(10)}
	create := ports.CreateScheduleRequest{Ref: ref, Config: config, Paused: true, Note: "why", Limited: true, RequestID: "req-1"}
	update := ports.UpdateScheduleRequest{Ref: ref, Spec: &config.Spec, Action: &config.Action, Policy: &config.Policy, Limit: &ports.ScheduleLimit{Limited: true, Remaining: 2}, Etag: "e.1", RequestID: "req-2"}
	some := ports.UpdateScheduleRequest{Ref: ref, Limit: &ports.ScheduleLimit{}}
	query := ports.ScheduleQuery{Namespace: "shop", After: "m", Limit: 50}
	change := ports.ScheduleChange{Ref: ref, Note: "why", RequestID: "req-3"}
	remove := ports.ScheduleChange{Ref: ref, Etag: "e.1", RequestID: "req-4"}
	trigger := ports.TriggerScheduleRequest{Ref: ref, Overlap: model.OverlapTerminateOther, RequestID: "req-5"}
	backfill := ports.BackfillScheduleRequest{Ref: ref, From: at(1), To: at(2), Overlap: model.OverlapSkip, RequestID: "req-6"}
	return []trip{
		{"CreateSchedule", create, full, func(ctx context.Context, s ports.Service) (any, error) { return s.CreateSchedule(ctx, create) }},
		{"GetSchedule", Args{ref, 9}, full, func(ctx context.Context, s ports.Service) (any, error) { return s.GetSchedule(ctx, ref, 9) }},
		{"UpdateSchedule", update, full, func(ctx context.Context, s ports.Service) (any, error) { return s.UpdateSchedule(ctx, update) }},
		{"UpdateSchedule", some, ports.Schedule{Ref: ref}, func(ctx context.Context, s ports.Service) (any, error) { return s.UpdateSchedule(ctx, some) }},
		{"ListSchedules", query, SchedulePage{[]ports.Schedule{full, {Ref: ref}}, ref.ID}, func(ctx context.Context, s ports.Service) (any, error) {
			page, next, err := s.ListSchedules(ctx, query)
			return SchedulePage{page, next}, err
		}},
		{"DeleteSchedule", remove, struct{}{}, func(ctx context.Context, s ports.Service) (any, error) {
			return struct{}{}, s.DeleteSchedule(ctx, remove)
		}},
		{"PauseSchedule", change, full, func(ctx context.Context, s ports.Service) (any, error) { return s.PauseSchedule(ctx, change) }},
		{"ResumeSchedule", change, full, func(ctx context.Context, s ports.Service) (any, error) { return s.ResumeSchedule(ctx, change) }},
		{"TriggerSchedule", trigger, full, func(ctx context.Context, s ports.Service) (any, error) { return s.TriggerSchedule(ctx, trigger) }},
		{"BackfillSchedule", backfill, full, func(ctx context.Context, s ports.Service) (any, error) { return s.BackfillSchedule(ctx, backfill) }},
	}
}
