package connect

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// events serves EventService.
type events struct{ s *server }

var _ aionv1connect.EventServiceHandler = events{}

// Subscribe sends frames until the subscription ends. A client that does not read is cut off; one that reads slowly slows only itself down.
func (h events) Subscribe(ctx context.Context, req *connect.Request[aionv1.SubscribeRequest], stream *connect.ServerStream[aionv1.SubscribeResponse]) error {
	r, err := wire.DecodeSubscription(req.Msg.GetSubscription())
	if err != nil {
		return err
	}
	ctx, expired := untilExpiry(ctx, h.s.Clock)
	defer expired()
	stall := time.AfterFunc(h.s.SendTimeout, bodyOf(ctx).stopWriting)
	defer stall.Stop()
	stall.Stop()
	id := req.Msg.GetSubscription().GetId()
	err = h.s.Service.Subscribe(ctx, r, func(f ports.EventFrame) error {
		frame, err := wire.EncodeEventFrame(id, f)
		if err != nil {
			return err
		}
		stall.Reset(h.s.SendTimeout)
		defer stall.Stop()
		return stream.Send(&aionv1.SubscribeResponse{Frame: frame})
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// untilExpiry ends the context when the caller's credentials do.
func untilExpiry(ctx context.Context, clock ports.Clock) (context.Context, func()) {
	p, _ := ports.PrincipalFrom(ctx)
	if p.Expires.IsZero() {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	t := clock.AfterFunc(p.Expires.Sub(clock.Now()), func() {
		end(fault.New(fault.Unauthenticated, "the credentials of the subscription have expired").Hinted("subscribe again with new ones, from the last cursor"))
	})
	return ctx, func() { t.Stop(); end(nil) }
}
