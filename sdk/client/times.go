package client

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

// times writes when a start begins, how long its chain may take, and how it is repeated.
func (o *StartOptions) times(req *aionv1.StartWorkflowRequest) {
	req.StartDelay, req.ExecutionTimeout = duration(o.StartDelay), duration(o.ExecutionTimeout)
	p := o.Retry
	if p.InitialInterval == 0 && p.Coefficient == 0 && p.MaximumInterval == 0 && p.MaximumAttempts == 0 && len(p.NonRetryable) == 0 {
		return
	}
	req.RetryPolicy = &aionv1.RetryPolicy{
		InitialInterval: duration(p.InitialInterval), Coefficient: p.Coefficient, MaximumInterval: duration(p.MaximumInterval),
		MaximumAttempts: p.MaximumAttempts,
	}
	for _, t := range p.NonRetryable {
		req.RetryPolicy.NonRetryableTypes = append(req.RetryPolicy.NonRetryableTypes, string(t))
	}
}

// duration gives nil for zero.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
