package worker

import (
	"fmt"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/internal/contract"
)

// decode passes what the attempt was given through the codecs. What cannot be decoded ends the attempt: another worker may have the key.
func (a *attempt) decode() {
	codecs := a.w.options.Codecs
	var err error
	if a.input, err = codecs.Decode(a.input); err != nil {
		a.unread = fmt.Errorf("the input cannot be decoded: %w", err)
	}
	if a.details, err = codecs.Decode(a.details); err != nil && a.unread == nil {
		a.unread = fmt.Errorf("the heartbeat details cannot be decoded: %w", err)
	}
}

// encoded passes the values of a result through the codecs. One that cannot be encoded is not sent at all.
func (w *Worker) encoded(r *aionv1.TaskResult) *aionv1.TaskResult {
	if err := contract.Convert(r, w.options.Codecs.Encode); err != nil {
		return &aionv1.TaskResult{Token: r.GetToken(), Outcome: &aionv1.TaskResult_Failed{Failed: &aionv1.TaskFailure{Failure: &aionv1.Failure{
			Type: "aion.bad_payload", Message: fmt.Sprintf("a value of the result cannot be encoded: %v", err), Retryable: true,
		}}}}
	}
	return r
}
