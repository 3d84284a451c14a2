package events

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Run follows one run of a chain from an event on, and then the runs that continue it. It ends with nil when there is none.
func (h *Hub) Run(ctx context.Context, key model.ChainKey, run model.RunID, from model.Seq, deliver func(ports.EventFrame) error) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	bell, unfollow := h.follow(key)
	defer unfollow()
	if err := deliver(ports.EventFrame{Kind: ports.FrameSubscribed}); err != nil {
		return err
	}
	from = max(from, 1)
	caughtUp := false
	for {
		rows, err := h.store.History(ctx, run, from, pageBytes)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			if rows, err = h.closed(ctx, key, run); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			if !caughtUp {
				if err := deliver(ports.EventFrame{Kind: ports.FrameCaughtUp}); err != nil {
					return err
				}
				caughtUp = true
			}
			if err := h.wait(ctx, bell); err != nil {
				return err
			}
			continue
		}
		for i := range rows {
			page, last, err := since(&rows[i], from)
			if err != nil {
				return err
			}
			if len(page) > 0 {
				if err := deliver(ports.EventFrame{Kind: ports.FrameEvents, Key: key, Run: run, Events: page}); err != nil {
					return err
				}
			}
			from = rows[i].Last + 1
			if !history.PeekKind(last).Closing() {
				continue
			}
			next, err := successor(last)
			if err != nil {
				return err
			}
			if next == "" {
				return deliver(ports.EventFrame{Kind: ports.FrameEnd})
			}
			run, from = next, 1
			break
		}
	}
}

// closed gives the last row of a run that has closed, and nothing of one that is open: a subscriber that has seen the closing event already, and
// comes back, hears what continues the run, or that it is the end.
func (h *Hub) closed(ctx context.Context, key model.ChainKey, run model.RunID) ([]ports.HistoryRow, error) {
	r, err := h.store.Run(ctx, key.Namespace, run)
	switch {
	case fault.Has(err, fault.NotFound):
		return nil, fault.New(fault.HistoryCompacted, "run %s of workflow %q is no longer kept", run, key.WorkflowID)
	case err != nil || r.Status.Open():
		return nil, err
	}
	row, err := h.store.LastHistory(ctx, run)
	return []ports.HistoryRow{row}, err
}

// since gives the events of a row from a seq on, and the row's last event.
func since(row *ports.HistoryRow, from model.Seq) (page, last []byte, err error) {
	page = row.Bytes
	rest := row.Bytes
	for seq := row.First; len(rest) > 0; seq++ {
		if seq == from {
			page = rest
		}
		if last, _, rest, err = history.Split(rest); err != nil {
			return nil, nil, err
		}
	}
	if from > row.Last {
		page = nil
	}
	return page, last, nil
}

// successor gives the run that continues one, by its closing event; "" when there is none.
func successor(closing []byte) (model.RunID, error) {
	if history.PeekKind(closing) != history.KindContinuedAsNew {
		return "", nil
	}
	e, err := history.DecodeEvent(closing)
	if err != nil {
		return "", err
	}
	return e.Attr.(*history.ContinuedAsNew).NewRun, nil
}
