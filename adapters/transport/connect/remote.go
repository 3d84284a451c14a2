package connect

import (
	"context"
	"net/http"
	"slices"
	"time"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Remote is a ports.Service that another server offers: each method is one call of it, and errors come back as the faults that
// they were. Safe for concurrent use. It neither retries nor sends identities: the caller is whom the HTTP client authenticates as.
//
// What the wire does not carry is lost on the way: a run's start request, its digest and what exactly blocks it in lists, the time
// at which a route was set, since when a run is Blocked in outcomes.
type Remote struct {
	workflows  aionv1connect.WorkflowServiceClient
	packages   aionv1connect.PackageServiceClient
	workers    aionv1connect.WorkerServiceClient
	operator   aionv1connect.OperatorServiceClient
	namespaces aionv1connect.NamespaceServiceClient
	schedules  aionv1connect.ScheduleServiceClient
	events     aionv1connect.EventServiceClient
}

var _ ports.Service = (*Remote)(nil)

// NewRemote calls the server at url, e.g. "http://127.0.0.1:7470", through a client that speaks HTTP/2 where workers are to register.
func NewRemote(client connect.HTTPClient, url string, o ...connect.ClientOption) *Remote {
	return &Remote{
		workflows:  aionv1connect.NewWorkflowServiceClient(client, url, o...),
		packages:   aionv1connect.NewPackageServiceClient(client, url, o...),
		workers:    aionv1connect.NewWorkerServiceClient(client, url, o...),
		operator:   aionv1connect.NewOperatorServiceClient(client, url, o...),
		namespaces: aionv1connect.NewNamespaceServiceClient(client, url, o...),
		schedules:  aionv1connect.NewScheduleServiceClient(client, url, o...),
		events:     aionv1connect.NewEventServiceClient(client, url, o...),
	}
}

// HTTPClient gives a client for plain HTTP/2 servers.
func HTTPClient() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}

// call makes a unary call.
func call[Req, Res any](ctx context.Context, method func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), req *Req) (*Res, error) {
	res, err := method(ctx, connect.NewRequest(req))
	if err != nil {
		return nil, wire.DecodeError(err)
	}
	return res.Msg, nil
}

// Start implements ports.Workflows.
func (r *Remote) Start(ctx context.Context, q ports.StartRequest) (ports.StartResult, error) {
	res, err := call(ctx, r.workflows.StartWorkflow, wire.EncodeStart(q))
	return wire.DecodeStartResult(res), err
}

// Signal implements ports.Workflows.
func (r *Remote) Signal(ctx context.Context, q ports.SignalRequest) (model.RunID, error) {
	res, err := call(ctx, r.workflows.SignalWorkflow, wire.EncodeSignal(q))
	return model.RunID(res.GetRunId()), err
}

// SignalWithStart implements ports.Workflows.
func (r *Remote) SignalWithStart(ctx context.Context, q ports.SignalStartRequest) (ports.StartResult, error) {
	res, err := call(ctx, r.workflows.SignalWithStartWorkflow, wire.EncodeSignalStart(q))
	return wire.DecodeSignalStartResult(res), err
}

// Update implements ports.Workflows.
func (r *Remote) Update(ctx context.Context, q ports.UpdateRequest) (ports.UpdateStatus, error) {
	res, err := call(ctx, r.workflows.UpdateWorkflow, wire.EncodeUpdate(q))
	return wire.DecodeUpdateStatus(res.GetUpdate()), err
}

// UpdateWithStart implements ports.Workflows.
func (r *Remote) UpdateWithStart(ctx context.Context, q ports.UpdateStartRequest) (ports.UpdateStartResult, error) {
	res, err := call(ctx, r.workflows.UpdateWithStartWorkflow, wire.EncodeUpdateStart(q))
	return wire.DecodeUpdateStartResult(res), err
}

// GetUpdate implements ports.Workflows.
func (r *Remote) GetUpdate(ctx context.Context, q ports.GetUpdateRequest) (ports.UpdateStatus, error) {
	res, err := call(ctx, r.workflows.GetUpdate, &aionv1.GetUpdateRequest{Workflow: wire.EncodeRef(q.Ref), UpdateId: string(q.ID), Wait: wire.EncodeDuration(q.Wait)})
	return wire.DecodeUpdateStatus(res.GetUpdate()), err
}

// Query implements ports.Workflows.
func (r *Remote) Query(ctx context.Context, q ports.QueryRequest) (ports.QueryResult, error) {
	res, err := call(ctx, r.workflows.QueryWorkflow, wire.EncodeQuery(q))
	return wire.DecodeQueryResult(res), err
}

// Cancel implements ports.Workflows.
func (r *Remote) Cancel(ctx context.Context, q ports.EndRequest) (model.RunID, error) {
	res, err := call(ctx, r.workflows.CancelWorkflow, &aionv1.CancelWorkflowRequest{
		Workflow: wire.EncodeRef(q.Ref), Reason: q.Reason, RequestId: string(q.RequestID),
	})
	return model.RunID(res.GetRunId()), err
}

