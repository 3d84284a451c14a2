package client

import (
	"context"
	"fmt"

	"connectrpc.com/connect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// A SignalKind can be sent to a run: a workflow.Signal, or Named.
type SignalKind[T any] interface {
	Name() string
	EncodeInput(v T) (workflow.Payload, error)
}

// A QueryKind can be asked of a run: a workflow.Query, or Named.
type QueryKind[I, O any] interface {
	Name() string
	EncodeInput(in I) (workflow.Payload, error)
	DecodeResult(p workflow.Payload) (O, error)
}

// Named is a workflow, signal or query that is known by its name alone. Its values are passed as they are: workflow.NewPayload and
// Payload.Decode make and read them.
type Named string

// Name is the name.
func (n Named) Name() string { return string(n) }

// EncodeInput gives the value as it is.
func (Named) EncodeInput(p workflow.Payload) (workflow.Payload, error) { return p, nil }

// DecodeResult gives the value as it is.
func (Named) DecodeResult(p workflow.Payload) (workflow.Payload, error) { return p, nil }

// Signal sends a message to the open run of a workflow. It is recorded when the call returns, and the run will get it, once.
// Reasons: NotFound, NotRunning (the workflow has ended), PayloadTooLarge, QuotaExceeded and those of every call.
func Signal[T any](ctx context.Context, c *Client, ref Ref, s SignalKind[T], v T) error {
	input, err := s.EncodeInput(v)
	if err != nil {
		return fmt.Errorf("signal %s to %v: its value: %w", s.Name(), ref, err)
	}
	_, err = call(ctx, c.workflows.SignalWorkflow, &aionv1.SignalWorkflowRequest{
		Workflow: c.ref(ref), Name: s.Name(), Input: contract.Payload(input),
	})
	return failed(ctx, err, "signal %s to %v", s.Name(), ref)
}

// Query asks a run something, open or closed; the run does not notice. Reasons: NotFound, UnknownQuery, QueryFailed, QueryTimeout,
// Blocked and those of every call.
func Query[I, O any](ctx context.Context, c *Client, ref Ref, q QueryKind[I, O], in I) (O, error) {
	var none O
	input, err := q.EncodeInput(in)
	if err != nil {
		return none, fmt.Errorf("query %s of %v: its input: %w", q.Name(), ref, err)
	}
	res, err := call(ctx, c.workflows.QueryWorkflow, &aionv1.QueryWorkflowRequest{Workflow: c.ref(ref), Name: q.Name(), Input: contract.Payload(input)})
	if err != nil {
		return none, failed(ctx, err, "query %s of %v", q.Name(), ref)
	}
	out, err := q.DecodeResult(contract.ReadPayload(res.GetOutput()))
	if err != nil {
		return none, fmt.Errorf("query %s of %v: its answer: %w", q.Name(), ref, err)
	}
	return out, nil
}

func call[Req, Res any](ctx context.Context, method func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), req *Req) (*Res, error) {
	res, err := method(ctx, connect.NewRequest(req))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}
