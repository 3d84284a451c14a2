package ports

import (
	"context"

	"github.com/aionrun/aion/domain/model"
)

// Events is what transports call to follow workflows. Safe for concurrent use.
type Events interface {
	// Subscribe calls deliver for each frame, one at a time, until the subscription ends: with nil when the run that it follows has closed, otherwise with
	// why. It goes at the pace of deliver: a slow one costs no memory and holds up nobody (what it has not seen is read from the store again).
	// Frames hold every matching event once, in the order in which they were recorded (rule S-3).
	//
	// Errors: what deliver answered, the context's error, NotFound, InvalidInput (a filter or a cursor that cannot be read), CursorAhead (the cursor is of
	// another database, or of one that was restored), HistoryCompacted (events after the cursor are no longer kept), Overloaded, Draining.
	Subscribe(ctx context.Context, r SubscribeRequest, deliver func(EventFrame) error) error
}

// SubscribeRequest says what to follow: one run where WorkflowID is set, otherwise the runs of the namespace.
type SubscribeRequest struct {
	Namespace  model.Namespace
	WorkflowID model.WorkflowID
	Run        model.RunID // "" = the current run; the runs that continue it follow
	From       model.Seq   // of the run; 0 = 1

	Filter    string // "" = all runs
	Cursor    string // of the last frame that was handled
	FromStart bool   // without a cursor: from the oldest event that is kept, not from now
}

// EventFrameKind tells frames apart.
type EventFrameKind uint8

// The kinds of frames.
const (
	FrameSubscribed EventFrameKind = iota + 1 // the first one
	FrameEvents
	FrameCaughtUp // everything recorded so far was delivered
	FrameEnd      // the run has closed and nothing continues it
)

// EventFrame is one message to a subscriber. Its bytes are valid until deliver returns, and must not be changed.
type EventFrame struct {
	Kind   EventFrameKind
	Key    model.ChainKey // FrameEvents
	Run    model.RunID    // FrameEvents
	Events []byte         // FrameEvents: HistoryPage encoding
	Cursor string         // resumes after this frame; "" for a subscription to a run, which is resumed by Run and the seq after the last
}
