package wire

import (
	"time"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// encodeRetry gives nil for no policy.
func encodeRetry(p model.RetryPolicy) *aionv1.RetryPolicy {
	if p.IsZero() {
		return nil
	}
	return &aionv1.RetryPolicy{
		InitialInterval: EncodeDuration(p.InitialInterval), Coefficient: p.Coefficient, MaximumInterval: EncodeDuration(p.MaximumInterval),
		MaximumAttempts: p.MaximumAttempts, NonRetryableTypes: strs[string](p.NonRetryableTypes),
	}
}

// decodeTimes reads when a start begins, how long it may take, and how it is repeated. A policy without any field set is the default one. InvalidInput.
func decodeTimes(r *aionv1.StartWorkflowRequest) (out ports.StartRequest, err error) {
	if out.StartDelay, err = DecodeDuration("start_delay", r.GetStartDelay()); err != nil {
		return out, err
	}
	if out.ExecutionTimeout, err = DecodeDuration("execution_timeout", r.GetExecutionTimeout()); err != nil {
		return out, err
	}
	p := r.GetRetryPolicy()
	if p == nil {
		return out, nil
	}
	to := &out.Retry
	if to.InitialInterval, err = DecodeDuration("retry_policy.initial_interval", p.GetInitialInterval()); err != nil {
		return out, err
	}
	if to.MaximumInterval, err = DecodeDuration("retry_policy.maximum_interval", p.GetMaximumInterval()); err != nil {
		return out, err
	}
	to.Coefficient, to.MaximumAttempts, to.NonRetryableTypes = p.GetCoefficient(), p.GetMaximumAttempts(), p.GetNonRetryableTypes()
	if to.IsZero() {
		to.InitialInterval = time.Second
	}
	return out, nil
}
