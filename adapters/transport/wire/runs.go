package wire

import (
	"cmp"
	"slices"
	"strconv"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodeRun writes a row of the list of runs. What blocks it and which request started it are not shown there.
func EncodeRun(r ports.Run) *aionv1.WorkflowRun {
	return &aionv1.WorkflowRun{
		Namespace:        string(r.Key.Namespace),
		WorkflowId:       string(r.Key.WorkflowID),
		RunId:            string(r.ID),
		WorkflowType:     string(r.Type),
		Status:           aionv1.WorkflowStatus(r.Status),
		Blocked:          r.Blocked != "",
		Paused:           r.Paused,
		StartedAt:        EncodeTime(r.StartedAt),
		ClosedAt:         EncodeTime(r.ClosedAt),
		Package:          string(r.Package),
		TaskQueue:        string(r.TaskQueue),
		HistoryEvents:    uint32(r.HeadSeq),
		HistoryBytes:     r.HistoryBytes,
		SearchAttributes: encodeAttributes(r.Attributes),
	}
}

// DecodeRun reads a row of the list of runs. A Blocked run is Blocked by "blocked".
func DecodeRun(r *aionv1.WorkflowRun) ports.Run {
	out := ports.Run{
		ID:           model.RunID(r.GetRunId()),
		Key:          model.ChainKey{Namespace: model.Namespace(r.GetNamespace()), WorkflowID: model.WorkflowID(r.GetWorkflowId())},
		Type:         model.WorkflowType(r.GetWorkflowType()),
		Status:       model.Status(r.GetStatus()),
		Paused:       r.GetPaused(),
		Package:      model.PackageHash(r.GetPackage()),
		TaskQueue:    model.TaskQueue(r.GetTaskQueue()),
		StartedAt:    DecodeTime(r.GetStartedAt()),
		ClosedAt:     DecodeTime(r.GetClosedAt()),
		HeadSeq:      model.Seq(r.GetHistoryEvents()),
		HistoryBytes: r.GetHistoryBytes(),
		Attributes:   decodeAttributes(r.GetSearchAttributes()),
	}
	if r.GetBlocked() {
		out.Blocked = "blocked"
	}
	return out
}

func listScope(q ports.ListQuery) Scope {
	s := Scope{"runs", string(q.Namespace), string(q.WorkflowID), string(q.Type), q.Status.String(), strconv.FormatBool(q.Blocked), strconv.FormatBool(q.Paused)}
	if q.Filter != "" {
		s = append(s, q.Filter)
	}
	return s
}

// EncodeList writes a list's filter and page.
func EncodeList(q ports.ListQuery) *aionv1.ListWorkflowsRequest {
	out := &aionv1.ListWorkflowsRequest{
		Namespace:    string(q.Namespace),
		PageSize:     count(q.Limit),
		WorkflowType: string(q.Type),
		Status:       aionv1.WorkflowStatus(q.Status),
		WorkflowId:   string(q.WorkflowID),
		Blocked:      q.Blocked,
		Paused:       q.Paused,
		Filter:       q.Filter,
	}
	if q.After != nil {
		out.PageToken = EncodeToken(listScope(q), runCursor(*q.After, q.Filter != ""))
	}
	return out
}

// DecodeList reads a list's filter and page, of at most limit runs. InvalidInput, InvalidPageToken.
func DecodeList(r *aionv1.ListWorkflowsRequest, limit int) (ports.ListQuery, error) {
	status, err := decodeEnum[model.Status]("status", int32(r.GetStatus()), aionv1.WorkflowStatus_name)
	if err != nil {
		return ports.ListQuery{}, err
	}
	q := ports.ListQuery{
		Namespace:  model.Namespace(r.GetNamespace()),
		WorkflowID: model.WorkflowID(r.GetWorkflowId()),
		Type:       model.WorkflowType(r.GetWorkflowType()),
		Status:     status,
		Blocked:    r.GetBlocked(),
		Paused:     r.GetPaused(),
		Filter:     r.GetFilter(),
		Limit:      PageSize(r.GetPageSize(), limit),
	}
	cursor, err := DecodeToken(listScope(q), r.GetPageToken())
	if err == nil && r.GetPageToken() != "" {
		q.After, err = parseRunCursor(cursor, q.Filter != "")
	}
	return q, err
}

// EncodeListResult writes a page of the list q.
func EncodeListResult(q ports.ListQuery, runs []ports.Run, next *ports.ListCursor) *aionv1.ListWorkflowsResponse {
	out := &aionv1.ListWorkflowsResponse{Runs: make([]*aionv1.WorkflowRun, len(runs))}
	for i, r := range runs {
		out.Runs[i] = EncodeRun(r)
	}
	if next != nil {
		out.NextPageToken = EncodeToken(listScope(q), runCursor(*next, q.Filter != ""))
	}
	return out
}

// DecodeListResult reads a page of the list q.
func DecodeListResult(q ports.ListQuery, r *aionv1.ListWorkflowsResponse) ([]ports.Run, *ports.ListCursor, error) {
	runs := make([]ports.Run, len(r.GetRuns()))
	for i, run := range r.GetRuns() {
		runs[i] = DecodeRun(run)
	}
	if r.GetNextPageToken() == "" {
		return runs, nil, nil
	}
	cursor, err := DecodeToken(listScope(q), r.GetNextPageToken())
	if err != nil {
		return nil, nil, err
	}
	next, err := parseRunCursor(cursor, q.Filter != "")
	return runs, next, err
}

// EncodeCount writes counts, by type and status, as far as r asks for them.
func EncodeCount(r *aionv1.CountWorkflowsRequest, counts []ports.RunCount) (*aionv1.CountWorkflowsResponse, error) {
	status, err := decodeEnum[model.Status]("status", int32(r.GetStatus()), aionv1.WorkflowStatus_name)
	if err != nil {
		return nil, err
	}
	out := &aionv1.CountWorkflowsResponse{}
	for _, c := range counts {
		if c.N == 0 || r.GetWorkflowType() != "" && string(c.Type) != r.GetWorkflowType() || status != 0 && c.Status != status {
			continue
		}
		out.Count += c.N
		out.Groups = append(out.Groups, &aionv1.WorkflowCount{WorkflowType: string(c.Type), Status: aionv1.WorkflowStatus(c.Status), Count: c.N})
	}
	slices.SortFunc(out.Groups, func(a, b *aionv1.WorkflowCount) int {
		return cmp.Or(cmp.Compare(a.WorkflowType, b.WorkflowType), cmp.Compare(a.Status, b.Status))
	})
	return out, nil
}

// DecodeCount reads the counts of a namespace.
func DecodeCount(ns model.Namespace, r *aionv1.CountWorkflowsResponse) []ports.RunCount {
	out := make([]ports.RunCount, len(r.GetGroups()))
	for i, g := range r.GetGroups() {
		out[i] = ports.RunCount{Namespace: ns, Type: model.WorkflowType(g.GetWorkflowType()), Status: model.Status(g.GetStatus()), N: g.GetCount()}
	}
	return out
}

// EncodeDescription writes a description.
func EncodeDescription(d ports.Description) *aionv1.DescribeWorkflowResponse {
	out := &aionv1.DescribeWorkflowResponse{
		Run: EncodeRun(d.Run), Summary: text(d.Summary), Blocked: EncodeBlocked(d.Blocked), UndeliveredEvents: count(d.Undelivered),
		CancelRequested: d.CancelRequested, HistoryWarning: text(d.HistoryWarning),
	}
	if d.Blocked != nil {
		out.BlockedSince = EncodeTime(d.Blocked.Since)
	}
	for _, a := range d.Activities {
		out.Activities = append(out.Activities, &aionv1.PendingActivity{
			Ordinal:         uint32(a.Ordinal),
			ActivityType:    string(a.Type),
			TaskQueue:       string(a.Queue),
			Attempt:         uint32(a.Attempt),
			State:           aionv1.PendingActivityState(a.Phase),
			ScheduledAt:     EncodeTime(a.ScheduledAt),
			NextAttemptAt:   EncodeTime(a.NextAt),
			LastFailure:     EncodeFailure(a.LastFailure),
			Worker:          text(a.Worker),
			MaximumAttempts: a.MaxAttempts,
			Heartbeat:       EncodePayload(a.Heartbeat),
			Token:           a.Token,
		})
	}
	out.Updates = encodePendingUpdates(d.Updates)
	for _, t := range d.Timers {
		out.Timers = append(out.Timers, &aionv1.PendingTimer{Ordinal: uint32(t.Ordinal), DueAt: EncodeTime(t.DueAt)})
	}
	out.Children, out.Parent = encodeChildren(d.Children), encodeParent(d.Parent)
	return out
}

// DecodeDescription reads a description.
func DecodeDescription(d *aionv1.DescribeWorkflowResponse) ports.Description {
	out := ports.Description{
		Run: DecodeRun(d.GetRun()), Summary: d.GetSummary(), Blocked: DecodeBlocked(d.GetBlocked()), Undelivered: int(d.GetUndeliveredEvents()),
		CancelRequested: d.GetCancelRequested(), HistoryWarning: d.GetHistoryWarning(),
	}
	if out.Blocked != nil {
		out.Blocked.Since = DecodeTime(d.GetBlockedSince())
		out.Run.Blocked = out.Blocked.What
	}
	for _, a := range d.GetActivities() {
		out.Activities = append(out.Activities, ports.PendingActivity{
			Ordinal:     model.Ordinal(a.GetOrdinal()),
			Type:        model.ActivityType(a.GetActivityType()),
			Queue:       model.TaskQueue(a.GetTaskQueue()),
			Attempt:     model.Attempt(a.GetAttempt()),
			MaxAttempts: a.GetMaximumAttempts(),
			Phase:       ports.ActivityPhase(a.GetState()),
			ScheduledAt: DecodeTime(a.GetScheduledAt()),
			NextAt:      DecodeTime(a.GetNextAttemptAt()),
			LastFailure: DecodeFailure(a.GetLastFailure()),
			Worker:      a.GetWorker(),
			Heartbeat:   DecodePayload(a.GetHeartbeat()),
			Token:       a.GetToken(),
		})
	}
	out.Updates = decodePendingUpdates(d.GetUpdates())
	for _, t := range d.GetTimers() {
		out.Timers = append(out.Timers, ports.PendingTimer{Ordinal: model.Ordinal(t.GetOrdinal()), DueAt: DecodeTime(t.GetDueAt())})
	}
	out.Children, out.Parent = decodeChildren(d.GetChildren()), decodeParent(d.GetParent())
	return out
}

// DecodeHistoryRequest reads which events are asked for. InvalidInput.
func DecodeHistoryRequest(r *aionv1.GetHistoryRequest) (ports.HistoryRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	if err != nil {
		return ports.HistoryRequest{}, err
	}
	size := r.GetMaxBytes()
	if size == 0 {
		size = 1 << 20
	}
	return ports.HistoryRequest{Ref: ref, From: model.Seq(r.GetFromSeq()), MaxBytes: int(min(size, MaxHistoryBytes))}, nil
}

// DecodeResultRequest reads a question for a run's end. InvalidInput.
func DecodeResultRequest(r *aionv1.GetResultRequest) (ports.ResultRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	if err != nil {
		return ports.ResultRequest{}, err
	}
	wait, err := DecodeDuration("wait", r.GetWait())
	return ports.ResultRequest{Ref: ref, Wait: wait}, err
}

// DecodeEnd reads what is common to cancel, terminate, pause and resume. InvalidInput.
func DecodeEnd(ref *aionv1.WorkflowRef, reason, requestID string) (ports.EndRequest, error) {
	r, err := DecodeRef(ref)
	return ports.EndRequest{Ref: r, Reason: reason, RequestID: model.RequestID(requestID)}, err
}

// DecodeRepin reads a repin. InvalidInput.
func DecodeRepin(r *aionv1.RepinWorkflowRequest) (ports.RepinRequest, error) {
	ref, err := DecodeRef(r.GetWorkflow())
	if err == nil && r.GetPackage() == "" {
		err = fault.Invalidf("package is missing").Hinted("name the package that the run is to use, by its hash")
	}
	return ports.RepinRequest{Ref: ref, Package: model.PackageHash(r.GetPackage())}, err
}

// EncodeCountQuery writes what to count by a filter.
func EncodeCountQuery(q ports.CountQuery) *aionv1.CountWorkflowsRequest {
	return &aionv1.CountWorkflowsRequest{Namespace: string(q.Namespace), WorkflowType: string(q.Type), Status: aionv1.WorkflowStatus(q.Status), Filter: q.Filter}
}

// DecodeCountQuery reads what to count by a filter. InvalidInput.
func DecodeCountQuery(r *aionv1.CountWorkflowsRequest) (ports.CountQuery, error) {
	status, err := decodeEnum[model.Status]("status", int32(r.GetStatus()), aionv1.WorkflowStatus_name)
	return ports.CountQuery{Namespace: model.Namespace(r.GetNamespace()), Type: model.WorkflowType(r.GetWorkflowType()), Status: status, Filter: r.GetFilter()}, err
}
