package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// schedules serves ScheduleService.
type schedules struct{ s *server }

var _ aionv1connect.ScheduleServiceHandler = schedules{}

func (h schedules) CreateSchedule(ctx context.Context, req *connect.Request[aionv1.CreateScheduleRequest]) (*connect.Response[aionv1.CreateScheduleResponse], error) {
	r, err := wire.DecodeCreateSchedule(req.Msg)
	if err != nil {
		return nil, err
	}
	s, err := h.s.Service.CreateSchedule(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.CreateScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}

func (h schedules) GetSchedule(ctx context.Context, req *connect.Request[aionv1.GetScheduleRequest]) (*connect.Response[aionv1.GetScheduleResponse], error) {
	s, err := h.s.Service.GetSchedule(ctx, wire.DecodeScheduleRef(req.Msg), int(min(req.Msg.GetNextTimes(), 1000)))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.GetScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}

func (h schedules) UpdateSchedule(ctx context.Context, req *connect.Request[aionv1.UpdateScheduleRequest]) (*connect.Response[aionv1.UpdateScheduleResponse], error) {
	r, err := wire.DecodeUpdateSchedule(req.Msg)
	if err != nil {
		return nil, err
	}
	s, err := h.s.Service.UpdateSchedule(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.UpdateScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}

func (h schedules) ListSchedules(ctx context.Context, req *connect.Request[aionv1.ListSchedulesRequest]) (*connect.Response[aionv1.ListSchedulesResponse], error) {
	q, err := wire.DecodeScheduleQuery(req.Msg, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	page, next, err := h.s.Service.ListSchedules(ctx, q)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeSchedules(q.Namespace, page, next)), nil
}

func (h schedules) DeleteSchedule(ctx context.Context, req *connect.Request[aionv1.DeleteScheduleRequest]) (*connect.Response[aionv1.DeleteScheduleResponse], error) {
	m := req.Msg
	r := ports.ScheduleChange{Ref: wire.DecodeScheduleRef(m), Etag: m.GetEtag(), RequestID: model.RequestID(m.GetRequestId())}
	if err := h.s.Service.DeleteSchedule(ctx, r); err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.DeleteScheduleResponse{}), nil
}

func (h schedules) PauseSchedule(ctx context.Context, req *connect.Request[aionv1.PauseScheduleRequest]) (*connect.Response[aionv1.PauseScheduleResponse], error) {
	m := req.Msg
	s, err := h.s.Service.PauseSchedule(ctx, ports.ScheduleChange{Ref: wire.DecodeScheduleRef(m), Note: m.GetNote(), RequestID: model.RequestID(m.GetRequestId())})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.PauseScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}

func (h schedules) ResumeSchedule(ctx context.Context, req *connect.Request[aionv1.ResumeScheduleRequest]) (*connect.Response[aionv1.ResumeScheduleResponse], error) {
	m := req.Msg
	s, err := h.s.Service.ResumeSchedule(ctx, ports.ScheduleChange{Ref: wire.DecodeScheduleRef(m), Note: m.GetNote(), RequestID: model.RequestID(m.GetRequestId())})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.ResumeScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}

func (h schedules) TriggerSchedule(ctx context.Context, req *connect.Request[aionv1.TriggerScheduleRequest]) (*connect.Response[aionv1.TriggerScheduleResponse], error) {
	m := req.Msg
	o, err := wire.DecodeOverlap(m.GetOverlap())
	if err != nil {
		return nil, err
	}
	s, err := h.s.Service.TriggerSchedule(ctx, ports.TriggerScheduleRequest{Ref: wire.DecodeScheduleRef(m), Overlap: o, RequestID: model.RequestID(m.GetRequestId())})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.TriggerScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}

func (h schedules) BackfillSchedule(ctx context.Context, req *connect.Request[aionv1.BackfillScheduleRequest]) (*connect.Response[aionv1.BackfillScheduleResponse], error) {
	m := req.Msg
	o, err := wire.DecodeOverlap(m.GetOverlap())
	if err != nil {
		return nil, err
	}
	s, err := h.s.Service.BackfillSchedule(ctx, ports.BackfillScheduleRequest{Ref: wire.DecodeScheduleRef(m), From: wire.DecodeTime(m.GetFrom()), To: wire.DecodeTime(m.GetTo()),
		Overlap: o, RequestID: model.RequestID(m.GetRequestId())})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.BackfillScheduleResponse{Schedule: wire.EncodeSchedule(s)}), nil
}
