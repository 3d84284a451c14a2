package wire

import (
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func encodeScheduleSpec(s model.ScheduleSpec) *aionv1.ScheduleSpec {
	out := &aionv1.ScheduleSpec{TimeZone: text(s.TimeZone), StartAt: EncodeTime(s.StartAt), EndAt: EncodeTime(s.EndAt), Jitter: EncodeDuration(s.Jitter)}
	for _, c := range s.Crons {
		out.Crons = append(out.Crons, text(c))
	}
	for _, i := range s.Intervals {
		out.Intervals = append(out.Intervals, &aionv1.ScheduleInterval{Every: EncodeDuration(i.Every), Offset: EncodeDuration(i.Offset)})
	}
	return out
}

func decodeScheduleSpec(s *aionv1.ScheduleSpec) (out model.ScheduleSpec, err error) {
	out = model.ScheduleSpec{Crons: s.GetCrons(), TimeZone: s.GetTimeZone(), StartAt: DecodeTime(s.GetStartAt()), EndAt: DecodeTime(s.GetEndAt())}
	if out.Jitter, err = DecodeDuration("jitter", s.GetJitter()); err != nil {
		return out, err
	}
	for _, i := range s.GetIntervals() {
		var v model.ScheduleInterval
		if v.Every, err = DecodeDuration("every", i.GetEvery()); err != nil {
			return out, err
		}
		if v.Offset, err = DecodeDuration("offset", i.GetOffset()); err != nil {
			return out, err
		}
		out.Intervals = append(out.Intervals, v)
	}
	return out, nil
}

func encodeScheduleAction(a model.ScheduleAction) *aionv1.ScheduleAction {
	return &aionv1.ScheduleAction{WorkflowType: text(string(a.Type)), WorkflowId: text(string(a.WorkflowID)), Input: EncodePayload(a.Input), TaskQueue: text(string(a.TaskQueue)),
		RunTimeout: EncodeDuration(a.RunTimeout), Header: texts(a.Header)}
}

func decodeScheduleAction(a *aionv1.ScheduleAction) (out model.ScheduleAction, err error) {
	out = model.ScheduleAction{Type: model.WorkflowType(a.GetWorkflowType()), WorkflowID: model.WorkflowID(a.GetWorkflowId()), Input: DecodePayload(a.GetInput()),
		TaskQueue: model.TaskQueue(a.GetTaskQueue()), Header: a.GetHeader()}
	out.RunTimeout, err = DecodeDuration("run_timeout", a.GetRunTimeout())
	return out, err
}

func encodeSchedulePolicy(p model.SchedulePolicy) *aionv1.SchedulePolicy {
	return &aionv1.SchedulePolicy{Overlap: aionv1.ScheduleOverlap(p.Overlap), CatchUpWindow: EncodeDuration(p.CatchUp), BufferLimit: p.BufferLimit}
}

func decodeSchedulePolicy(p *aionv1.SchedulePolicy) (out model.SchedulePolicy, err error) {
	out.BufferLimit = p.GetBufferLimit()
	if out.Overlap, err = DecodeOverlap(p.GetOverlap()); err != nil {
		return out, err
	}
	out.CatchUp, err = DecodeDuration("catch_up_window", p.GetCatchUpWindow())
	return out, err
}

// DecodeOverlap reads an overlap policy. InvalidInput.
func DecodeOverlap(o aionv1.ScheduleOverlap) (model.Overlap, error) {
	return decodeEnum[model.Overlap]("overlap", int32(o), aionv1.ScheduleOverlap_name)
}

func encodeScheduledRun(r ports.ScheduledRun) *aionv1.ScheduledRun {
	return &aionv1.ScheduledRun{NominalTime: EncodeTime(r.Nominal), TakenAt: EncodeTime(r.TakenAt), Origin: aionv1.ScheduleOrigin(r.Origin), WorkflowId: text(string(r.WorkflowID)),
		RunId: text(string(r.Run)), Status: aionv1.WorkflowStatus(r.Status), Failure: text(r.Failure)}
}

func decodeScheduledRun(r *aionv1.ScheduledRun) ports.ScheduledRun {
	return ports.ScheduledRun{Nominal: DecodeTime(r.GetNominalTime()), TakenAt: DecodeTime(r.GetTakenAt()), Origin: ports.ScheduleOrigin(r.GetOrigin()),
		WorkflowID: model.WorkflowID(r.GetWorkflowId()), Run: model.RunID(r.GetRunId()), Status: model.Status(r.GetStatus()), Failure: r.GetFailure()}
}

// EncodeSchedule writes a schedule.
func EncodeSchedule(s ports.Schedule) *aionv1.Schedule {
	out := &aionv1.Schedule{
		Namespace: string(s.Ref.Namespace), ScheduleId: text(string(s.Ref.ID)), Spec: encodeScheduleSpec(s.Config.Spec), Action: encodeScheduleAction(s.Config.Action),
		Policy: encodeSchedulePolicy(s.Config.Policy), Paused: s.Paused, Note: text(s.Note), Etag: s.Etag, CreatedAt: EncodeTime(s.CreatedAt), UpdatedAt: EncodeTime(s.UpdatedAt),
		OpenCount: uint32(s.OpenCount), Waiting: uint32(s.Waiting), Started: s.Started, Skipped: s.Skipped, Failed: s.Failed,
		LastError: text(s.LastError), LastErrorAt: EncodeTime(s.LastErrorAt), Limit: encodeScheduleLimit(s.Limited, s.Remaining),
	}
	for _, t := range s.NextTimes {
		out.NextTimes = append(out.NextTimes, EncodeTime(t))
	}
	for _, r := range s.Open {
		out.Open = append(out.Open, encodeScheduledRun(r))
	}
	for _, r := range s.Recent {
		out.Recent = append(out.Recent, encodeScheduledRun(r))
	}
	for _, b := range s.Backfills {
		out.Backfills = append(out.Backfills, &aionv1.ScheduleBackfill{After: EncodeTime(b.After), Through: EncodeTime(b.Through), Overlap: aionv1.ScheduleOverlap(b.Overlap)})
	}
	return out
}

func encodeScheduleLimit(limited bool, n uint32) *aionv1.ScheduleLimit {
	if !limited {
		return nil
	}
	return &aionv1.ScheduleLimit{RemainingActions: n}
}

// DecodeScheduleRef reads the name of a schedule.
func DecodeScheduleRef(m interface {
	GetNamespace() string
	GetScheduleId() string
}) ports.ScheduleRef {
	return ports.ScheduleRef{Namespace: model.Namespace(m.GetNamespace()), ID: model.ScheduleID(m.GetScheduleId())}
}

// DecodeSchedule reads a schedule. InvalidInput.
func DecodeSchedule(s *aionv1.Schedule) (ports.Schedule, error) {
	out := ports.Schedule{
		Ref: DecodeScheduleRef(s), Paused: s.GetPaused(), Note: s.GetNote(), Etag: s.GetEtag(), CreatedAt: DecodeTime(s.GetCreatedAt()), UpdatedAt: DecodeTime(s.GetUpdatedAt()),
		OpenCount: int(s.GetOpenCount()), Waiting: int(s.GetWaiting()), Started: s.GetStarted(), Skipped: s.GetSkipped(), Failed: s.GetFailed(),
		LastError: s.GetLastError(), LastErrorAt: DecodeTime(s.GetLastErrorAt()), Limited: s.GetLimit() != nil, Remaining: s.GetLimit().GetRemainingActions(),
	}
	var err error
	if out.Config.Spec, err = decodeScheduleSpec(s.GetSpec()); err != nil {
		return out, err
	}
	if out.Config.Action, err = decodeScheduleAction(s.GetAction()); err != nil {
		return out, err
	}
	if out.Config.Policy, err = decodeSchedulePolicy(s.GetPolicy()); err != nil {
		return out, err
	}
	for _, t := range s.GetNextTimes() {
		out.NextTimes = append(out.NextTimes, DecodeTime(t))
	}
	for _, r := range s.GetOpen() {
		out.Open = append(out.Open, decodeScheduledRun(r))
	}
	for _, r := range s.GetRecent() {
		out.Recent = append(out.Recent, decodeScheduledRun(r))
	}
	for _, b := range s.GetBackfills() {
		o, err := DecodeOverlap(b.GetOverlap())
		if err != nil {
			return out, err
		}
		out.Backfills = append(out.Backfills, ports.ScheduleBackfill{After: DecodeTime(b.GetAfter()), Through: DecodeTime(b.GetThrough()), Overlap: o})
	}
	return out, nil
}

// EncodeCreateSchedule writes a creation. Identity is not carried.
func EncodeCreateSchedule(r ports.CreateScheduleRequest) *aionv1.CreateScheduleRequest {
	s := EncodeSchedule(ports.Schedule{Ref: r.Ref, Config: r.Config, Paused: r.Paused, Note: r.Note, Limited: r.Limited, Remaining: r.Remaining})
	return &aionv1.CreateScheduleRequest{Schedule: s, RequestId: string(r.RequestID)}
}

// DecodeCreateSchedule reads a creation. InvalidInput.
func DecodeCreateSchedule(r *aionv1.CreateScheduleRequest) (ports.CreateScheduleRequest, error) {
	s, err := DecodeSchedule(r.GetSchedule())
	return ports.CreateScheduleRequest{Ref: s.Ref, Config: s.Config, Paused: s.Paused, Note: s.Note, Limited: s.Limited, Remaining: s.Remaining,
		RequestID: model.RequestID(r.GetRequestId())}, err
}

// The paths of UpdateScheduleRequest.update_mask.
const (
	pathSpec   = "spec"
	pathAction = "action"
	pathPolicy = "policy"
	pathLimit  = "limit"
)

// EncodeUpdateSchedule writes a change. Identity is not carried.
func EncodeUpdateSchedule(r ports.UpdateScheduleRequest) *aionv1.UpdateScheduleRequest {
	s := &aionv1.Schedule{Namespace: string(r.Ref.Namespace), ScheduleId: text(string(r.Ref.ID)), Etag: text(r.Etag)}
	mask := &fieldmaskpb.FieldMask{}
	if r.Spec != nil {
		s.Spec = encodeScheduleSpec(*r.Spec)
		mask.Paths = append(mask.Paths, pathSpec)
	}
	if r.Action != nil {
		s.Action = encodeScheduleAction(*r.Action)
		mask.Paths = append(mask.Paths, pathAction)
	}
	if r.Policy != nil {
		s.Policy = encodeSchedulePolicy(*r.Policy)
		mask.Paths = append(mask.Paths, pathPolicy)
	}
	if r.Limit != nil {
		s.Limit = encodeScheduleLimit(r.Limit.Limited, r.Limit.Remaining)
		mask.Paths = append(mask.Paths, pathLimit)
	}
	return &aionv1.UpdateScheduleRequest{Schedule: s, UpdateMask: mask, RequestId: string(r.RequestID)}
}

// DecodeUpdateSchedule reads a change. InvalidInput.
func DecodeUpdateSchedule(r *aionv1.UpdateScheduleRequest) (ports.UpdateScheduleRequest, error) {
	s, err := DecodeSchedule(r.GetSchedule())
	out := ports.UpdateScheduleRequest{Ref: s.Ref, Etag: s.Etag, RequestID: model.RequestID(r.GetRequestId())}
	if err != nil {
		return out, err
	}
	for _, p := range r.GetUpdateMask().GetPaths() {
		switch p {
		case pathSpec:
			out.Spec = &s.Config.Spec
		case pathAction:
			out.Action = &s.Config.Action
		case pathPolicy:
			out.Policy = &s.Config.Policy
		case pathLimit:
			out.Limit = &ports.ScheduleLimit{Limited: s.Limited, Remaining: s.Remaining}
		default:
			return out, fault.Invalidf("update_mask names %q, which cannot be changed", p).Hinted("there are %s, %s, %s and %s", pathSpec, pathAction, pathPolicy, pathLimit)
		}
	}
	if len(r.GetUpdateMask().GetPaths()) == 0 {
		return out, fault.Invalidf("update_mask names nothing to change").Hinted("there are %s, %s, %s and %s", pathSpec, pathAction, pathPolicy, pathLimit)
	}
	return out, nil
}

func schedulesScope(ns model.Namespace) Scope { return Scope{"schedules", string(ns)} }

// DecodeScheduleQuery reads what to list. InvalidPageToken.
func DecodeScheduleQuery(r *aionv1.ListSchedulesRequest, limit int) (ports.ScheduleQuery, error) {
	ns := model.Namespace(r.GetNamespace())
	cursor, err := DecodeToken(schedulesScope(ns), r.GetPageToken())
	return ports.ScheduleQuery{Namespace: ns, After: model.ScheduleID(cursor), Limit: PageSize(r.GetPageSize(), limit)}, err
}

// EncodeSchedules writes a page; next is where the one after it begins, "" at the end.
func EncodeSchedules(ns model.Namespace, page []ports.Schedule, next model.ScheduleID) *aionv1.ListSchedulesResponse {
	out := &aionv1.ListSchedulesResponse{}
	for _, s := range page {
		out.Schedules = append(out.Schedules, EncodeSchedule(s))
	}
	if next != "" {
		out.NextPageToken = EncodeToken(schedulesScope(ns), []byte(next))
	}
	return out
}

// EncodeScheduleQuery is the inverse of DecodeScheduleQuery.
func EncodeScheduleQuery(q ports.ScheduleQuery) *aionv1.ListSchedulesRequest {
	out := &aionv1.ListSchedulesRequest{Namespace: string(q.Namespace), PageSize: uint32(max(q.Limit, 0))}
	if q.After != "" {
		out.PageToken = EncodeToken(schedulesScope(q.Namespace), []byte(q.After))
	}
	return out
}

// DecodeSchedules is the inverse of EncodeSchedules. InvalidInput, InvalidPageToken.
func DecodeSchedules(ns model.Namespace, r *aionv1.ListSchedulesResponse) (out []ports.Schedule, next model.ScheduleID, err error) {
	for _, m := range r.GetSchedules() {
		s, err := DecodeSchedule(m)
		if err != nil {
			return nil, "", err
		}
		out = append(out, s)
	}
	cursor, err := DecodeToken(schedulesScope(ns), r.GetNextPageToken())
	return out, model.ScheduleID(cursor), err
}
