package client

import (
	"context"
	"fmt"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/internal/contract"
)

// SignalWithStart sends a message to the open run of the workflow that o.ID names, or starts a run with it, in one step: no message
// is lost between the two. An open run is used unless o.Conflict says otherwise; Run.Started tells which it was. Reasons: those of
// Start and Signal.
func SignalWithStart[I, O, T any](ctx context.Context, c *Client, w Workflow[I, O], in I, o StartOptions, s SignalKind[T], v T) (*Run[O], error) {
	req, err := startRequest(c, w, in, o)
	if err != nil {
		return nil, err
	}
	value, err := s.EncodeInput(v)
	if err != nil {
		return nil, fmt.Errorf("signal %s with start of workflow %s: its value: %w", s.Name(), w.Name(), err)
	}
	res, err := call(ctx, c.workflows.SignalWithStartWorkflow, &aionv1.SignalWithStartWorkflowRequest{
		Start: req, SignalName: s.Name(), SignalInput: contract.Payload(value), SignalHeader: o.Header,
	})
	if err != nil {
		return nil, failed(ctx, err, "signal %s with start of workflow %s", s.Name(), w.Name())
	}
	run := Get(c, w, Ref{ID: res.GetWorkflowId(), RunID: res.GetRunId()})
	run.started = res.GetStarted()
	return run, nil
}
