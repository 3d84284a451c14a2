package wasm

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/aionrun/aion/adapters/runtime/wasm/module"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// PrecheckUpdate implements ports.Instance: a package that declares no update cannot be asked about one, whatever it would answer; of any
// other only a copy can be asked.
func (i *Instance) PrecheckUpdate(_ context.Context, u ports.UpdateCheck) (bool, error) {
	for _, w := range i.program.info.Workflows {
		if len(w.Updates) > 0 {
			return false, nil
		}
	}
	return true, fault.New(fault.UpdateRejected, "the package declares no updates, so that the run handles no update %q", u.Name)
}

// ValidateUpdate implements ports.Instance: a Query of the kind that asks about an update.
func (i *Instance) ValidateUpdate(ctx context.Context, u ports.UpdateCheck) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.usable(); err != nil {
		return err
	}
	i.input = protowire.AppendVarint(protowire.AppendTag(appendQuery(i.input[:0], string(u.Name), u.Input), 3, protowire.VarintType), 1)
	var rejected error
	_, err := i.call(ctx, module.EntryQuery, u.Limits, func(answer []byte) (err error) {
		if rejected, err = decodeVerdict(answer); err != nil {
			return protocol("the answer about an update %v", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return rejected
}

// decodeVerdict reads the QueryResult about an update. rejected is the answer, err says that it is none.
func decodeVerdict(answer []byte) (rejected, err error) {
	var kind uint64
	var message, typ string
	err = fields(answer, func(num protowire.Number, value uint64, b []byte) error {
		switch num {
		case 2:
			kind = value
		case 3:
			message = text(b, maxTextBytes)
		case 4:
			typ = text(b, 255)
		}
		return nil
	})
	switch {
	case err != nil || kind == 0:
		return nil, err
	case kind > 2:
		return nil, fmt.Errorf("has the unknown error kind %d", kind)
	}
	f := fault.New(fault.UpdateRejected, "%s", message)
	if typ != "" {
		f = f.With("failure_type", typ)
	}
	return f, nil
}
