package wire

import (
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// DecodeComplete reads the completion of an attempt.
func DecodeComplete(r *aionv1.CompleteActivityRequest) ports.ActivityResult {
	return ports.ActivityResult{
		Namespace: model.Namespace(r.GetNamespace()), Token: r.GetToken(), Result: DecodePayload(r.GetResult()), RequestID: model.RequestID(r.GetRequestId()),
	}
}

// EncodeComplete writes the completion of an attempt. Identity is not carried.
func EncodeComplete(r ports.ActivityResult) *aionv1.CompleteActivityRequest {
	return &aionv1.CompleteActivityRequest{Namespace: string(r.Namespace), Token: r.Token, Result: EncodePayload(r.Result), RequestId: string(r.RequestID)}
}

// DecodeFail reads the failure of an attempt. InvalidInput.
func DecodeFail(r *aionv1.FailActivityRequest) (ports.ActivityResult, error) {
	delay, err := DecodeDuration("next_retry_delay", r.GetNextRetryDelay())
	if err != nil {
		return ports.ActivityResult{}, err
	}
	f := DecodeFailure(r.GetFailure())
	if f == nil {
		return ports.ActivityResult{}, fault.Invalidf("failure is missing").Hinted("say what went wrong: set failure.message, and failure.retryable where another attempt may help")
	}
	return ports.ActivityResult{
		Namespace: model.Namespace(r.GetNamespace()), Token: r.GetToken(), Failure: f, NextDelay: delay, RequestID: model.RequestID(r.GetRequestId()),
	}, nil
}

// EncodeFail writes the failure of an attempt. Identity is not carried.
func EncodeFail(r ports.ActivityResult) *aionv1.FailActivityRequest {
	return &aionv1.FailActivityRequest{
		Namespace: string(r.Namespace), Token: r.Token, Failure: EncodeFailure(r.Failure), NextRetryDelay: EncodeDuration(r.NextDelay), RequestId: string(r.RequestID),
	}
}