// Terminate implements ports.Workflows.
func (r *Remote) Terminate(ctx context.Context, q ports.EndRequest) (model.RunID, error) {
	res, err := call(ctx, r.workflows.TerminateWorkflow, &aionv1.TerminateWorkflowRequest{
		Workflow: wire.EncodeRef(q.Ref), Reason: q.Reason, RequestId: string(q.RequestID),
	})
	return model.RunID(res.GetRunId()), err
}

// Pause implements ports.Workflows.
func (r *Remote) Pause(ctx context.Context, q ports.EndRequest) (model.RunID, error) {
	res, err := call(ctx, r.workflows.PauseWorkflow, &aionv1.PauseWorkflowRequest{
		Workflow: wire.EncodeRef(q.Ref), Reason: q.Reason, RequestId: string(q.RequestID),
	})
	return model.RunID(res.GetRunId()), err
}

// Resume implements ports.Workflows.
func (r *Remote) Resume(ctx context.Context, q ports.EndRequest) (model.RunID, error) {
	res, err := call(ctx, r.workflows.ResumeWorkflow, &aionv1.ResumeWorkflowRequest{
		Workflow: wire.EncodeRef(q.Ref), Reason: q.Reason, RequestId: string(q.RequestID),
	})
	return model.RunID(res.GetRunId()), err
}

// Fork implements ports.Workflows.
func (r *Remote) Fork(ctx context.Context, q ports.ForkRequest) (ports.ForkResult, error) {
	res, err := call(ctx, r.workflows.ForkWorkflow, wire.EncodeFork(q))
	return wire.DecodeForkResult(res), err
}

// Repin implements ports.Workflows.
func (r *Remote) Repin(ctx context.Context, q ports.RepinRequest) (model.RunID, model.Seq, error) {
	res, err := call(ctx, r.workflows.RepinWorkflow, &aionv1.RepinWorkflowRequest{Workflow: wire.EncodeRef(q.Ref), Package: string(q.Package)})
	return model.RunID(res.GetRunId()), model.Seq(res.GetReplayedThrough()), err
}

// Describe implements ports.Workflows.
func (r *Remote) Describe(ctx context.Context, ref ports.WorkflowRef) (ports.Description, error) {
	res, err := call(ctx, r.workflows.DescribeWorkflow, &aionv1.DescribeWorkflowRequest{Workflow: wire.EncodeRef(ref)})
	if err != nil {
		return ports.Description{}, err
	}
	return wire.DecodeDescription(res), nil
}

// History implements ports.Workflows.
func (r *Remote) History(ctx context.Context, q ports.HistoryRequest) (ports.HistoryResult, error) {
	res, err := call(ctx, r.workflows.GetHistory, &aionv1.GetHistoryRequest{
		Workflow: wire.EncodeRef(q.Ref), FromSeq: uint32(q.From), MaxBytes: uint32(min(max(q.MaxBytes, 0), 4<<20)),
	})
	if err != nil {
		return ports.HistoryResult{}, err
	}
	return wire.DecodeHistory(res)
}

// Result implements ports.Workflows.
func (r *Remote) Result(ctx context.Context, q ports.ResultRequest) (ports.Outcome, error) {
	res, err := call(ctx, r.workflows.GetResult, &aionv1.GetResultRequest{Workflow: wire.EncodeRef(q.Ref), Wait: wire.EncodeDuration(q.Wait)})
	if err != nil {
		return ports.Outcome{}, err
	}
	out := wire.DecodeOutcome(res.GetOutcome())
	out.Run, out.Next = model.RunID(res.GetRunId()), model.RunID(res.GetNextRunId())
	return out, nil
}

// List implements ports.Workflows. The server may give fewer runs than asked for.
func (r *Remote) List(ctx context.Context, q ports.ListQuery) ([]ports.Run, *ports.ListCursor, error) {
	res, err := call(ctx, r.workflows.ListWorkflows, wire.EncodeList(q))
	if err != nil {
		return nil, nil, err
	}
	return wire.DecodeListResult(q, res)
}

// Count implements ports.Workflows.
func (r *Remote) Count(ctx context.Context, ns model.Namespace) ([]ports.RunCount, error) {
	res, err := call(ctx, r.workflows.CountWorkflows, &aionv1.CountWorkflowsRequest{Namespace: string(ns)})
	if err != nil {
		return nil, err
	}
	return wire.DecodeCount(ns, res), nil
}

// Deploy implements ports.Packages.
func (r *Remote) Deploy(ctx context.Context, q ports.DeployRequest) (ports.DeployResult, error) {
	res, err := call(ctx, r.packages.DeployPackage, wire.EncodeDeploy(q))
	if err != nil {
		return ports.DeployResult{}, err
	}
	return wire.DecodeDeployResult(res), nil
}

