package events

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// skipBytes is how much that does not match may be passed over before the subscriber gets a newer cursor.
const skipBytes = 4 << 20

// NamespaceRequest says which runs of a namespace to follow, and from where.
type NamespaceRequest struct {
	Namespace model.Namespace
	Matches   func(context.Context, *ports.HistoryRow) (bool, error) // nil = all
	Cursor    string
	FromStart bool
}

// Namespace follows the runs of a namespace. It ends only with an error.
func (h *Hub) Namespace(ctx context.Context, r NamespaceRequest, deliver func(ports.EventFrame) error) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	// Who rings must know of this one before the head is read.
	t, left, err := h.join(ctx)
	if err != nil {
		return err
	}
	defer left()
	pos, err := h.begin(ctx, r)
	if err != nil {
		return err
	}
	if err := deliver(ports.EventFrame{Kind: ports.FrameSubscribed, Cursor: Cursor{pos}.String()}); err != nil {
		return err
	}
	told := false // that it has caught up, at pos
	skipped := 0
	for {
		rows, news, live := t.after(pos)
		if !live {
			if rows, err = h.store.Feed(ctx, 0, pos, pageBytes); err != nil {
				return err
			}
		}
		for i := range rows {
			row := &rows[i]
			pos = row.Pos
			ok := row.Key.Namespace == r.Namespace
			if ok && r.Matches != nil {
				if ok, err = r.Matches(ctx, row); err != nil {
					return err
				}
			}
			if !ok {
				skipped += len(row.Bytes)
				continue
			}
			skipped, told = 0, false
			if err := deliver(ports.EventFrame{Kind: ports.FrameEvents, Key: row.Key, Run: row.Run, Events: row.Bytes, Cursor: Cursor{pos}.String()}); err != nil {
				return err
			}
		}
		if caughtUp := len(rows) == 0 && live; caughtUp && !told || skipped > skipBytes {
			skipped, told = 0, caughtUp
			if err := deliver(ports.EventFrame{Kind: ports.FrameCaughtUp, Cursor: Cursor{pos}.String()}); err != nil {
				return err
			}
		}
		switch {
		case len(rows) > 0:
		case live:
			select {
			case <-news:
			case <-ctx.Done():
				return ctx.Err()
			case <-h.base.Done():
				return errClosed()
			}
		default:
			// The store has nothing more, and the tail begins later: what was in between is not kept.
			pos = t.begin()
		}
	}
}

// begin finds the position after which a subscription begins.
func (h *Hub) begin(ctx context.Context, r NamespaceRequest) (int64, error) {
	if r.Cursor == "" && r.FromStart {
		_, err := h.store.Feed(ctx, 0, 0, 1)
		if lowest, ok := ports.LowestKept(err); ok {
			return lowest - 1, nil // what was before was removed after its retention
		}
		return 0, err
	}
	head, err := h.store.Head(ctx, 0)
	if err != nil || r.Cursor == "" {
		return head, err
	}
	c, err := ParseCursor(r.Cursor, int(h.store.Info().Shards))
	if err != nil {
		return 0, err
	}
	if c[0] > head {
		if rows, err := h.store.Feed(ctx, 0, c[0]-1, 1); err != nil || len(rows) > 0 {
			return c[0], err // it was committed a moment ago
		}
		return 0, fault.New(fault.CursorAhead, "the cursor is ahead of everything that this database holds").
			Hinted("it is of another database, or of one that was restored from a backup: subscribe without a cursor, or from the start")
	}
	return c[0], nil
}
