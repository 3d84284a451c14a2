package native

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/guest"
)

// PrecheckUpdate implements ports.Instance: without a validator no copy is needed.
func (i *instance) PrecheckUpdate(_ context.Context, u ports.UpdateCheck) (bool, error) {
	if i.closed {
		return true, fault.Internalf("an instance was asked about an update after it was closed")
	}
	v, decided := i.code.PrecheckUpdate(string(u.Name), guest.Payload(u.Input))
	return decided, verdict(v)
}

// ValidateUpdate implements ports.Instance.
func (i *instance) ValidateUpdate(_ context.Context, u ports.UpdateCheck) error {
	if i.closed {
		return fault.Internalf("an instance was asked about an update after it was closed")
	}
	return verdict(i.code.ValidateUpdate(string(u.Name), guest.Payload(u.Input)))
}

func verdict(v guest.UpdateVerdict) error {
	if v.Kind == guest.QueryOK {
		return nil
	}
	err := fault.New(fault.UpdateRejected, "%s", v.Error)
	if v.Type != "" {
		err = err.With("failure_type", v.Type)
	}
	return err
}
