package access

import (
	"context"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// onSchedule is a call about a schedule.
func onSchedule(method string, ref ports.ScheduleRef, id model.RequestID) call {
	return call{method, ref.Namespace, "schedule " + string(ref.ID), id}
}

// CreateSchedule implements ports.Schedules.
func (g *Guard) CreateSchedule(ctx context.Context, r ports.CreateScheduleRequest) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("CreateSchedule", r.Ref, r.RequestID), func(ports.Principal) (ports.Schedule, error) { return g.next.CreateSchedule(ctx, r) })
}

// GetSchedule implements ports.Schedules.
func (g *Guard) GetSchedule(ctx context.Context, ref ports.ScheduleRef, next int) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("GetSchedule", ref, ""), func(ports.Principal) (ports.Schedule, error) { return g.next.GetSchedule(ctx, ref, next) })
}

// UpdateSchedule implements ports.Schedules.
func (g *Guard) UpdateSchedule(ctx context.Context, r ports.UpdateScheduleRequest) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("UpdateSchedule", r.Ref, r.RequestID), func(ports.Principal) (ports.Schedule, error) { return g.next.UpdateSchedule(ctx, r) })
}

// ListSchedules implements ports.Schedules.
func (g *Guard) ListSchedules(ctx context.Context, q ports.ScheduleQuery) (page []ports.Schedule, next model.ScheduleID, err error) {
	page, err = guarded(ctx, g, call{method: "ListSchedules", ns: q.Namespace}, func(ports.Principal) ([]ports.Schedule, error) {
		var page []ports.Schedule
		page, next, err = g.next.ListSchedules(ctx, q)
		return page, err
	})
	return page, next, err
}

// DeleteSchedule implements ports.Schedules.
func (g *Guard) DeleteSchedule(ctx context.Context, r ports.ScheduleChange) error {
	_, err := guarded(ctx, g, onSchedule("DeleteSchedule", r.Ref, r.RequestID), func(ports.Principal) (struct{}, error) { return struct{}{}, g.next.DeleteSchedule(ctx, r) })
	return err
}

// PauseSchedule implements ports.Schedules.
func (g *Guard) PauseSchedule(ctx context.Context, r ports.ScheduleChange) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("PauseSchedule", r.Ref, r.RequestID), func(ports.Principal) (ports.Schedule, error) { return g.next.PauseSchedule(ctx, r) })
}

// ResumeSchedule implements ports.Schedules.
func (g *Guard) ResumeSchedule(ctx context.Context, r ports.ScheduleChange) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("ResumeSchedule", r.Ref, r.RequestID), func(ports.Principal) (ports.Schedule, error) { return g.next.ResumeSchedule(ctx, r) })
}

// TriggerSchedule implements ports.Schedules.
func (g *Guard) TriggerSchedule(ctx context.Context, r ports.TriggerScheduleRequest) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("TriggerSchedule", r.Ref, r.RequestID), func(ports.Principal) (ports.Schedule, error) { return g.next.TriggerSchedule(ctx, r) })
}

// BackfillSchedule implements ports.Schedules.
func (g *Guard) BackfillSchedule(ctx context.Context, r ports.BackfillScheduleRequest) (ports.Schedule, error) {
	return guarded(ctx, g, onSchedule("BackfillSchedule", r.Ref, r.RequestID), func(ports.Principal) (ports.Schedule, error) { return g.next.BackfillSchedule(ctx, r) })
}
