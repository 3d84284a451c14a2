package engine

import (
	"context"

	"github.com/aionrun/aion/domain/events"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Subscribe follows a run, or the runs of a namespace. It loads nothing into memory.
func (e *Engine) Subscribe(ctx context.Context, r ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	if e.state.Load() == stateNew {
		return e.accepting()
	}
	if r.WorkflowID == "" {
		return e.subscribeNamespace(ctx, r, deliver)
	}
	if r.Cursor != "" || r.FromStart || r.Filter != "" {
		return fault.Invalidf("a subscription to a run has no filter, no cursor and no from_start").Hinted("resume a run with run_id and from_seq")
	}
	ref := ports.WorkflowRef{Namespace: r.Namespace, WorkflowID: r.WorkflowID, Run: r.Run}
	key, err := e.ref(ctx, &ref)
	if err != nil {
		return err
	}
	run, err := e.runOf(ctx, ref)
	if err != nil {
		return err
	}
	return e.events.Run(ctx, key, run.ID, r.From, deliver)
}

func (e *Engine) subscribeNamespace(ctx context.Context, r ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	ns, err := e.ns.Resolve(ctx, r.Namespace, false)
	if err != nil {
		return err
	}
	if r.Run != "" || r.From != 0 {
		return fault.Invalidf("a subscription to a namespace has no run_id and no from_seq").Hinted("name the workflow ID of the run, or resume with a cursor")
	}
	matches, err := e.matcher(ns, r.Filter)
	if err != nil {
		return err
	}
	return e.events.Namespace(ctx, events.NamespaceRequest{Namespace: ns, Matches: matches, Cursor: r.Cursor, FromStart: r.FromStart}, deliver)
}

// matcher evaluates a filter over the run of a history row, as the run stands when the row is delivered. now() is the moment of the subscription.
func (e *Engine) matcher(ns model.Namespace, text string) (func(context.Context, *ports.HistoryRow) (bool, error), error) {
	if text == "" {
		return nil, nil
	}
	f, err := filter.Parse(text, filter.NewSchema(e.ns.Attributes(ns)), e.opt.Clock.Now())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, row *ports.HistoryRow) (bool, error) {
		run, err := e.store.Run(ctx, ns, row.Run)
		if fault.Has(err, fault.NotFound) {
			return false, nil // removed since
		}
		return err == nil && f.Matches(&run), err
	}, nil
}

// Subscriptions counts those who follow.
func (e *Engine) Subscriptions() int { return e.events.Subscribers() }
