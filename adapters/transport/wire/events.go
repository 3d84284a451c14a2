package wire

import (
	"google.golang.org/protobuf/proto"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// MaxSubscriptionID bounds the ID that a client gives a subscription, in bytes.
const MaxSubscriptionID = 128

// DecodeSubscription reads what to follow.
func DecodeSubscription(m *aionv1.Subscription) (ports.SubscribeRequest, error) {
	if m == nil {
		return ports.SubscribeRequest{}, fault.Invalidf("subscription is missing").Hinted("say what to follow: run, or filter")
	}
	if len(m.GetId()) > MaxSubscriptionID {
		return ports.SubscribeRequest{}, fault.Invalidf("the subscription's id has %d bytes; at most %d are allowed", len(m.GetId()), MaxSubscriptionID)
	}
	r := ports.SubscribeRequest{Namespace: model.Namespace(m.GetNamespace()), Filter: m.GetFilter(), Cursor: m.GetCursor(), FromStart: m.GetFromStart()}
	if run := m.GetRun(); run != nil {
		r.WorkflowID, r.Run, r.From = model.WorkflowID(run.GetWorkflowId()), model.RunID(run.GetRunId()), model.Seq(run.GetFromSeq())
		if r.WorkflowID == "" {
			return r, fault.Invalidf("run.workflow_id is missing").Hinted("name the workflow, or leave run out to follow the namespace")
		}
	}
	return r, nil
}

// EncodeSubscription is the reverse of DecodeSubscription.
func EncodeSubscription(id string, r ports.SubscribeRequest) *aionv1.Subscription {
	m := &aionv1.Subscription{Id: id, Namespace: string(r.Namespace), Filter: r.Filter, Cursor: r.Cursor, FromStart: r.FromStart}
	if r.WorkflowID != "" {
		m.Run = &aionv1.RunSubscription{WorkflowId: string(r.WorkflowID), RunId: string(r.Run), FromSeq: uint32(r.From)}
	}
	return m
}

// EncodeEventFrame makes the message of a frame.
func EncodeEventFrame(id string, f ports.EventFrame) (*aionv1.EventFrame, error) {
	out := &aionv1.EventFrame{Id: id}
	switch f.Kind {
	case ports.FrameSubscribed:
		out.Frame = &aionv1.EventFrame_Subscribed{Subscribed: &aionv1.Subscribed{Cursor: f.Cursor}}
	case ports.FrameCaughtUp:
		out.Frame = &aionv1.EventFrame_CaughtUp{CaughtUp: &aionv1.CaughtUp{Cursor: f.Cursor}}
	case ports.FrameEnd:
		out.Frame = &aionv1.EventFrame_End{End: &aionv1.End{}}
	case ports.FrameEvents:
		events := &aionv1.Events{}
		if err := proto.Unmarshal(f.Events, events); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the stored events of run %s cannot be read", f.Run)
		}
		if len(events.ProtoReflect().GetUnknown()) > 0 || events.GetRunId() != "" || events.GetCursor() != "" {
			return nil, fault.Internalf("the stored events of run %s have something beside them", f.Run)
		}
		events.Namespace, events.WorkflowId, events.RunId, events.Cursor = string(f.Key.Namespace), string(f.Key.WorkflowID), string(f.Run), f.Cursor
		out.Frame = &aionv1.EventFrame_Events{Events: events}
	}
	return out, nil
}

// DecodeEventFrame is the reverse of EncodeEventFrame. An error frame gives its error.
func DecodeEventFrame(m *aionv1.EventFrame) (id string, f ports.EventFrame, err error) {
	switch x := m.GetFrame().(type) {
	case *aionv1.EventFrame_Subscribed:
		f = ports.EventFrame{Kind: ports.FrameSubscribed, Cursor: x.Subscribed.GetCursor()}
	case *aionv1.EventFrame_CaughtUp:
		f = ports.EventFrame{Kind: ports.FrameCaughtUp, Cursor: x.CaughtUp.GetCursor()}
	case *aionv1.EventFrame_End:
		f = ports.EventFrame{Kind: ports.FrameEnd}
	case *aionv1.EventFrame_Events:
		e := x.Events
		f = ports.EventFrame{Kind: ports.FrameEvents, Key: model.ChainKey{Namespace: model.Namespace(e.GetNamespace()), WorkflowID: model.WorkflowID(e.GetWorkflowId())},
			Run: model.RunID(e.GetRunId()), Cursor: e.GetCursor()}
		f.Events, err = proto.MarshalOptions{Deterministic: true}.Marshal(&aionv1.Events{Events: e.GetEvents()})
	case *aionv1.EventFrame_Error:
		err = &fault.Error{Reason: fault.Reason(min(x.Error.GetInfo().GetReason(), 255)), Message: x.Error.GetMessage(), Hint: x.Error.GetInfo().GetHint(),
			RetryAfter: x.Error.GetInfo().GetRetryAfter().AsDuration(), Metadata: x.Error.GetInfo().GetMetadata()}
	}
	return m.GetId(), f, err
}

// EncodeEventError makes the message that ends a subscription with an error.
func EncodeEventError(id string, err error) *aionv1.EventFrame {
	e := EncodeError(err)
	return &aionv1.EventFrame{Id: id, Frame: &aionv1.EventFrame_Error{Error: &aionv1.EventError{Code: e.Code.String(), Message: e.Message, Info: e.Info}}}
}
