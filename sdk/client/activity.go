package client

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// An ActivityKind has a result that can be written: an activity.Activity, or Named.
type ActivityKind[O any] interface {
	Name() string
	EncodeResult(out O) (workflow.Payload, error)
}

// CompleteActivity ends an attempt that is pending (activity.ErrPending), or that a worker still holds, with its result. The token is the
// attempt's TaskToken. The result is recorded when the call returns. Reasons: NotFound (no such attempt in the client's namespace),
// NotRunning (the run or the attempt has ended), PayloadTooLarge and those of every call.
func CompleteActivity[O any](ctx context.Context, c *Client, a ActivityKind[O], token string, out O) error {
	raw, err := activity.DecodeToken(token)
	if err != nil {
		return fmt.Errorf("complete activity %s: %w", a.Name(), err)
	}
	p, err := a.EncodeResult(out)
	if err != nil {
		return fmt.Errorf("complete activity %s: its result: %w", a.Name(), err)
	}
	_, err = call(ctx, c.workflows.CompleteActivity, &aionv1.CompleteActivityRequest{Namespace: c.link.Namespace, Token: raw, Result: contract.Payload(p)})
	return failed(ctx, err, "complete activity %s", a.Name())
}

// FailActivity ends an attempt with an error, as if its function had returned it: of an activity.Type, NonRetryable, RetryAfter and details
// count. workflow.ErrCanceled ends one as canceled whose cancel was requested. Reasons: those of CompleteActivity.
func (c *Client) FailActivity(ctx context.Context, token string, cause error) error {
	raw, err := activity.DecodeToken(token)
	if err != nil {
		return fmt.Errorf("fail activity: %w", err)
	}
	if cause == nil {
		return fmt.Errorf("fail activity: there is no error to fail it with")
	}
	m := &aionv1.FailActivityRequest{Namespace: c.link.Namespace, Token: raw, Failure: contract.Failure(activity.FailureOf(cause))}
	if d := activity.NextDelay(cause); d > 0 {
		m.NextRetryDelay = durationpb.New(d)
	}
	_, err = call(ctx, c.workflows.FailActivity, m)
	return failed(ctx, err, "fail activity")
}

// HeartbeatActivity says that an attempt is alive, and how far it is: details (nil = none) are what the next attempt finds. canceled says
// that the workflow wants it to stop: FailActivity with workflow.ErrCanceled is the answer. Reasons: those of CompleteActivity.
func (c *Client) HeartbeatActivity(ctx context.Context, token string, details any) (canceled bool, err error) {
	raw, err := activity.DecodeToken(token)
	if err != nil {
		return false, fmt.Errorf("heartbeat activity: %w", err)
	}
	m := &aionv1.HeartbeatActivityRequest{Namespace: c.link.Namespace, Token: raw}
	if details != nil {
		p, err := workflow.NewPayload(details)
		if err != nil {
			return false, fmt.Errorf("heartbeat activity: its details: %w", err)
		}
		m.Details = contract.Payload(p)
	}
	res, err := call(ctx, c.workflows.HeartbeatActivity, m)
	return res.GetCancelRequested(), failed(ctx, err, "heartbeat activity")
}

// EncodeResult gives the value as it is.
func (Named) EncodeResult(p workflow.Payload) (workflow.Payload, error) { return p, nil }
