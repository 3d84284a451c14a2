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

// workflows serves WorkflowService.
type workflows struct{ s *server }

var _ aionv1connect.WorkflowServiceHandler = workflows{}

// subject is who calls, as it is recorded with what the call changes.
func subject(ctx context.Context) string {
	p, _ := ports.PrincipalFrom(ctx)
	return p.Subject
}

func (h workflows) StartWorkflow(ctx context.Context, req *connect.Request[aionv1.StartWorkflowRequest]) (*connect.Response[aionv1.StartWorkflowResponse], error) {
	r, err := wire.DecodeStart(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	out, err := h.s.Service.Start(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeStartResult(out)), nil
}

func (h workflows) SignalWorkflow(ctx context.Context, req *connect.Request[aionv1.SignalWorkflowRequest]) (*connect.Response[aionv1.SignalWorkflowResponse], error) {
	r, err := wire.DecodeSignal(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	run, err := h.s.Service.Signal(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.SignalWorkflowResponse{RunId: string(run)}), nil
}

func (h workflows) QueryWorkflow(ctx context.Context, req *connect.Request[aionv1.QueryWorkflowRequest]) (*connect.Response[aionv1.QueryWorkflowResponse], error) {
	r, err := wire.DecodeQuery(req.Msg)
	if err != nil {
		return nil, err
	}
	out, err := h.s.Service.Query(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeQueryResult(out)), nil
}

func (h workflows) CancelWorkflow(ctx context.Context, req *connect.Request[aionv1.CancelWorkflowRequest]) (*connect.Response[aionv1.CancelWorkflowResponse], error) {
	r, err := wire.DecodeEnd(req.Msg.GetWorkflow(), req.Msg.GetReason(), req.Msg.GetRequestId())
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	run, err := h.s.Service.Cancel(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.CancelWorkflowResponse{RunId: string(run)}), nil
}

func (h workflows) TerminateWorkflow(ctx context.Context, req *connect.Request[aionv1.TerminateWorkflowRequest]) (*connect.Response[aionv1.TerminateWorkflowResponse], error) {
	r, err := wire.DecodeEnd(req.Msg.GetWorkflow(), req.Msg.GetReason(), req.Msg.GetRequestId())
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	run, err := h.s.Service.Terminate(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.TerminateWorkflowResponse{RunId: string(run)}), nil
}

func (h workflows) RepinWorkflow(ctx context.Context, req *connect.Request[aionv1.RepinWorkflowRequest]) (*connect.Response[aionv1.RepinWorkflowResponse], error) {
	r, err := wire.DecodeRepin(req.Msg)
	if err != nil {
		return nil, err
	}
	r.Identity = subject(ctx)
	run, through, err := h.s.Service.Repin(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.RepinWorkflowResponse{RunId: string(run), ReplayedThrough: uint32(through)}), nil
}

func (h workflows) DescribeWorkflow(ctx context.Context, req *connect.Request[aionv1.DescribeWorkflowRequest]) (*connect.Response[aionv1.DescribeWorkflowResponse], error) {
	ref, err := wire.DecodeRef(req.Msg.GetWorkflow())
	if err != nil {
		return nil, err
	}
	out, err := h.s.Service.Describe(ctx, ref)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeDescription(out)), nil
}

func (h workflows) GetHistory(ctx context.Context, req *connect.Request[aionv1.GetHistoryRequest]) (*connect.Response[aionv1.GetHistoryResponse], error) {
	r, err := wire.DecodeHistoryRequest(req.Msg)
	if err != nil {
		return nil, err
	}
	page, err := h.s.Service.History(ctx, r)
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodeHistory(page)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (h workflows) GetResult(ctx context.Context, req *connect.Request[aionv1.GetResultRequest]) (*connect.Response[aionv1.GetResultResponse], error) {
	r, err := wire.DecodeResultRequest(req.Msg)
	if err != nil {
		return nil, err
	}
	out, err := h.s.Service.Result(ctx, r)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&aionv1.GetResultResponse{Outcome: wire.EncodeOutcome(out), RunId: string(out.Run), NextRunId: string(out.Next)}), nil
}

func (h workflows) ListWorkflows(ctx context.Context, req *connect.Request[aionv1.ListWorkflowsRequest]) (*connect.Response[aionv1.ListWorkflowsResponse], error) {
	q, err := wire.DecodeList(req.Msg, h.s.PageSize)
	if err != nil {
		return nil, err
	}
	runs, next, err := h.s.Service.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(wire.EncodeListResult(q, runs, next)), nil
}

func (h workflows) CountWorkflows(ctx context.Context, req *connect.Request[aionv1.CountWorkflowsRequest]) (*connect.Response[aionv1.CountWorkflowsResponse], error) {
	if req.Msg.GetFilter() != "" {
		q, err := wire.DecodeCountQuery(req.Msg)
		if err != nil {
			return nil, err
		}
		out, err := h.s.Service.CountMatching(ctx, q)
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(&aionv1.CountWorkflowsResponse{Count: out.N, AtLeast: out.AtLeast}), nil
	}
	counts, err := h.s.Service.Count(ctx, model.Namespace(req.Msg.GetNamespace()))
	if err != nil {
		return nil, err
	}
	out, err := wire.EncodeCount(req.Msg, counts)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}
