package connect

import (
	"context"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// scheduled reads the schedule of an answer.
func scheduled(res interface{ GetSchedule() *aionv1.Schedule }, err error) (ports.Schedule, error) {
	if err != nil {
		return ports.Schedule{}, err
	}
	return wire.DecodeSchedule(res.GetSchedule())
}

// CreateSchedule implements ports.Schedules.
func (r *Remote) CreateSchedule(ctx context.Context, q ports.CreateScheduleRequest) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.CreateSchedule, wire.EncodeCreateSchedule(q)))
}

// GetSchedule implements ports.Schedules.
func (r *Remote) GetSchedule(ctx context.Context, ref ports.ScheduleRef, next int) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.GetSchedule, &aionv1.GetScheduleRequest{Namespace: string(ref.Namespace), ScheduleId: string(ref.ID), NextTimes: uint32(max(next, 0))}))
}

// UpdateSchedule implements ports.Schedules.
func (r *Remote) UpdateSchedule(ctx context.Context, q ports.UpdateScheduleRequest) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.UpdateSchedule, wire.EncodeUpdateSchedule(q)))
}

// ListSchedules implements ports.Schedules.
func (r *Remote) ListSchedules(ctx context.Context, q ports.ScheduleQuery) ([]ports.Schedule, model.ScheduleID, error) {
	res, err := call(ctx, r.schedules.ListSchedules, wire.EncodeScheduleQuery(q))
	if err != nil {
		return nil, "", err
	}
	return wire.DecodeSchedules(q.Namespace, res)
}

// DeleteSchedule implements ports.Schedules.
func (r *Remote) DeleteSchedule(ctx context.Context, q ports.ScheduleChange) error {
	_, err := call(ctx, r.schedules.DeleteSchedule, &aionv1.DeleteScheduleRequest{Namespace: string(q.Ref.Namespace), ScheduleId: string(q.Ref.ID), Etag: q.Etag, RequestId: string(q.RequestID)})
	return err
}

// PauseSchedule implements ports.Schedules.
func (r *Remote) PauseSchedule(ctx context.Context, q ports.ScheduleChange) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.PauseSchedule, &aionv1.PauseScheduleRequest{Namespace: string(q.Ref.Namespace), ScheduleId: string(q.Ref.ID), Note: q.Note, RequestId: string(q.RequestID)}))
}

// ResumeSchedule implements ports.Schedules.
func (r *Remote) ResumeSchedule(ctx context.Context, q ports.ScheduleChange) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.ResumeSchedule, &aionv1.ResumeScheduleRequest{Namespace: string(q.Ref.Namespace), ScheduleId: string(q.Ref.ID), Note: q.Note, RequestId: string(q.RequestID)}))
}

// TriggerSchedule implements ports.Schedules.
func (r *Remote) TriggerSchedule(ctx context.Context, q ports.TriggerScheduleRequest) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.TriggerSchedule, &aionv1.TriggerScheduleRequest{Namespace: string(q.Ref.Namespace), ScheduleId: string(q.Ref.ID),
		Overlap: aionv1.ScheduleOverlap(q.Overlap), RequestId: string(q.RequestID)}))
}

// BackfillSchedule implements ports.Schedules.
func (r *Remote) BackfillSchedule(ctx context.Context, q ports.BackfillScheduleRequest) (ports.Schedule, error) {
	return scheduled(call(ctx, r.schedules.BackfillSchedule, &aionv1.BackfillScheduleRequest{Namespace: string(q.Ref.Namespace), ScheduleId: string(q.Ref.ID),
		From: wire.EncodeTime(q.From), To: wire.EncodeTime(q.To), Overlap: aionv1.ScheduleOverlap(q.Overlap), RequestId: string(q.RequestID)}))
}
