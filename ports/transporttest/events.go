package transporttest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// testEvents holds a transport to ports.Events: frames arrive as they were delivered and in order, an error comes behind them, and a subscriber that
// leaves ends the subscription.
func testEvents(t *testing.T, dial Dial) {
	requests := []ports.SubscribeRequest{
		{Namespace: "shop", WorkflowID: "order/7:a é", Run: "r1", From: 7},
		{Namespace: "shop", Filter: "status = 'Failed'", Cursor: "AQ-_"},
		{Namespace: "shop", FromStart: true},
	}
	frames := []ports.EventFrame{
		{Kind: ports.FrameSubscribed, Cursor: "c1"},
		{Kind: ports.FrameEvents, Key: model.ChainKey{Namespace: "shop", WorkflowID: "order/7:a é"}, Run: "r1", Events: events()[:13], Cursor: "c2"},
		{Kind: ports.FrameCaughtUp, Cursor: "c3"},
		{Kind: ports.FrameEnd},
	}
	refused := fault.New(fault.HistoryCompacted, "events after the cursor are no longer kept").Hinted("begin anew")
	for i, ending := range []error{nil, refused, fault.New(fault.Lagged, "too slow")} {
		s := &Service{Reply: func(context.Context, Call) (any, error) { return Ending{Frames: frames, Err: ending}, nil }}
		c := dial(t, setup(s))
		var got []ports.EventFrame
		err := c.Subscribe(bounded(t), requests[i], func(f ports.EventFrame) error {
			got = append(got, f)
			return nil
		})
		if fault.ReasonOf(err) != fault.ReasonOf(ending) || (err == nil) != (ending == nil) {
			t.Errorf("the subscription ended with %v, want %v", err, ending)
		}
		if !reflect.DeepEqual(got, frames) {
			t.Errorf("got %+v, want %+v", got, frames)
		}
		if calls := s.Calls(); len(calls) != 1 || !reflect.DeepEqual(calls[0].Request, requests[i]) || calls[0].Principal.Subject != Subject {
			t.Errorf("the service saw %+v, want %+v", calls, requests[i])
		}
	}

	left := make(chan struct{})
	s := &Service{Reply: func(ctx context.Context, _ Call) (any, error) {
		context.AfterFunc(ctx, func() { close(left) })
		return Ending{Frames: frames[:1], Wait: true}, nil
	}}
	gone := errors.New("gone")
	if err := dial(t, setup(s)).Subscribe(bounded(t), requests[0], func(ports.EventFrame) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	<-left
}
