package connect

import (
	"context"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/ports"
)

// Subscribe implements ports.Events.
func (r *Remote) Subscribe(ctx context.Context, q ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	stream, err := r.events.Subscribe(ctx, connect.NewRequest(&aionv1.SubscribeRequest{Subscription: wire.EncodeSubscription("remote", q)}))
	if err != nil {
		return wire.DecodeError(err)
	}
	defer stream.Close()
	for stream.Receive() {
		_, f, err := wire.DecodeEventFrame(stream.Msg().GetFrame())
		if err != nil {
			return err
		}
		if err := deliver(f); err != nil {
			return err
		}
	}
	return wire.DecodeError(stream.Err())
}