// Verify implements ports.Packages.
func (r *Remote) Verify(ctx context.Context, q ports.VerifyRequest) (ports.Verification, error) {
	res, err := call(ctx, r.packages.VerifyPackage, wire.EncodeVerify(q))
	if err != nil {
		return ports.Verification{}, err
	}
	return wire.DecodeVerification(res.GetVerification()), nil
}

// Rollback implements ports.Packages.
func (r *Remote) Rollback(ctx context.Context, t model.WorkflowType) (ports.SetRouteResult, error) {
	res, err := call(ctx, r.packages.RollbackRoute, &aionv1.RollbackRouteRequest{WorkflowType: string(t)})
	if err != nil {
		return ports.SetRouteResult{}, err
	}
	return wire.DecodeRollback(res), nil
}

// Package implements ports.Packages.
func (r *Remote) Package(ctx context.Context, hash string) (ports.PackageInfo, error) {
	res, err := call(ctx, r.packages.GetPackage, &aionv1.GetPackageRequest{Hash: hash})
	if err != nil {
		return ports.PackageInfo{}, err
	}
	return wire.DecodePackage(res.GetPackage()), nil
}

// Packages implements ports.Packages.
func (r *Remote) Packages(ctx context.Context) ([]ports.PackageInfo, error) {
	return allPages(func(token string) ([]ports.PackageInfo, string, error) {
		res, err := call(ctx, r.packages.ListPackages, &aionv1.ListPackagesRequest{PageSize: 1000, PageToken: token})
		return mapped(res.GetPackages(), wire.DecodePackage), res.GetNextPageToken(), err
	})
}

// SetRoute implements ports.Packages.
func (r *Remote) SetRoute(ctx context.Context, t model.WorkflowType, hash string) (ports.SetRouteResult, error) {
	res, err := call(ctx, r.packages.SetRoute, &aionv1.SetRouteRequest{WorkflowType: string(t), Package: hash})
	if err != nil {
		return ports.SetRouteResult{}, err
	}
	return wire.DecodeSetRouteResult(res), nil
}

// Routes implements ports.Packages.
func (r *Remote) Routes(ctx context.Context) ([]ports.Route, error) {
	return allPages(func(token string) ([]ports.Route, string, error) {
		res, err := call(ctx, r.packages.ListRoutes, &aionv1.ListRoutesRequest{PageSize: 1000, PageToken: token})
		return mapped(res.GetRoutes(), func(r *aionv1.Route) ports.Route {
			c := wire.DecodeRoute(r)
			return ports.Route{Type: c.Type, Package: c.Package, Previous: c.Previous}
		}), res.GetNextPageToken(), err
	})
}

// Unload implements ports.Packages.
func (r *Remote) Unload(ctx context.Context, hash string) error {
	_, err := call(ctx, r.packages.UnloadPackage, &aionv1.UnloadPackageRequest{Hash: hash})
	return err
}

// Workers implements ports.Operator.
func (r *Remote) Workers(ctx context.Context, ns model.Namespace) ([]ports.WorkerStatus, error) {
	return allPages(func(token string) ([]ports.WorkerStatus, string, error) {
		res, err := call(ctx, r.operator.ListWorkers, &aionv1.ListWorkersRequest{Namespace: string(ns), PageSize: 1000, PageToken: token})
		return mapped(res.GetWorkers(), wire.DecodeWorker), res.GetNextPageToken(), err
	})
}

// TaskQueues implements ports.Operator.
func (r *Remote) TaskQueues(ctx context.Context, ns model.Namespace) ([]ports.QueueStatus, error) {
	now := time.Now()
	return allPages(func(token string) ([]ports.QueueStatus, string, error) {
		res, err := call(ctx, r.operator.ListTaskQueues, &aionv1.ListTaskQueuesRequest{Namespace: string(ns), PageSize: 1000, PageToken: token})
		return mapped(res.GetTaskQueues(), func(q *aionv1.TaskQueue) ports.QueueStatus { return wire.DecodeQueue(q, now) }), res.GetNextPageToken(), err
	})
}

// WhoAmI tells who the caller is to the server, and what server that is.
func (r *Remote) WhoAmI(ctx context.Context) (*aionv1.WhoAmIResponse, error) {
	return call(ctx, r.operator.WhoAmI, &aionv1.WhoAmIRequest{})
}

// allPages reads a list to its end.
func allPages[T any](page func(token string) (items []T, next string, err error)) ([]T, error) {
	var all []T
	for token := ""; ; {
		items, next, err := page(token)
		if err != nil {
			return nil, err
		}
		if all = append(all, items...); next == "" {
			return slices.Clip(all), nil
		}
		token = next
	}
}

func mapped[From, To any](in []From, f func(From) To) []To {
	out := make([]To, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}
